//! scratch
use language::{MemoryFiles, Source, parse};
fn main() {
    let kb: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let which: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let depth = 100_000;
    let (open, middle, close) = [
        ("if (1) {", "exit;", "}"),
        ("(", "1", ")"),
        ("{", ";", "}"),
        ("!", "1", ""),
        ("1 + ", "1", ""),
        ("1 || (", "1", ")"),
        ("strlen(", "1", ")"),
        ("else if (1) exit; ", "", ""),
        ("if (1) ", "exit;", ""),
        ("switch (1) { case 1: ", "exit;", "}"),
        ("{ $x = 1 + ", "exit;", ";}"),
        ("selval(", "1", ")"),
    ][which];
    let text = if [1usize, 3, 4, 5, 6, 10, 11].contains(&which) {
        format!("route {{ $x = {}{middle}{}; }}", open.repeat(depth), close.repeat(depth))
    } else {
        format!("route {{ if (1) exit; {}{middle}{} }}", open.repeat(depth), close.repeat(depth))
    };
    std::thread::Builder::new()
        .stack_size(kb * 1024)
        .spawn(move || {
            let files = MemoryFiles::default();
            let t = std::time::Instant::now();
            let p = parse(&Source::text("x", text, &files));
            eprintln!("{:?}", t.elapsed());
            std::mem::forget(p);
        })
        .unwrap()
        .join()
        .unwrap();
}
