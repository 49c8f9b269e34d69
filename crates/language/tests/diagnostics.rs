//! Every `tests/diagnostics/*.cfg` is parsed, and the drawing of its mistakes compared with the snapshot beside it.

use std::fs;
use std::path::Path;

use language::{FileSystem, Source, parse, render};

#[test]
fn drawings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "cfg"))
        .collect();
    names.sort();
    assert!(names.len() > 10);
    for path in names {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let parsed = parse(&Source::text(format!("{name}.cfg"), text, &FileSystem));
        let mut drawn = String::new();
        for diagnostic in &parsed.diagnostics {
            drawn.push_str(&render::full(diagnostic, &parsed.sources, false));
            drawn.push_str("\n\n");
        }
        insta::with_settings!({ snapshot_path => "diagnostics", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, drawn);
        });
    }
}
