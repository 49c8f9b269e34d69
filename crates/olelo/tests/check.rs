//! `olelo check` and `olelo explain` as users and build servers call them.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// One warning: the request can end without an answer.
const WARNED: &str = "loadmodule \"sl.so\"\nrequest_route {\n\tif (method == \"INVITE\") exit;\n\tsl_send_reply(\"404\", \"Not Found\");\n}\n";
/// One error with a suggested change, in line 3.
const WRONG: &str = "loadmodule \"sl.so\"\nrequest_route {\n\tsl_send_replay(\"100\", \"Trying\");\n\tsl_send_reply(\"404\", \"Not Found\");\n}\n";
/// Nothing to say.
const CLEAN: &str = "loadmodule \"sl.so\"\nrequest_route {\n\tsl_send_reply(\"404\", \"Not Found\");\n}\n";
/// A module that Kamailio has no longer.
const REMOVED: &str =
    "loadmodule \"sl.so\"\nloadmodule \"mi_fifo.so\"\nrequest_route {\n\tsl_send_reply(\"404\", \"Not Found\");\n}\n";

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("olelo-check-{}-{name}.cfg", std::process::id()));
        std::fs::write(&path, text).expect("written");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn olelo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_olelo")).args(arguments).output().expect("runs")
}

/// Exit code and stdout of a check.
fn check(file: &File, arguments: &[&str]) -> (i32, String) {
    let path = file.0.to_str().expect("a name in UTF-8");
    let output = olelo(&[&["check", path], arguments].concat());
    (output.status.code().expect("an exit code"), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn exit_codes() {
    let (clean, warned, wrong) = (File::new("c", CLEAN), File::new("w", WARNED), File::new("e", WRONG));
    assert_eq!(check(&clean, &["--deny-warnings"]), (0, String::new()));
    for format in ["full", "concise", "json", "sarif"] {
        assert_eq!(check(&clean, &["--format", format]).0, 0, "{format}");
        assert_eq!(check(&warned, &["--format", format]).0, 0, "{format}");
        assert_eq!(check(&warned, &["--format", format, "--deny-warnings"]).0, 1, "{format}");
        assert_eq!(check(&wrong, &["--format", format]).0, 2, "{format}");
    }
    let missing = olelo(&["check", "/nowhere/kamailio.cfg", "--format", "concise"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&missing.stdout).lines().next(),
        Some("error[E0005]: cannot read `/nowhere/kamailio.cfg`: there is no such file")
    );
}

#[test]
fn texts_for_people() {
    let file = File::new("p", WRONG);
    let path = file.0.display();
    let (_, full) = check(&file, &[]);
    assert!(full.contains("error[E0101]: unknown function `sl_send_replay`"), "{full}");
    assert!(full.contains(&format!("--> {path}:3:2")) && full.contains("with this change:"), "{full}");
    assert!(!full.contains('\u{1b}'), "no colours in a file");
    let (_, concise) = check(&file, &["--format", "concise"]);
    assert_eq!(concise, format!("{path}:3:2: error[E0101]: unknown function `sl_send_replay`\n"));
}

#[test]
fn json_has_an_object_in_each_line() {
    let (_, text) = check(&File::new("j", WRONG), &["--format", "json"]);
    let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 1);
    assert_eq!((&objects[0]["code"], &objects[0]["severity"]), (&"E0101".into(), &"error".into()));
    assert_eq!((&objects[0]["labels"][0]["line"], &objects[0]["labels"][0]["column"]), (&3.into(), &2.into()));
    assert_eq!((&objects[0]["edit"]["new"], &objects[0]["edit"]["end_column"]), (&"sl_send_reply".into(), &16.into()));
}

#[test]
fn sarif_is_one_document() {
    let file = File::new("s", WRONG);
    let (_, text) = check(&file, &["--format", "sarif"]);
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(rule["id"], "E0101");
    // GitHub refuses longer ones.
    assert!((10..1000).contains(&rule["fullDescription"]["text"].as_str().expect("a text").len()), "{rule}");
    assert!(rule["help"]["markdown"].as_str().expect("a text").starts_with("# E0101"), "{rule}");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"E0101".into(), &"error".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&3.into(), &2.into()));
    assert_eq!(place["artifactLocation"]["uri"], file.0.to_str().expect("UTF-8"));
    let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "sl_send_reply");
    let empty: Value = serde_json::from_str(&check(&File::new("n", CLEAN), &["--format", "sarif"]).1).expect("JSON");
    assert_eq!(empty["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn blanks_in_names_are_escaped() {
    let text = check(&File::new("a b", WRONG), &["--format", "sarif"]).1;
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let uri = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().expect("a name").ends_with("a%20b.cfg"), "{uri}");
}

#[test]
fn strict_refuses_what_was_removed() {
    let file = File::new("r", REMOVED);
    let (code, text) = check(&file, &["--format", "concise"]);
    assert!(code == 0 && text.contains("warning[W0302]"), "{code} {text}");
    let (code, text) = check(&file, &["--format", "concise", "--strict"]);
    assert!(code == 2 && text.contains("error[W0302]"), "{code} {text}");
}

#[test]
fn defines_and_program() {
    let file = File::new("d", &format!("#!ifdef WITH_MISTAKE\nno_such_parameter=1\n#!endif\n{CLEAN}"));
    assert_eq!(check(&file, &[]).0, 0);
    assert_eq!(check(&file, &["-A", "WITH_MISTAKE"]).0, 2);
    let (code, listing) = check(&file, &["--emit", "program"]);
    assert!(code == 0 && listing.starts_with("Request []") && listing.contains("sl_send_reply"), "{listing}");
}

#[test]
fn all_lints_are_documented() {
    let page = include_str!("../../../docs/checking.md");
    for code in engine::Code::ALL.iter().filter(|code| code.is_lint()) {
        assert!(page.contains(&format!("(errors/{}.md)", code.number())), "{}", code.number());
    }
}

#[test]
fn explain() {
    let output = |arguments: &[&str]| {
        let output = olelo(&[&["explain"], arguments].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let (code, pages) = output(&["e0101", "W0403"]);
    assert_eq!(code, Some(0));
    assert!(pages.starts_with("# E0101: ") && pages.contains("\n\n# W0403: "), "{pages}");
    assert_eq!(output(&["E9999"]), (Some(2), String::new()));
    let (code, list) = output(&[]);
    assert_eq!(code, Some(0));
    assert!(list.starts_with("E0001  The text is not what") && list.lines().all(|line| line.len() > 10), "{list}");
    assert!(list.lines().is_sorted(), "{list}");
}
