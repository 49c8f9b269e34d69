//! Olelo.
fn main() {}
