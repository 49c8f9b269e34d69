//! Parses a configuration and draws its mistakes: `parse FILE [NAME[=VALUE]]..`.

use language::{FileSystem, Source, parse, render};

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_default();
    let defines = arguments.map(|it| match it.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (it, None),
    });
    let parsed = parse(&Source::file(file, &FileSystem).with_defines(defines));
    let mut out = String::new();
    for diagnostic in &parsed.diagnostics {
        out.push_str(&render::full(diagnostic, &parsed.sources, false));
        out.push_str("\n\n");
    }
    out.push_str(&format!("{} items, {} diagnostics\n", parsed.config.items.len(), parsed.diagnostics.len()));
    let _ = std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes());
    if parsed.has_errors() { std::process::ExitCode::FAILURE } else { std::process::ExitCode::SUCCESS }
}
