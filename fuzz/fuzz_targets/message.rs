#![no_main]
//! See `exercise::message` for what must hold.

#[allow(dead_code)]
#[path = "../../crates/sip/tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercise::message(data));
