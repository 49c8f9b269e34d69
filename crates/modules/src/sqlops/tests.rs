//! Mistakes in the configuration; the rest is in the scenarios.

use crate::tests_support::{error, log};

const CONNECTION: &str = "modparam(\"sqlops\", \"sqlcon\", \"ca=>sqlite:///tmp/never.db\")\n";

#[test]
fn mistakes() {
    for (lines, expected) in [
        ("modparam(\"sqlops\", \"sqlcon\", \"ca\")".to_owned(), "no connection"),
        ("modparam(\"sqlops\", \"sqlcon\", \"=>sqlite:///x\")".to_owned(), "no connection"),
        (format!("{CONNECTION}{CONNECTION}"), "defined twice"),
        ("modparam(\"sqlops\", \"sqlcon\", \"ca=>mysql://u:p@h/d\")".to_owned(), "db_mysql"),
        (format!("{CONNECTION}request_route {{ sql_query(\"cb\", \"select 1\"); }}"), "no connection `cb`"),
        (format!("{CONNECTION}request_route {{ sql_pvquery(\"ca\", \"select 1\", \"x\"); }}"), "must be a variable"),
        (format!("{CONNECTION}request_route {{ sql_pvquery(\"ca\", \"select 1\", \"$rm\"); }}"), "read-only"),
        (format!("{CONNECTION}request_route {{ xlog(\"$sqlrows(cb)\"); }}"), "no connection `cb`"),
        (format!("{CONNECTION}request_route {{ xlog(\"$dbr(ra)\"); }}"), "has no `=>`"),
        (format!("{CONNECTION}request_route {{ xlog(\"$dbr(ra=>row)\"); }}"), "has no `row`"),
        (format!("{CONNECTION}request_route {{ xlog(\"$dbr(ra=>[0,x])\"); }}"), "no row or column"),
        (
            format!(
                "modparam(\"sqlops\", \"results_maxsize\", 1)\n{CONNECTION}\
                 request_route {{ xlog(\"$dbr(a=>rows) $dbr(a=>cols) $dbr(b=>rows)\"); }}"
            ),
            "one more than `results_maxsize`",
        ),
    ] {
        let found = error("pv xlog db_sqlite sqlops", &lines);
        assert!(found.contains(expected), "{lines}: {found}");
    }
}

#[test]
fn literals() {
    let script = "$var(s) = \"o'x\\\\y\\\"z\";\n\
        xlog(\"$(var(s){sql.val}) $(var(s){sql.val.int}) $(var(s){sql.val.str})\\n\");\n\
        xlog(\"$(avp(x){sql.val}) $(avp(x){sql.val.int}) $(avp(x){sql.val.str})\\n\");\n\
        xlog(\"$(rP{s.len}{sql.val}) $(rP{sql.val})\\n\");";
    let text = r#"'o''x\\y"z'"#;
    assert_eq!(log("pv xlog sqlops", "", script), [&*format!("{text} {text} {text}"), "NULL 0 ''", "3 'UDP'"]);
}
