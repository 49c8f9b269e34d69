use testkit::Bench;

fn error(name: &str, version: i64, globals: &str, statements: &str) -> String {
    let folder = std::env::temp_dir().join(format!("olelo-auth-db-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let table = format!("table_name(string) table_version(int)\nsubscriber:{version}\n");
    std::fs::write(folder.join("version"), table).unwrap();
    let text = format!(
        "debug=0\nloadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"db_text\"\nloadmodule \"auth\"\nloadmodule \"auth_db\"\n\
         modparam(\"auth_db\", \"db_url\", \"text://{}\")\n{globals}\nrequest_route {{\n{statements}\n}}",
        folder.display()
    );
    let result = Bench::new(&text, crate::MODULES).err().unwrap_or_default();
    let _ = std::fs::remove_dir_all(&folder);
    result
}

#[test]
fn the_layout_of_constant_tables_is_checked() {
    let wrong = error("version", 6, "", "www_authorize(\"a\", \"subscriber\");");
    assert!(wrong.contains("`subscriber`") && wrong.contains("version 6"), "{wrong}");
    assert_eq!(error("right", 7, "", "www_authorize(\"a\", \"subscriber\");"), "");
    assert_eq!(
        error("off", 6, "modparam(\"auth_db\", \"version_table\", 0)", "proxy_authorize(\"a\", \"subscriber\");"),
        ""
    );
    assert_eq!(error("variable", 6, "", "$var(t) = \"subscriber\"; www_authorize(\"a\", \"$var(t)\");"), "");
    assert_eq!(error("auth_check", 6, "", "auth_check(\"a\", \"subscriber\", \"1\");"), "", "as in Kamailio");
}

#[test]
fn mistakes_in_the_configuration() {
    for (globals, statements, part) in [
        ("modparam(\"auth_db\", \"load_credentials\", \"$avp(x)=a b\")", "exit;", "`a b`"),
        ("modparam(\"auth_db\", \"load_credentials\", \"$rm=a\")", "exit;", "rm"),
        ("modparam(\"auth_db\", \"user_column\", \"a b\")", "exit;", "`a b`"),
        ("", "auth_check(\"\", \"subscriber\", \"0\");", "empty"),
        ("", "auth_check(\"a\", \"sub scriber\", \"0\");", "`sub scriber`"),
        ("", "auth_check(\"a\", \"subscriber\", \"x\");", "number"),
    ] {
        let wrong = error("mistakes", 7, globals, statements);
        assert!(wrong.contains(part), "{statements}: {wrong}");
    }
}
