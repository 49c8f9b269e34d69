//! A database URL whose driver is not loaded: Kamailio does not start then. Where the driver is loaded does not matter.

use super::Check;
use super::common::is_whole;
use super::model::{Model, Param};
use crate::ast::ConfigValue;
use crate::diagnostic::{Code, Diagnostic};
use crate::known;

/// Modules that open no database unless this parameter has another value than 0.
const BY_MODE: &[(&str, &str)] = &[
    ("dialog", "db_mode"),
    ("ims_dialog", "db_mode"),
    ("ims_usrloc_pcscf", "db_mode"),
    ("ims_usrloc_scscf", "db_mode"),
    ("usrloc", "db_mode"),
];

/// Modules that start without their driver, or of whose database it is not known when they open it.
const OPTIONAL: &[&str] = &["carrierroute", "kazoo", "rls", "rtpproxy", "uac", "utils"];

/// Parameters that hold `name=>url`.
const NAMED: &[(&str, &str)] = &[("sqlops", "sqlcon"), ("db_cluster", "connection")];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if !is_whole(model) {
        return;
    }
    let mut reported = Vec::new();
    let mut found = Vec::new();
    for param in &model.params {
        let Some((driver, diagnostic)) = missing(model, param) else { continue };
        // The same define used for ten modules is one mistake.
        if !reported.contains(&driver) {
            reported.push(driver);
            found.push(diagnostic);
        }
    }
    check.diagnostics.extend(found);
}

/// The driver that a parameter needs and that is not loaded.
fn missing(model: &Model<'_>, param: &Param<'_>) -> Option<(String, Diagnostic)> {
    let text = param.text()?;
    let name = param.name.node.as_str();
    let named = NAMED.iter().any(|(module, param_name)| param.is_for(module) && *param_name == name);
    if !named && name != "db_url" && !name.ends_with("_db_url") {
        return None;
    }
    let from = if named { text.find("=>").map_or(0, |at| at + 2) } else { 0 };
    let (scheme, _) = text[from..].split_once("://")?;
    let scheme = scheme.trim();
    if scheme.is_empty() || scheme.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        return None;
    }
    let driver = format!("db_{scheme}");
    if model.loads(&driver) || model.loads(scheme) || (scheme == "text" && model.loads("dbtext")) {
        return None;
    }
    let user = model
        .modules
        .iter()
        .map(|module| module.node)
        .find(|module| param.is_for(module) && known::module(module).is_some() && opens(model, module))?;
    let start = from + (text[from..].len() - text[from..].trim_start().len());
    let span = param.value.span.part(text, start..start + scheme.len());
    let message = format!("no driver is loaded for a `{scheme}` database");
    let diagnostic = Diagnostic::error(Code::DatabaseDriver, message, span, format!("`{user}` cannot start"));
    let drivers = known::modules().filter(|name| name.starts_with("db_"));
    let is_known = known::module(&driver).is_some() || matches!(scheme, "berkeley" | "cassandra" | "perlvdb");
    let diagnostic = if is_known {
        diagnostic.help(format!("add `loadmodule \"{driver}.so\"`"))
    } else {
        diagnostic.did_you_mean(scheme, drivers.filter_map(|name| name.strip_prefix("db_")))
    };
    Some((driver, diagnostic))
}

/// Whether a module opens its database at start.
fn opens(model: &Model<'_>, module: &str) -> bool {
    let value = |name: &str| {
        let of_module = model.params.iter().rev().find(|param| param.name.node == name && param.is_for(module));
        of_module.map(|param| &param.value.node)
    };
    if let Some((_, mode)) = BY_MODE.iter().find(|(name, _)| *name == module) {
        return !matches!(value(mode), None | Some(ConfigValue::Int(0)));
    }
    match module {
        "topos" => !matches!(value("storage"), Some(ConfigValue::String(storage)) if storage != "db"),
        "siptrace" => !matches!(value("trace_to_database"), Some(ConfigValue::Int(0))),
        _ => !OPTIONAL.contains(&module),
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    #[test]
    fn a_driver_is_missing_when_it_is_needed() {
        let with = |head: &str| messages(Code::DatabaseDriver, &format!("{head}\nrequest_route {{ drop; }}"));
        let url = |module: &str, url: &str| {
            format!("loadmodule \"{module}.so\"\nmodparam(\"auth_db|{module}\", \"db_url\", \"{url}\")")
        };
        assert_eq!(with(&url("domain", "mysql://a/b")).len(), 1);
        assert!(with(&url("domain", "msyql://a/b"))[0].ends_with("did you mean `mysql`?"));
        assert_eq!(with(&format!("{}\nloadmodule \"db_mysql.so\"", url("domain", "mysql://a/b"))), [""; 0]);
        assert_eq!(with(&url("usrloc", "mysql://a/b")), [""; 0], "its mode is 0");
        assert_eq!(with(&format!("{}\nmodparam(\"usrloc\", \"db_mode\", 1)", url("usrloc", "mysql://a/b"))).len(), 1);
        assert_eq!(with("modparam(\"domain\", \"db_url\", \"mysql://a/b\")"), [""; 0], "not loaded");
        assert_eq!(with(&url("domain", "/etc/kamailio/text")), [""; 0]);
        let named = "loadmodule \"sqlops.so\"\nmodparam(\"sqlops\", \"sqlcon\", \"a=>sqlite:///x\")";
        assert_eq!(with(named).len(), 1);
    }
}
