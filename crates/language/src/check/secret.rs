//! A password or key in a file that every user of the machine can read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::Check;
use super::common::without_comments;
use super::model::{Model, Param};
use crate::ast::ConfigValue;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Span};

/// Parameters that are a secret.
const SECRETS: &[&str] = &[
    "auth_key",
    "auth_password",
    "authpassword",
    "db_pass",
    "flow_token_secret",
    "mask_key",
    "netio_key",
    "password",
    "private_key_password",
    "restore_passwd",
    "secret",
    "xmpp_password",
];

/// Modules that have one.
const MODULES: &[&str] = &[
    "auth",
    "auth_ephemeral",
    "crypto",
    "db_redis",
    "influxdbc",
    "kazoo",
    "mqtt",
    "outbound",
    "siptrace",
    "tls",
    "tlsa",
    "topoh",
    "uac",
    "xmpp",
];

/// Functions with a password or key as an argument, from 1.
const ARGUMENTS: &[(&str, usize)] = &[
    ("aka_challenge", 3),
    ("aka_check", 3),
    ("pv_auth_check", 2),
    ("pv_www_authenticate", 2),
    ("pv_www_authorize", 2),
    ("pv_proxy_authenticate", 2),
    ("pv_proxy_authorize", 2),
];

/// Passwords that stand in documentation, and places to fill in: no secrets.
const PUBLIC: &[&str] = &["kamailiorw", "kamailioro", "openserrw", "openserro", "opensipsrw", "secret", "guest"];

static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[A-Za-z][A-Za-z0-9_+]*://[^\s"'/:@]*:([^\s"'/@]+)@"#).ok());
static REDIS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|;)\s*pass\s*=\s*([^;]+)").ok());

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    let mut places: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
    for (at, file) in model.sources.files.iter().enumerate() {
        let found = places.entry(FileId(at as u32)).or_default();
        found.extend(in_text(&file.text).map(|range| Span {
            file: FileId(at as u32),
            start: range.start as u32,
            end: range.end as u32,
            expansion: 0,
        }));
    }
    for span in model.params.iter().filter_map(|param| in_param(model, param)) {
        places.entry(span.file).or_default().push(span);
    }
    for (name, argument) in ARGUMENTS {
        for text in model.calls.iter().filter(|site| site.name() == *name).filter_map(|site| site.text(*argument)) {
            if text.span.expansion == 0 && is_secret(text.node) {
                places.entry(text.span.file).or_default().push(text.span.part(text.node, 0..text.node.len()));
            }
        }
    }
    let mut found = Vec::new();
    for (file, mut spans) in places {
        spans.sort_by_key(|span| span.start);
        spans.dedup_by_key(|span| span.start);
        let name = &model.sources.file(file).name;
        let Some(first) = spans.first() else { continue };
        if !check.files.is_world_readable(Path::new(name)) {
            continue;
        }
        let label = match spans.len() {
            1 => "a secret".to_owned(),
            count => format!("a secret, the first of {count}"),
        };
        let message = format!("everybody on this machine can read the secrets in `{name}`");
        let help = format!("`chown root:kamailio {name} && chmod 640 {name}`");
        found.push(Diagnostic::warning(Code::Secret, message, *first, label).help(help));
    }
    check.diagnostics.extend(found);
}

/// Passwords in URLs, also in defines and in text that conditions left out.
fn in_text(text: &str) -> impl Iterator<Item = Range<usize>> {
    let plain = without_comments(text);
    let captures = URL.as_ref().into_iter().flat_map(|url| url.captures_iter(&plain));
    let groups = captures.filter_map(|found| found.get(1));
    let ranges: Vec<_> = groups.filter(|found| is_secret(found.as_str())).map(|found| found.range()).collect();
    ranges.into_iter()
}

/// The secret in a parameter's value.
fn in_param(model: &Model<'_>, param: &Param<'_>) -> Option<Span> {
    let loaded = |module: &&str| param.is_for(module) && model.loads(module);
    let name = param.name.node.as_str();
    let text = match &param.value.node {
        ConfigValue::String(text) | ConfigValue::Word(text) => text,
        ConfigValue::Int(_) => return None,
    };
    let range = if name == "server" && loaded(&"ndb_redis") {
        REDIS.as_ref()?.captures(text)?.get(1)?.range()
    } else if name == "credential" && loaded(&"uac") {
        // user:domain:password
        text.splitn(3, ':').nth(2).map(|password| text.len() - password.len()..text.len())?
    } else if SECRETS.contains(&name) && MODULES.iter().any(loaded) {
        0..text.len()
    } else {
        return None;
    };
    is_secret(text.get(range.clone())?).then(|| param.value.span.part(text, range))
}

/// Not a place to fill in, and not known to everybody.
fn is_secret(text: &str) -> bool {
    let text = text.trim();
    let filled_in = text.contains(['$', '{', '}', '<', '>', '%', '*']);
    // YOUR_PASSWORD, DBPASS, __DB_PASS__: replaced before Kamailio sees it, or by hand.
    let template = text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let lower = text.to_ascii_lowercase();
    let asks = ["change", "your", "example", "xxxx"].iter().any(|word| lower.contains(word));
    !text.is_empty() && !filled_in && !template && !asks && !PUBLIC.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::common::messages;

    #[test]
    fn secrets_are_told_from_places_to_fill_in() {
        let count = |text: &str| messages(Code::Secret, text).len();
        assert_eq!(count("loadmodule \"auth.so\"\nmodparam(\"auth\", \"secret\", \"q8w7\")"), 1);
        assert_eq!(count("loadmodule \"uac.so\"\nmodparam(\"uac\", \"credential\", \"bob:example.com:q8w7\")"), 1);
        assert_eq!(count("loadmodule \"ndb_redis.so\"\nmodparam(\"ndb_redis\", \"server\", \"name=a;pass=q8w7\")"), 1);
        assert_eq!(count("loadmodule \"ndb_redis.so\"\nmodparam(\"ndb_redis\", \"server\", \"name=a;addr=b\")"), 0);
        assert_eq!(count("#!define A \"mysql://a:q8w7@h/x\"\n#!define B \"mysql://a:q8w7@h/y\""), 1, "one for a file");
        for right in ["a:kamailiorw", "a:DB_PASSWORD", "a:$var(x)", "a:{{ pass }}", "a:<pw>", "a"] {
            assert_eq!(count(&format!("#!define A \"mysql://{right}@h/x\"")), 0, "{right}");
        }
        let checks = |password: &str| format!("request_route {{ pv_auth_check(\"$fd\", \"{password}\", 0, 0); }}");
        assert_eq!((count(&checks("q8w7")), count(&checks("$var(p)"))), (1, 0));
        assert_eq!(count("modparam(\"auth\", \"secret\", \"q8w7\")"), 0, "not loaded, so something else");
    }
}
