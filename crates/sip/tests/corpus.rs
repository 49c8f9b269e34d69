//! Runs the seed corpora of the fuzz targets as plain tests.

// Helper functions are part of the tests.
#![allow(clippy::unwrap_used)]

mod exercise;

use std::fs;
use std::path::Path;

fn run(target: &str, exercise: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        exercise(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn messages() {
    run("message", exercise::message);
}

#[test]
fn uris() {
    run("uri", exercise::uri);
}

#[test]
fn streams() {
    run("framing", exercise::framing);
}

/// The torture messages, whole and cut off at every byte, as messages and as streams.
#[test]
fn torture_messages_cut_off() {
    for kind in ["valid", "invalid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(kind);
        for entry in fs::read_dir(folder).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            exercise::message(&bytes);
            let step = bytes.len() / 200 + 1;
            for end in (0..bytes.len()).step_by(step) {
                exercise::message(&bytes[..end]);
            }
            exercise::framing(&bytes);
        }
    }
}
