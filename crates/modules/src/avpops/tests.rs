//! Mistakes in the configuration; the rest is in the scenarios.

use crate::tests_support::error;

#[test]
fn parameters() {
    for (lines, expected) in [
        ("modparam(\"avpops\", \"db_url\", \"sqlite:///tmp/never.db\")", "needs `avp_table`"),
        ("modparam(\"avpops\", \"db_scheme\", \"table=x\")", "needs a name"),
        ("modparam(\"avpops\", \"db_scheme\", \"a:table=x\")", "needs `table` and `value_col`"),
        ("modparam(\"avpops\", \"db_scheme\", \"a:table=x;value_col=y z\")", "no name"),
        ("modparam(\"avpops\", \"db_scheme\", \"a:tabel=x;value_col=y\")", "no element `tabel`"),
        ("modparam(\"avpops\", \"db_scheme\", \"a:table=x;value_col=y;value_type=float\")", "no type"),
        ("modparam(\"avpops\", \"avp_table\", \"a b\")", "no name"),
    ] {
        let found = error("pv db_sqlite avpops", lines);
        assert!(found.contains(expected), "{lines}: {found}");
    }
}

#[test]
fn arguments() {
    for (call, expected) in [
        ("avp_check(\"$avp(x)\", \"gtt/i:5\")", "no operator"),
        ("avp_check(\"$avp(x)\", \"gt\")", "has no value"),
        ("avp_check(\"$avp(x)\", \"gt/i:5/z\")", "no flag `z`"),
        ("avp_check(\"$avp(x)\", \"gt/i:five\")", "no number"),
        ("avp_check(\"$avp(x)\", \"re/a(/g\")", "regular expression"),
        ("avp_check(\"$avp(x)\", \"and/five\")", "needs a number"),
        ("avp_check(\"$avp(x)\", \"eq/\")", "no value to compare"),
        ("avp_check(\"x\", \"gt/i:5\")", "no variable"),
        ("avp_op(\"$avp(x)\", \"pow/i:5\")", "no operator"),
        ("avp_op(\"$avp(x)\", \"add/five\")", "no number"),
        ("avp_op(\"$var(x)\", \"add/i:5\")", "no AVP"),
        ("avp_copy(\"$avp(x)\", \"$avp(y)/q\")", "no flag `q`"),
        ("avp_copy(\"$avp(x)\", \"$avp(y)/g/d\")", "too many parts"),
        ("avp_delete(\"q\")", "no AVP"),
        ("avp_delete(\"a3\")", "flags of AVPs"),
        ("avp_subst(\"$avp(x)//g/d\", \"/a/b/\")", "too many parts"),
        ("avp_subst(\"$avp(x)\", \"/a(/b/\")", "regular expression"),
        ("avp_pushto(\"$fu\", \"$avp(x)\")", "nothing can be pushed"),
        ("is_avp_set(\"$avp(x)/q\")", "no flag `q`"),
        ("avp_db_load(\"$fu\", \"$avp(x)\")", "no database"),
    ] {
        let found = error("pv avpops", &format!("request_route {{ {call}; }}"));
        assert!(found.contains(expected), "{call}: {found}");
    }
    let database = "modparam(\"avpops\", \"db_url\", \"sqlite:///tmp/never.db\")\n\
                    modparam(\"avpops\", \"avp_table\", \"usr_preferences\")\n";
    for (call, expected) in [
        ("avp_db_load(\"$fu/user\", \"$avp(x)\")", "no part of a user"),
        ("avp_db_load(\"$fu\", \"$avp(x)/$other\")", "no scheme `other`"),
        ("avp_db_load(\"$fu\", \"$avp(x)/a b\")", "no name of a table"),
        ("avp_db_query(\"select 1\", \"$var(x)\")", "no AVP"),
    ] {
        let found = error("pv db_sqlite avpops", &format!("{database}request_route {{ {call}; }}"));
        assert!(found.contains(expected), "{call}: {found}");
    }
}
