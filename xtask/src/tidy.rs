//! House rules as tests.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{docs, root};

/// What each crate may depend on (DESIGN: dependencies point downward only).
const LAYERS: &[(&str, &[&str])] = &[
    ("sip", &[]),
    ("language", &[]),
    ("macros", &[]),
    ("transaction", &[]),
    ("database", &[]),
    ("transport", &["sip"]),
    ("engine", &["database", "sip", "language", "transport", "macros"]),
    ("control", &["engine", "language", "sip", "transport"]),
    ("testkit", &["control", "database", "engine", "language", "sip", "transport"]),
    ("modules", &["control", "database", "engine", "language", "sip", "transaction", "transport"]),
    ("olelo", &["control", "database", "engine", "language", "modules", "sip", "testkit", "transport"]),
];

/// The names in a manifest's `[dependencies]`.
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    text.lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next().map(str::to_owned))
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn dependencies_point_downward() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    for entry in std::fs::read_dir(root().join("crates")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let allowed =
            layers.get(&*name).unwrap_or_else(|| panic!("crate `{name}` has no place in the layers: add it to LAYERS"));
        for dependency in dependencies(&entry.path().join("Cargo.toml")) {
            assert!(
                !layers.contains_key(&*dependency) || allowed.contains(&&*dependency),
                "crate `{name}` must not depend on `{dependency}`"
            );
        }
    }
}

#[test]
fn reference_is_fresh() {
    for (name, text) in docs::pages() {
        let written = std::fs::read_to_string(docs::folder().join(&name)).unwrap_or_default();
        assert!(written == text, "docs/reference/{name} is stale: run `cargo xtask docs`");
    }
}

#[test]
fn every_module_has_a_scenario() {
    for module in modules::MODULES {
        // A database is used by the scenarios of others, of which those on servers stand elsewhere.
        if let Some(kind) = module.name.strip_prefix("db_") {
            assert!(["sqlite", "mysql", "postgres", "text"].contains(&kind), "database `{kind}` has no tests");
            continue;
        }
        let folder = root().join("tests/scenarios").join(module.name);
        let has = std::fs::read_dir(&folder).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "md"))
        });
        assert!(has, "module `{}` has no scenario in tests/scenarios/{}/", module.name, module.name);
    }
}

#[test]
fn everything_that_users_see_is_documented() {
    for module in modules::MODULES {
        for function in module.functions {
            assert!(function.doc.len() > 10, "function `{}`", function.name);
        }
        for param in module.params {
            assert!(param.doc.len() > 5, "parameter `{}.{}`", module.name, param.name);
        }
        for rpc in module.rpc {
            assert!(rpc.doc.len() > 10, "command `{}`", rpc.name);
        }
    }
}

#[test]
fn unsafe_stands_in_transport_only() {
    fn look(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                look(&path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.to_string_lossy().contains("/transport/")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("allow(unsafe_code)"), "{}", path.display());
            }
        }
    }
    look(&root().join("crates"));
}
