//! What the unit tests of several modules share: a script in a server in memory.

use testkit::Bench;

/// A request to the server.
pub(crate) const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

fn loads(modules: &str) -> String {
    modules.split_whitespace().map(|name| format!("loadmodule \"{name}.so\"\n")).collect()
}

/// The texts that a script logs for one request, with these modules and globals.
pub(crate) fn log(modules: &str, globals: &str, statements: &str) -> Vec<String> {
    let config = format!("debug=2\n{}{globals}\nrequest_route {{\n{statements}\n}}", loads(modules));
    script_lines(Bench::new(&config, crate::MODULES).unwrap().receive(OPTIONS).log)
}

/// The texts among log lines that a script wrote.
pub(crate) fn script_lines(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter_map(|line| line.split_once("<script>: ").map(|(_, text)| text.to_owned())).collect()
}

/// The mistakes in a configuration; empty: there are none.
pub(crate) fn error(modules: &str, rest: &str) -> String {
    let route = if rest.contains("request_route") { "" } else { "request_route { exit; }" };
    Bench::new(&format!("{}{rest}\n{route}\n", loads(modules)), crate::MODULES).err().unwrap_or_default()
}
