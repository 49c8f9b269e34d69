//! Every page in `docs/errors/` tells the truth: its first `kamailio` block has the mistake, the `text` block is what
//! `olelo check` prints for it, and every further `kamailio` block is free of it.
//!
//! `UPDATE_PAGES=1 cargo test -p modules --test error_pages` writes the text blocks anew.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::Code;
use engine::load::{Offer, Outcome, load};
use engine::log::{Log, Sink};
use language::{ReadFile, Source, render};

/// No files but the page's own; everybody may read it. `/etc/kamailio/secret.cfg` exists and is private.
struct Page;

impl ReadFile for Page {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/kamailio/secret.cfg") => Ok(b"modparam(\"ctl\", \"binrpc_buffer_size\", 2048)\n".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
    fn environment(&self, _: &str) -> Option<String> {
        None
    }
    fn is_world_readable(&self, path: &Path) -> bool {
        path != Path::new("/etc/kamailio/secret.cfg")
    }
}

fn check(text: &str) -> Outcome {
    let offer = Offer { modules: modules::MODULES, rpc: &[] };
    let source = Source::text("kamailio.cfg", text, &Page);
    load(&source, &offer, Arc::new(Log::new(-5, Sink::Stderr)), |_| {})
}

/// What `olelo check` prints for the mistakes of one code.
fn drawn(outcome: &Outcome, code: Code) -> String {
    let mut out = String::new();
    for diagnostic in outcome.diagnostics.iter().filter(|diagnostic| diagnostic.code == code) {
        let _ = writeln!(out, "{}", render::full(diagnostic, &outcome.sources, false));
    }
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find("```") {
        let Some((language, body)) = rest[start + 3..].split_once('\n') else { break };
        let Some(end) = body.find("```") else { break };
        blocks.push((language, &body[..end]));
        rest = &body[end + 3..];
    }
    blocks
}

#[test]
fn pages_show_what_they_explain() {
    let update = std::env::var_os("UPDATE_PAGES").is_some();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut wrong = String::new();
    for code in Code::ALL {
        let path = folder.join(format!("{}.md", code.number()));
        let page = std::fs::read_to_string(&path).expect("a page for each code");
        let blocks = blocks(&page);
        let mut configurations = blocks.iter().filter(|(language, _)| *language == "kamailio").map(|(_, text)| *text);
        let Some(bad) = configurations.next() else {
            let _ = writeln!(wrong, "{}: shows no configuration", code.number());
            continue;
        };
        let now = drawn(&check(bad), *code);
        if now.is_empty() {
            let found: Vec<_> = check(bad).diagnostics.into_iter().map(|it| (it.code.number(), it.message)).collect();
            let _ = writeln!(wrong, "{}: its first configuration does not have the mistake: {found:?}", code.number());
        }
        let shown = blocks.iter().find(|(language, _)| *language == "text").map_or("", |(_, text)| *text);
        if shown != now && update {
            let new = format!("```text\n{now}```");
            std::fs::write(&path, page.replacen(&format!("```text\n{shown}```"), &new, 1)).expect("written");
        } else if shown != now {
            let _ = writeln!(wrong, "{}: the message is now\n{now}", code.number());
        }
        let mut silent = 0;
        for good in configurations {
            silent += 1;
            let found = drawn(&check(good), *code);
            if !found.is_empty() {
                let _ = writeln!(wrong, "{}: its right configuration has the mistake\n{found}", code.number());
            }
        }
        if silent == 0 {
            let _ = writeln!(wrong, "{}: shows no configuration without the mistake", code.number());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
