//! All scenarios in memory, on virtual time.

use engine::load::Offer;
use testkit::scenario;

const OFFER: Offer = Offer { modules: modules::MODULES, rpc: control::commands::CORE };

#[test]
fn scenarios_in_memory() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scenarios");
    let files = scenario::find(&[folder]).unwrap();
    assert!(files.len() > 10, "scenarios are missing");
    let failures: Vec<String> = files
        .iter()
        .filter_map(|file| {
            scenario::run_in_memory(file, &OFFER).err().map(|error| format!("{}: {error}", file.display()))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {} scenarios failed:\n{}", failures.len(), files.len(), failures.join("\n\n"));
}
