use testkit::Bench;

use super::DialogId;

fn mistake(params: &str, statements: &str) -> String {
    let text = format!(
        "loadmodule \"tm\"\nloadmodule \"pv\"\nloadmodule \"rr\"\nloadmodule \"dialog\"\n{params}\nrequest_route {{ {statements} }}"
    );
    Bench::new(&text, crate::MODULES).err().unwrap_or_default()
}

#[test]
fn wrong_parameters() {
    let wrong = [
        ("db_mode", "1", "not supported yet"),
        ("track_cseq_updates", "1", "not supported yet"),
        ("enable_dmq", "1", "not supported yet"),
        ("ka_timer", "10", "not supported yet"),
        ("ka_interval", "30", "ka_interval"),
        ("dlg_match_mode", "3", "from 0 to 2"),
        ("dlg_flag", "32", "from 0 to 31"),
        ("hash_size", "0", "from 1"),
        ("rr_param", "\"a;b\"", "name of a parameter"),
        ("default_timeout", "0", "at least 1"),
        ("timeout_avp", "\"x\"", "variable"),
        ("profiles_with_value", "\"a b\"", "no name of a profile"),
        ("profiles_no_value", "\"a;b;a\"", "declared twice"),
    ];
    for (name, value, text) in wrong {
        let error = mistake(&format!("modparam(\"dialog\", \"{name}\", {value})"), "exit;");
        assert!(error.contains(text), "{name} {value}: {error}");
    }
    assert_eq!(mistake("modparam(\"dialog\", \"profiles_with_value\", \" caller ; my \")", "exit;"), "");
}

#[test]
fn wrong_arguments() {
    let profile = "modparam(\"dialog\", \"profiles_no_value\", \"all\")";
    assert!(mistake(profile, "set_dlg_profile(\"nope\");").contains("no dialog profile"));
    assert_eq!(mistake(profile, "set_dlg_profile(\"all\"); get_profile_size(\"all\", \"$avp(n)\");"), "");
    assert!(mistake("", "dlg_setflag(\"32\");").contains("32"));
    assert!(mistake("", "dlg_bye(\"none\");").contains("no side"));
    assert!(mistake("", "$avp(x) = $dlg(nope);").contains("no field"));
    assert!(mistake("", "$dlg_ctx(flags) = 1;").contains("no field"));
}

#[test]
fn names_in_routes() {
    let id = DialogId { entry: 3943, number: 5800 };
    assert_eq!(id.to_param(), "76f.8a61");
    assert_eq!(DialogId::of_param(b"76f.8a61"), Some(id));
    for text in ["", ".", "1", "x.1", "1.", ".1", "1.2.3", "fffffffff.1", "1+.1", "+1.1"] {
        assert_eq!(DialogId::of_param(text.as_bytes()), None, "{text}");
    }
}
