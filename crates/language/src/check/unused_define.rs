//! A define that no text uses.

use std::collections::HashSet;

use super::Check;
use super::common::{has_other_scripts, is_whole, misses_import, without_comments, words};
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if model.defined.is_empty() || !is_whole(model) || has_other_scripts(model) || misses_import(model) {
        return;
    }
    let texts: Vec<String> =
        model.sources.files.iter().map(|file| without_names(&without_comments(&file.text))).collect();
    let used: HashSet<&str> = texts.iter().flat_map(|text| words(text)).collect();
    let mut reported = HashSet::new();
    let mut found = Vec::new();
    for name in model.defined {
        // A name of `#!substdef` is replaced inside of longer words, too.
        let inside = |text: &String| text.contains(&*name.node);
        let is_word = words(&name.node).eq([name.node.as_str()]);
        let is_subst = !is_word || model.sources.text(name.span).starts_with('"');
        let is_used = used.contains(&*name.node) || (is_subst && texts.iter().any(inside));
        if is_used || !reported.insert(&name.node) {
            continue;
        }
        let message = format!("nothing uses `{}`", name.node);
        let mistake =
            Diagnostic::warning(Code::UnusedDefine, message, name.span, "defined here, and not used anywhere");
        let candidates = close_switches(&used);
        found.push(mistake.help(match crate::diagnostic::closest(&name.node, candidates) {
            Some(close) => format!("the text asks for `{close}`: is that meant?"),
            None => "remove it, or write a `#` before it".into(),
        }));
    }
    check.diagnostics.extend(found);
}

/// Words that look like names of defines.
fn close_switches<'a>(used: &'a HashSet<&str>) -> impl Iterator<Item = &'a str> {
    let is_name = |word: &&str| word.len() > 3 && !word.contains(|c: char| c.is_ascii_lowercase());
    let mut names: Vec<&str> = used.iter().copied().filter(is_name).collect();
    names.sort_unstable();
    names.into_iter()
}

/// The text without the names that directives define: to define is not to use.
fn without_names(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start();
        let directive = rest.strip_prefix("#!").or_else(|| rest.strip_prefix("!!"));
        out.push_str(directive.and_then(used_in_directive).unwrap_or(line));
    }
    out
}

/// What a defining directive uses: its value. `None` for other directives.
fn used_in_directive(directive: &str) -> Option<&str> {
    let length = directive.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (word, rest) = directive.split_at(length);
    let rest = rest.trim_start_matches([' ', '\t']);
    match word {
        "subst" | "substdef" | "substdefs" => {
            let text = rest.strip_prefix('"')?;
            let delimiter = text.chars().next()?;
            // The pattern of a plain `subst` is what it looks for, wherever it stands.
            text.splitn(3, delimiter).nth(2)
        }
        _ if word.contains("def") && !word.starts_with("if") => {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            Some(&rest[end..])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    fn unused(head: &str) -> Vec<String> {
        let found = messages(Code::UnusedDefine, &format!("{head}\nrequest_route {{ drop; }}"));
        found.iter().map(|text| text.split('`').nth(1).unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn only_uses_count() {
        assert_eq!(unused("#!define A 1\n# A\n/* A */"), ["A"]);
        assert_eq!(unused("#!define AB 1\n#!define ABC AB"), ["ABC"]);
        assert_eq!(unused("#!substdef \"!HOST!a!g\"\nalias=\"xHOSTx\""), [""; 0]);
        assert_eq!(unused("#!substdef \"!HOST!a!g\"\n"), ["HOST"]);
        assert_eq!(
            unused("#!define A\n#!define B\n#!ifdef X\n#!ifdef A\n#!endif\n#!ifexp B\n#!endif\n#!endif"),
            [""; 0]
        );
        assert_eq!(unused("#!define A 1\n#!substdef \"!B!$def(A)!\"\nalias=B"), [""; 0]);
        assert_eq!(unused("#!define A 1\nimport_file \"missing.cfg\""), [""; 0]);
        assert_eq!(messages(Code::UnusedDefine, "#!define A 1"), [""; 0], "for others to include");
    }
}
