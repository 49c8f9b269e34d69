//! scratch
use language::{MemoryFiles, Source, parse, render};
fn main() {
    let size = 1usize << std::env::args().nth(1).unwrap().parse::<u32>().unwrap();
    let only = std::env::args().nth(2).unwrap();
    let list = std::fs::read_to_string("/tmp/k/pieces.txt").unwrap();
    for piece in list.lines().map(|l| l.replace("\\n", "\n")) {
        if !piece.contains(&only) {
            continue;
        }
        for prefix in
            ["", "route {", "route { $x = ", "#!define A A2\n#!define A2 1 A3\n#!subst \"/a/bb/g\"\n", "#!ifdef NO\n"]
        {
            let text = format!("{prefix}{}", piece.repeat(size / piece.len()));
            let files = MemoryFiles(vec![("self.cfg".into(), text.as_bytes().to_vec())]);
            let t = std::time::Instant::now();
            let p = parse(&Source::text("self.cfg", text, &files));
            let a = t.elapsed();
            let t = std::time::Instant::now();
            for d in p.diagnostics.iter().take(3) {
                let _ = render::full(d, &p.sources, true);
            }
            let b = t.elapsed();
            if a.as_millis() > 900 || b.as_millis() > 400 || !only.is_empty() {
                println!(
                    "{piece:?} {prefix:?} parse {a:?} render {b:?} {} exp {}",
                    p.diagnostics.len(),
                    p.sources.expansions.len()
                );
            }
        }
    }
}
