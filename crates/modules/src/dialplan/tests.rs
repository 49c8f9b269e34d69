//! Rules without a database; the rest is in the scenarios.

use super::rules::{Matching, Pattern, Plan, Row, Rule, regex};

fn rule(priority: i64, operator: i64, expression: &str, length: i64) -> Rule {
    let row = Row { priority, operator, length, expression: expression.into(), ..Row::default() };
    let matching = match operator {
        0 => Matching::Equal,
        1 => Matching::Regex(Pattern::Known(regex(expression).unwrap())),
        _ => Matching::Glob,
    };
    Rule { row, matching, substituted: None, replacement: Vec::new() }
}

fn found(plan: &Plan, text: &str) -> Option<i64> {
    plan.find(text, None, |_, error| panic!("{error}")).map(|rule| rule.row.priority)
}

#[test]
fn the_first_rule_that_fits() {
    let rules = vec![
        rule(5, 1, "^1", 0),
        rule(3, 0, "123", 0),
        rule(9, 2, "9*", 0),
        rule(2, 0, "123", 7),
        rule(1, 1, "^12(?=4)", 4),
        rule(8, 0, "999", 0),
    ];
    let plan = Plan::new(rules);
    for (text, expected) in
        [("123", Some(3)), ("124", Some(5)), ("1249", Some(1)), ("999", Some(8)), ("99", Some(9)), ("x", None)]
    {
        assert_eq!(found(&plan, text), expected, "{text}");
    }
}

#[test]
fn many_rules_and_bad_expressions() {
    let plan = Plan::new((0..100_000).map(|number| rule(1, 0, &format!("4930{number}"), 0)).collect());
    let began = std::time::Instant::now();
    for number in 0..100_000 {
        assert!(found(&plan, &format!("4930{number}")).is_some());
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "each text is looked up, not searched");
    let plan = Plan::new(vec![rule(1, 1, r"^(\w+\s?)*\1$", 0)]);
    let mut told = 0;
    assert!(plan.find(&"aaaa ".repeat(200), None, |_, _| told += 1).is_none_or(|_| told == 0));
    assert!(regex("(").is_err());
    assert!(regex("((a{100}){100}){100}").is_err(), "too large");
}
