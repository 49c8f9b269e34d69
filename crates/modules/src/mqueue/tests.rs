//! Mistakes in the configuration; the rest is in the scenarios.

use crate::tests_support::error;

#[test]
fn parameters() {
    for (lines, expected) in [
        (vec!["mqueue=size=2"], "needs a name"),
        (vec!["mqueue=name=;"], "needs a name"),
        (vec!["mqueue="], "needs a name"),
        (vec!["mqueue=name=a;foo=1"], "no field `foo`"),
        (vec!["mqueue=name=a;dbmode=1"], "no `db_url`"),
        (vec!["mqueue=name=a;dbmode=4"], "no dbmode"),
        (vec!["mqueue=name=a b;dbmode=1"], "no name of a table"),
        (vec!["mqueue=name=a;size=x"], "no size"),
        (vec!["mqueue=name=a;size=-1"], "no size"),
        (vec!["mqueue=name=a;addmode=7"], "no addmode"),
        (vec!["mqueue_size=-1"], "no size"),
        (vec!["mqueue_addmode=3"], "no addmode"),
        (vec!["mqueue=name=a", "mqueue_name=a"], "defined twice"),
    ] {
        let text: String = lines
            .iter()
            .map(|line| {
                let (name, value) = line.split_once('=').unwrap();
                let value = if value.parse::<i64>().is_ok() { value.to_owned() } else { format!("\"{value}\"") };
                format!("modparam(\"mqueue\", \"{name}\", {value})\n")
            })
            .collect();
        let found = error("mqueue", &text);
        assert!(found.contains(expected), "{lines:?}: {found}");
    }
}
