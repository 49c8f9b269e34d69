use testkit::Bench;

const MESSAGE: &str = "MESSAGE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n";

fn bench(modules: &str, params: &str, statements: &str) -> Result<Bench, String> {
    let load: String = modules.split(' ').map(|name| format!("loadmodule \"{name}\"\n")).collect();
    Bench::new(&format!("{load}{params}\nrequest_route {{ {statements} }}"), crate::MODULES)
}

/// What is wrong with parameters or statements.
fn mistake(params: &str, statements: &str) -> String {
    bench("tm pv rr acc", params, statements).err().unwrap_or_default()
}

fn log(params: &str, statements: &str) -> Vec<String> {
    bench("tm pv rr acc", &format!("debug=2\n{params}"), statements).unwrap().receive(MESSAGE).log
}

#[test]
fn wrong_parameters() {
    let wrong = [
        ("log_flag", "32", "out of range"),
        ("log_missed_flag", "-2", "out of range"),
        ("failed_transaction_flag", "99", "out of range"),
        ("acc_prepare_flag", "32", "out of range"),
        ("log_facility", "\"LOG_X\"", "no syslog facility"),
        ("failed_filter", "\"404,x\"", "no code of a failure"),
        ("failed_filter", "\"200\"", "no code of a failure"),
        ("failed_filter", "\" 404 , 405\"", "no code of a failure"),
        ("failed_filter", "\"404,\"", "no code of a failure"),
        ("failed_filter", "\"1000\"", "no code of a failure"),
        ("failed_filter", "\"+40\"", "no code of a failure"),
        ("failed_filter", "\"\"", "no code of a failure"),
        ("log_extra", "\"\"", "has no `=`"),
        ("log_extra", "\"$fU\"", "has no `=`"),
        ("log_extra", "\"a=$fU;\"", "has no `=`"),
        ("log_extra", "\"a=lit\"", "not a variable"),
        ("log_extra", "\"a=$fU$tU\"", "not a variable"),
        ("log_extra", "\"a=$fU,b=$tU\"", "variable"),
        ("log_extra", "\"a=$fU b=$tU\"", "stands behind a variable"),
        ("log_extra", "\"a=$nonex(x)\"", "nonex"),
        ("log_extra", "\"a=\"", "variable"),
        ("multi_leg_info", "\"a=$var(x)\"", "no AVP"),
        ("multi_leg_info", "\"a=$(avp(x)[*])\"", "no AVP"),
        ("db_url", "\"mysql://\"", "name of the database"),
        ("cdr_enable", "1", "`dialog`"),
    ];
    for (name, value, text) in wrong {
        let error = mistake(&format!("modparam(\"acc\", \"{name}\", {value})"), "exit;");
        assert!(error.contains(text), "{name} {value}: {error}");
    }
    let mistake_of_cdr = |param: &str, value: &str| {
        let params = format!("modparam(\"acc\", \"cdr_enable\", 1) modparam(\"acc\", \"{param}\", {value})");
        bench("tm pv rr dialog acc", &params, "exit;").err().unwrap_or_default()
    };
    assert!(mistake_of_cdr("cdr_extra", "\"a\"").contains("has no `=`"));
    assert!(mistake_of_cdr("cdr_facility", "\"X\"").contains("no syslog facility"));
    assert!(mistake_of_cdr("cdrs_table", "\"a b\"").contains("no name of a table"));
    assert_eq!(mistake_of_cdr("cdr_extra", "\"a=$dlg_var(a);b=$rm\""), "");
    let many = "modparam(\"acc\", \"acc_extra_size\", 1) modparam(\"acc\", \"log_extra\", \"a=$fU;b=$tU\")";
    assert!(mistake(many, "exit;").contains("2 values"));
    assert!(mistake("", "acc_log_request(\"\");").contains("empty"));
}

#[test]
fn needs_other_modules() {
    assert!(bench("pv acc", "", "exit;").err().is_some_and(|error| error.contains("`tm`")));
    let direction = "modparam(\"acc\", \"detect_direction\", 1)";
    assert!(bench("tm pv acc", direction, "exit;").err().is_some_and(|error| error.contains("`rr`")));
    assert!(bench("tm pv rr acc", direction, "exit;").is_ok());
}

#[test]
fn the_script_and_log_extra_share_variables() {
    let lines = log(
        "modparam(\"acc\", \"log_extra\", \"v=$var(second)\")",
        "$var(first) = 1; $var(second) = 2; acc_log_request(\"200 OK\");",
    );
    assert_eq!(
        lines,
        [
            "NOTICE: ACC: request accounted: timestamp=1767225600;method=MESSAGE;from_tag=1;to_tag=;call_id=1;code=200;reason=OK;v=2"
        ]
    );
}

#[test]
fn transformations_may_have_semicolons() {
    let lines = log("modparam(\"acc\", \"log_extra\", \"a=$(ru{s.select,0,;});b=$rU\")", "acc_log_request(\"x\");");
    assert!(lines[0].ends_with(";code=;reason=x;a=sip:bob@127.0.0.1;b=bob"), "{lines:?}");
}

#[test]
fn levels() {
    assert!(log("modparam(\"acc\", \"log_level\", 5)", "acc_log_request(\"x\");").is_empty());
    let lines = log("debug=5\nmodparam(\"acc\", \"log_level\", 5)", "acc_log_request(\"x\");");
    assert_eq!(lines.iter().filter(|line| line.starts_with("DEBUG: ACC: ")).count(), 1);
    let prefixed = log("log_prefix=\"{$rm} \"", "acc_log_request(\"x\");");
    assert!(prefixed[0].starts_with("NOTICE: {MESSAGE} ACC: request accounted: "), "{prefixed:?}");
}
