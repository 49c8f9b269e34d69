//! scratch
use language::{MemoryFiles, Source, parse, render};
fn main() {
    let size = 1usize << std::env::args().nth(1).unwrap().parse::<u32>().unwrap(); let only = std::env::args().nth(2).unwrap();
    for piece in [
        "$",
        "\"",
        "'",
        "(",
        "{",
        "}",
        "[",
        ";",
        "#",
        "#!",
        "!!",
        "\\",
        "@a.",
        "%a",
        "a",
        "a ",
        "a.",
        "1.",
        ":",
        "::",
        "é",
        "\n",
        " ",
        "/*",
        "*/",
        "#!define A\n",
        "#!ifdef A\n",
        "#!else\n",
        "#!endif\n",
        "$(a",
        "$a(",
        "f(\"$a(b)\",1);",
        "route[A]{exit;}",
        "listen=a ",
        "alias=a.b-c ",
        "a.b=1\n",
        "\"\" ",
        "\"\n",
        "$x=1+1;",
        "x=",
        "if(1)exit;",
        "loadmodule \"a\"\n",
        "include_file \"self.cfg\"\n",
        "import_file \"x\"\n",
        "#!subst \"/a/aa/g\"\n",
        "\"a\"\n",
        "@a[",
        "$x[1",
        "modparam(\"a\",\"b\",\"c\")\n",
        "case 1:",
        "switch(1){",
        "msg:len",
        "#!define X \"",
    ] {
        for prefix in
            ["", "route {", "route { $x = ", "#!define A A2\n#!define A2 1 A3\n#!subst \"/a/bb/g\"\n", "#!ifdef NO\n"]
        {
            if !piece.contains(&only) { continue; }
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
            if a.as_millis() > 300 || b.as_millis() > 100 {
                println!(
                    "{piece:?} {prefix:?} parse {a:?} render {b:?} {} exp {}",
                    p.diagnostics.len(),
                    p.sources.expansions.len()
                );
            }
        }
    }
}
