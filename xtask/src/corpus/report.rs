//! The comparison as a table, and for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Compared, Mistake, Outcome};

/// The outcomes with the words for them.
const OUTCOMES: &[(Outcome, &str, &str)] = &[
    (Outcome::Accepted, "accepted", "both accept"),
    (Outcome::Lacking, "lacking", "Kamailio accepts, we lack something"),
    (Outcome::StartFails, "start_fails", "Kamailio accepts, its start would fail"),
    (Outcome::Failure, "failure", "Kamailio accepts, we call it a mistake"),
    (Outcome::OnlyWeAccept, "only_olelo", "we accept, Kamailio refuses"),
    (Outcome::Refused, "refused", "both refuse"),
];

fn with(results: &[Compared], outcome: Outcome) -> impl Iterator<Item = &Compared> {
    results.iter().filter(move |compared| compared.outcome() == outcome)
}

/// For readers.
pub(super) fn text(results: &[Compared]) {
    for compared in with(results, Outcome::Failure) {
        for mistake in compared.ours.iter().filter(|mistake| !mistake.is_lack()) {
            println!("{}: {}: {}", mistake.place, mistake.code, mistake.message);
        }
    }
    println!();
    for compared in with(results, Outcome::StartFails) {
        for mistake in compared.ours.iter().filter(|mistake| mistake.ends_start()) {
            println!("{}: {}: {} (as Kamailio's start would say)", mistake.place, mistake.code, mistake.message);
        }
    }
    println!();
    for compared in with(results, Outcome::OnlyWeAccept) {
        println!("{}: accepted, but Kamailio says:", compared.file);
        for line in &compared.kamailio {
            println!("  {line}");
        }
    }
    let lacking: Vec<&Mistake> = with(results, Outcome::Lacking).flat_map(|compared| &compared.ours).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for mistake in lacking {
        *counts.entry(&mistake.message).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("\nMost often lacking:");
    for (message, count) in counts.iter().take(20) {
        println!("{count:7}  {message}");
    }
    println!("\n{:7}  configurations", results.len());
    for (outcome, _, words) in OUTCOMES {
        println!("{:7}  {words}", with(results, *outcome).count());
    }
}

/// For programs: one object.
pub(super) fn json(results: &[Compared]) {
    let mistake = |mistake: &Mistake| json!({"code": mistake.code, "place": mistake.place, "message": mistake.message});
    let file = |compared: &Compared| {
        let outcome = OUTCOMES.iter().find(|row| row.0 == compared.outcome()).map_or("", |row| row.1);
        json!({
            "file": compared.file,
            "outcome": outcome,
            "kamailio": compared.kamailio,
            "olelo": compared.ours.iter().map(mistake).collect::<Vec<Value>>(),
        })
    };
    let counts: serde_json::Map<String, Value> = OUTCOMES
        .iter()
        .map(|(outcome, name, _)| ((*name).to_owned(), with(results, *outcome).count().into()))
        .collect();
    println!("{}", json!({"counts": counts, "files": results.iter().map(file).collect::<Vec<Value>>()}));
}
