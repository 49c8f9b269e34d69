//! scratch
use language::{FileSystem, Source, parse};
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let t = std::time::Instant::now();
    let p = parse(&Source::file(file, &FileSystem));
    eprintln!("{:?} {}", t.elapsed(), p.diagnostics.len());
}
