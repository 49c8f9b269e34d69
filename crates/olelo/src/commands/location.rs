//! `olelo location`: the contacts that a running server knows.

use std::path::Path;
use std::process::ExitCode;

use control::address::ControlAddress;
use control::ctl_client::{self, CallError};
use engine::RpcValue;

use super::db;
use crate::arguments::Location;

/// Kamailio's control socket, and that of the default configuration.
const SOCKETS: [&str; 2] = ["/var/run/kamailio/kamailio_ctl", "/tmp/olelo_ctl"];
/// `expires_in`: seconds, or `permanent`, or `expired`.
const HEADINGS: [&str; 6] = ["aor", "contact", "received", "expires_in", "user_agent", "socket"];

/// Prints them; the exit code is 1 when the server cannot be asked or the address of record has none.
#[allow(clippy::print_stderr)]
pub(crate) fn run(arguments: &Location) -> ExitCode {
    match ask(arguments) {
        Ok(answer) => {
            let lines = rows(&answer);
            if lines.is_empty() && !arguments.json {
                say!("no contact is registered");
            } else {
                db::print(&HEADINGS, &lines, arguments.json);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(arguments: &Location) -> Result<Vec<RpcValue>, String> {
    if let Some(socket) = &arguments.socket {
        let socket = ControlAddress::parse(socket).map_err(|error| error.to_string())?;
        return ask_at(&socket, arguments).map_err(|error| error.to_string());
    }
    let mut result = Err("no server runs here; -s names its control socket".to_owned());
    for path in SOCKETS.into_iter().filter(|path| Path::new(path).exists()) {
        match ask_at(&ControlAddress::UnixStream(path.into()), arguments) {
            // The file can be all that is left of a server.
            Err(error @ CallError::Connect { .. }) => result = Err(error.to_string()),
            other => return other.map_err(|error| error.to_string()),
        }
    }
    result
}

fn ask_at(socket: &ControlAddress, arguments: &Location) -> Result<Vec<RpcValue>, CallError> {
    match &arguments.aor {
        Some(aor) => {
            let words = [RpcValue::from(arguments.table.as_str()), RpcValue::from(aor.as_str())];
            ctl_client::call(socket, "ul.lookup", &words)
        }
        None => ctl_client::call(socket, "ul.dump", &[]),
    }
}

/// A row per contact.
fn rows(answer: &[RpcValue]) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    answer.iter().for_each(|value| collect(value, "", &mut out));
    out
}

/// Contacts lie at some depth below the structure that has their address of record.
fn collect(value: &RpcValue, aor: &str, out: &mut Vec<Vec<String>>) {
    match value {
        RpcValue::Array(items) => items.iter().for_each(|item| collect(item, aor, out)),
        RpcValue::Struct(members) => {
            let own = members.iter().find(|(name, _)| name == "AoR").map(|(_, value)| text(value));
            let aor = own.as_deref().unwrap_or(aor);
            for (name, member) in members {
                match member {
                    RpcValue::Struct(contact) if name == "Contact" => out.push(row(aor, contact)),
                    RpcValue::Struct(_) | RpcValue::Array(_) => collect(member, aor, out),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn row(aor: &str, contact: &[(String, RpcValue)]) -> Vec<String> {
    let cell = |wanted: &str| {
        let found = contact.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| text(value)).filter(|text| text != "[not set]").unwrap_or_default()
    };
    let names = ["Address", "Received", "Expires", "User-Agent", "Socket"];
    std::iter::once(aor.to_owned()).chain(names.map(cell)).collect()
}

fn text(value: &RpcValue) -> String {
    match value {
        RpcValue::Int(number) => number.to_string(),
        RpcValue::Double(number) => number.to_string(),
        RpcValue::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        RpcValue::Null | RpcValue::Struct(_) | RpcValue::Array(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(address: &str, expires: RpcValue, received: &str) -> RpcValue {
        let inner = [
            ("Address", address.into()),
            ("Expires", expires),
            ("User-Agent", "phone".into()),
            ("Received", received.into()),
            ("Socket", "udp:192.0.2.1:5060".into()),
        ];
        RpcValue::structure([("Contact", RpcValue::structure(inner))])
    }

    #[test]
    fn a_row_per_contact() {
        let contacts = RpcValue::Array(vec![
            contact("sip:bob@192.0.2.7", 120.into(), "sip:198.51.100.7:1024"),
            contact("sip:bob@192.0.2.8", "permanent".into(), "[not set]"),
        ]);
        let info = [("AoR", "bob".into()), ("HashID", 5.into()), ("Contacts", contacts.clone())];
        let record = RpcValue::structure([("Info", RpcValue::structure(info))]);
        let domain = [("Domain", "location".into()), ("AoRs", RpcValue::Array(vec![record]))];
        let table = RpcValue::structure([("Domain", RpcValue::structure(domain))]);
        let dump = [RpcValue::structure([("Domains", RpcValue::Array(vec![table]))])];
        let wanted = [
            ["bob", "sip:bob@192.0.2.7", "sip:198.51.100.7:1024", "120", "phone", "udp:192.0.2.1:5060"],
            ["bob", "sip:bob@192.0.2.8", "", "permanent", "phone", "udp:192.0.2.1:5060"],
        ];
        assert_eq!(rows(&dump), wanted);
        let lookup = [RpcValue::structure([("AoR", "bob".into()), ("Contacts", contacts)])];
        assert_eq!(rows(&lookup), wanted);
        assert!(rows(&[RpcValue::Null]).is_empty());
    }

    #[test]
    fn without_a_server() {
        let arguments =
            Location { aor: None, socket: Some("unix:/nowhere/ctl".into()), table: "location".into(), json: false };
        assert!(ask(&arguments).unwrap_err().contains("cannot reach the server"));
    }
}
