//! What scenarios do not show: mistakes in the configuration.

use engine::ModuleDef;
use testkit::Bench;

const MODULES: &[&ModuleDef] = &[
    &crate::tm::MODULE,
    &crate::rr::MODULE,
    &crate::sl::MODULE,
    &crate::pv::MODULE,
    &crate::xlog::MODULE,
    &super::MODULE,
];

fn error(loads: &str, rest: &str) -> String {
    let loads: String = loads.split_whitespace().map(|name| format!("loadmodule \"{name}.so\"\n")).collect();
    match Bench::new(&format!("{loads}{rest}\nrequest_route {{ exit; }}\n"), MODULES) {
        Ok(_) => String::new(),
        Err(error) => error,
    }
}

fn param(name: &str, value: &str) -> String {
    error("tm rr pv uac", &format!("modparam(\"uac\", \"{name}\", \"{value}\")"))
}

#[test]
fn loading() {
    assert!(error("uac", "").contains("needs module `tm`"));
    assert!(error("tm uac", "").contains("needs module rr"));
    assert_eq!(error("tm uac", "modparam(\"uac\", \"restore_mode\", \"none\")"), "");
    assert_eq!(error("tm uac rr", ""), "");
    let without_tag = error("tm rr uac", "modparam(\"rr\", \"append_fromtag\", 0)");
    assert!(without_tag.contains("append_fromtag"), "{without_tag}");
}

#[test]
fn parameters() {
    for (name, value, text) in [
        ("restore_mode", "bla", "no restore_mode"),
        ("rr_from_store_param", "", "name of a URI parameter"),
        ("rr_to_store_param", "a;b", "name of a URI parameter"),
        ("restore_from_avp", "$var(x)", "must name an AVP"),
        ("restore_to_avp", "x", "must name an AVP"),
        ("auth_realm_avp", "$avp(x)", "needs `auth_username_avp`"),
        ("credential", "a:b", "username:realm:password"),
        ("credential", "a:b:", "username:realm:password"),
        ("credential", ":b:c", "username:realm:password"),
        ("default_socket", "udp:192.0.2.1:5060", "is not ours"),
    ] {
        let error = param(name, value);
        assert!(error.contains(text), "{name}={value}: {error}");
    }
    assert!(!param("credential", "top:secret").contains("secret"));
    assert_eq!(param("restore_from_avp", "$avp(s:x)"), "");
}

#[test]
fn fields() {
    let with = |statement: &str| {
        error("tm pv uac", &format!("modparam(\"uac\", \"restore_mode\", \"none\")\nroute[X] {{ {statement} }}"))
    };
    assert!(with("$uac_req(methd) = \"A\";").contains("no field `methd`"));
    assert_eq!(with("$uac_req(method) = \"A\";"), "");
}
