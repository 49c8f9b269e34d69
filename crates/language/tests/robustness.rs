//! Hostile input: nothing panics, overflows the stack or takes quadratic time.

use std::time::{Duration, Instant};

use language::variable::{parse_format, parse_variable, split_arguments};
use language::{MemoryFiles, Parsed, Source, parse, render};

const RICH: &str = include_str!("configs/rich.cfg");

fn run(text: &str) -> Parsed {
    let files = MemoryFiles(vec![("self.cfg".into(), text.as_bytes().to_vec())]);
    let parsed = parse(&Source::text("self.cfg", text, &files));
    // Drawing takes longer than parsing.
    let drawn = if text.len().is_multiple_of(8) { 3 } else { 0 };
    for diagnostic in parsed.diagnostics.iter().take(drawn) {
        let _ = render::full(diagnostic, &parsed.sources, true);
        let _ = render::concise(diagnostic, &parsed.sources);
        let _ = render::json(diagnostic, &parsed.sources);
    }
    parsed
}

/// A small generator; the tests must repeat exactly.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn rich_configuration() {
    let parsed = run(RICH);
    let drawn: Vec<String> = parsed.diagnostics.iter().map(|it| render::full(it, &parsed.sources, false)).collect();
    assert!(drawn.is_empty(), "{}", drawn.join("\n"));
    assert_eq!(parsed.config.items.len(), 38);
}

#[test]
fn every_prefix() {
    for (end, _) in RICH.char_indices() {
        run(&RICH[..end]);
    }
}

#[test]
fn mutations() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let pieces: Vec<&str> = RICH.split_inclusive([' ', '\n', '(', ';']).collect();
    let odd = [
        "\"",
        "'",
        "/*",
        "#!endif\n",
        "#!else\n",
        "$(",
        "{",
        "}",
        "(",
        ")",
        "\\",
        "\u{201c}",
        "é",
        "\0",
        "!!",
        "#!define ",
        "@",
        "[",
        "::",
        "=",
    ];
    for _ in 0..600 {
        let mut bytes = RICH.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => {
                    let end = (at + random.below(60)).min(bytes.len());
                    bytes.drain(at..end);
                }
                2 => {
                    let piece = pieces[random.below(pieces.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                _ => {
                    let piece = odd[random.below(odd.len())];
                    bytes.splice(at..at, piece.bytes());
                }
            }
        }
        run(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn variables_survive_anything() {
    let mut random = Random(42);
    let alphabet = ["$", "(", ")", "[", "]", "{", "}", ",", ".", "a", "var", "*", "1", "-", " ", "é", "=>", "s.len"];
    for _ in 0..50_000 {
        let text: String = (0..random.below(14)).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let span = language::span::Span { end: text.len() as u32, ..Default::default() };
        let _ = parse_variable(&text, span);
        let _ = parse_format(&text, span);
        let _ = split_arguments(&text);
    }
}

#[test]
fn deep_nesting() {
    let depth = 8_000;
    for (open, middle, close) in [
        ("if (1) {", "exit;", "}"),
        ("(", "1", ")"),
        ("{", ";", "}"),
        ("!", "1", ""),
        ("-", "1", ""),
        ("(int)", "1", ""),
        ("1 + ", "1", ""),
        ("1 || (", "1", ")"),
        ("f(", "1", ")"),
        ("strlen(", "1", ")"),
        ("method == ", "1", ""),
        ("else if (1) exit; ", "", ""),
        ("if (1) ", "exit;", ""),
        ("if (1) exit; else ", "exit;", ""),
        ("while (1) ", "exit;", ""),
        ("switch (1) { case 1: ", "exit;", "}"),
        ("$(avp(x)[", "1", "])"),
        ("#!ifdef X\n", "", "#!endif\n"),
        ("/*", "", "*/"),
        ("route[A] {", "", "}"),
        ("listen=", "", ""),
        ("\"a\" ", "", ""),
        ("else ", "exit;", ""),
        ("{ 1 + ", "1", "}"),
        ("{ $x = 1 + { ", "exit;", "};}"),
        ("elif ", "", ""),
        ("case ", "", ""),
        ("selval(", "1", ")"),
    ] {
        let nest = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
        for text in [
            format!("route {{ if (1) exit; {nest} }}"),
            format!("route {{ $x = {nest}; }}"),
            format!("route {{ if ({nest}) exit; }}"),
            nest.clone(),
        ] {
            let parsed = run(&text);
            // Using the tree must not overflow the stack either.
            let copy = parsed.config.clone();
            assert_eq!(copy, parsed.config);
        }
    }
    // Just inside the bounds.
    let chain = format!("route {{ if (1) exit; {} }}", "else if (1) exit; ".repeat(500));
    assert!(!run(&chain).has_errors());
    let sum = format!("route {{ $x = 1 {}; }}", "+ 1 ".repeat(499));
    assert!(!run(&sum).has_errors());
    let blocks = format!("route {{ {} exit; {} }}", "if (1) { ".repeat(80), "}".repeat(80));
    assert!(!run(&blocks).has_errors());
}

#[test]
fn large_input_takes_linear_time() {
    // Quadratic work on this much would take minutes.
    let size = 1 << 15;
    let texts = [
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
    ];
    for piece in texts {
        for prefix in
            ["", "route {", "route { $x = ", "#!define A A2\n#!define A2 1 A3\n#!subst \"/a/bb/g\"\n", "#!ifdef NO\n"]
        {
            let text = format!("{prefix}{}", piece.repeat(size / piece.len()));
            let start = Instant::now();
            run(&text);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(5), "{piece:?} after {prefix:?}: {took:?}");
        }
    }
}

#[test]
fn explosions_are_bounded() {
    let mut text = String::new();
    for level in 0..60 {
        text.push_str(&format!("#!define D{level} D{next} D{next}\n", next = level + 1));
    }
    text.push_str("route { D0 }\n");
    assert!(run(&text).has_errors());

    let mut text: String = (0..600).map(|rule| format!("#!subst \"/a{rule}*/aa/g\"\n")).collect();
    text.push_str("log_prefix=\"a\"\n");
    assert!(run(&text).has_errors());

    let many: String = (0..600).map(|name| format!("#!define N{name}\n")).collect();
    assert!(run(&many).has_errors());
}
