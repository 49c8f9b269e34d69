//! `olelo address`: addresses, networks and domain names in groups, in table `address`.

use std::net::IpAddr;
use std::process::ExitCode;

use database::{Change, Filter, Select, Value};
use ipnet::IpNet;

use super::db::{self, with_runtime};
use super::user::Place;
use crate::arguments::{Address, AddressTask};

const TABLE: &str = "address";
/// What column `ip_addr` holds, in characters.
const MOST_ADDRESS: usize = 50;
/// What column `tag` holds, in characters.
const MOST_TAG: usize = 64;

/// Does what is asked; the exit code is 1 when that is not possible.
#[allow(clippy::print_stderr)]
pub(crate) fn run(arguments: &Address) -> ExitCode {
    match with_runtime(task(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What stands in `ip_addr` and `mask`.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    address: String,
    mask: u8,
}

impl Target {
    /// An address, a network or a name.
    fn parse(text: &str) -> Result<Self, String> {
        let (place, mask) = text.split_once('/').map_or((text, None), |(place, mask)| (place, Some(mask)));
        let bare = place.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(place);
        let Ok(address) = bare.parse::<IpAddr>() else {
            return match mask {
                Some(_) => Err(format!("`{place}` is no IP address: only those have a mask")),
                None => Self::name(place),
            };
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let mask = match mask {
            None => most,
            Some(mask) => match mask.parse::<u8>() {
                Ok(mask) if (1..=most).contains(&mask) => mask,
                _ => return Err(format!("`{mask}` is no mask of {address}: 1 to {most}")),
            },
        };
        let network = IpNet::new(address, mask).map_err(|error| format!("`{text}`: {error}"))?;
        if network.trunc().addr() != address {
            return Err(format!("`{text}` is no network: did you mean {} or {address}/{most}?", network.trunc()));
        }
        Ok(Self { address: address.to_string(), mask })
    }

    /// A domain name. One of digits only is a mistyped address.
    fn name(text: &str) -> Result<Self, String> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = text.rsplit('.').next().unwrap_or_default();
        if text.len() > MOST_ADDRESS || !text.split('.').all(label) || last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{text}` is neither an IP address nor a domain name of at most 50 characters"));
        }
        Ok(Self { address: text.into(), mask: 32 })
    }

    fn filter(&self, group: u32, port: u16) -> Vec<Filter<'static>> {
        vec![
            Filter::equal("grp", i64::from(group)),
            Filter::equal("ip_addr", self.address.as_str()),
            Filter::equal("mask", i64::from(self.mask)),
            Filter::equal("port", i64::from(port)),
        ]
    }
}

async fn task(arguments: &Address) -> Result<(), String> {
    let place = Place::open(&arguments.place).await?;
    let json = arguments.place.json;
    let done = match &arguments.task {
        AddressTask::List => list(&place, json).await,
        AddressTask::Add { group, address, port, tag } => {
            add(&place, *group, address, *port, tag.as_deref(), json).await
        }
        AddressTask::Remove { group, address, port } => remove(&place, *group, address, *port, json).await,
    };
    place.database.close().await;
    done
}

async fn rows(place: &Place, filter: &[Filter<'_>]) -> Result<Vec<Vec<String>>, String> {
    let columns = ["grp", "ip_addr", "mask", "port", "tag"];
    let select = Select { table: TABLE, columns: &columns, filter, order: Some("grp"), limit: None };
    let found = place.database.select(&select).await.map_err(|error| place.failed(TABLE, &error))?;
    let cells = |row: &Vec<Value>| row.iter().map(|cell| cell.to_text().unwrap_or_default().into_owned()).collect();
    Ok(found.rows.iter().map(cells).collect())
}

async fn list(place: &Place, json: bool) -> Result<(), String> {
    db::print(&["group", "address", "mask", "port", "tag"], &rows(place, &[]).await?, json);
    Ok(())
}

fn say_done(group: u32, target: &Target, what: &str, json: bool) {
    let Target { address, mask } = target;
    if json {
        let line = vec![group.to_string(), address.clone(), mask.to_string(), what.into()];
        db::print(&["group", "address", "mask", "done"], &[line], true);
    } else {
        say!("group {group}: {address}/{mask} {what}; a running server takes it after permissions.addressReload");
    }
}

async fn add(place: &Place, group: u32, address: &str, port: u16, tag: Option<&str>, json: bool) -> Result<(), String> {
    let target = Target::parse(address)?;
    if let Some(tag) = tag
        && (tag.chars().count() > MOST_TAG || tag.chars().any(char::is_control))
    {
        return Err("a tag has at most 64 characters, and no control characters".into());
    }
    if !rows(place, &target.filter(group, port)).await?.is_empty() {
        return Err(format!("{address} is in group {group} already"));
    }
    let row = vec![
        Value::Int(group.into()),
        Value::from(target.address.as_str()),
        Value::Int(target.mask.into()),
        Value::Int(port.into()),
        tag.map_or(Value::Null, Value::from),
    ];
    let inserted = place.database.insert(TABLE, &["grp", "ip_addr", "mask", "port", "tag"], row).await;
    inserted.map_err(|error| place.failed(TABLE, &error))?;
    say_done(group, &target, "added", json);
    Ok(())
}

async fn remove(place: &Place, group: u32, address: &str, port: u16, json: bool) -> Result<(), String> {
    let target = Target::parse(address)?;
    let filter = target.filter(group, port);
    if rows(place, &filter).await?.is_empty() {
        let at = if port == 0 { String::new() } else { format!(" with port {port}") };
        return Err(format!("{address} is not in group {group}{at}"));
    }
    let removed = place.database.apply(vec![Change::Delete { table: TABLE, filter }]).await;
    removed.map_err(|error| place.failed(TABLE, &error))?;
    say_done(group, &target, "removed", json);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state;

    #[test]
    fn targets() {
        for (text, address, mask) in [
            ("192.0.2.1", "192.0.2.1", 32),
            ("10.0.0.0/8", "10.0.0.0", 8),
            ("2001:DB8::/32", "2001:db8::", 32),
            ("[::1]", "::1", 128),
            ("sip.example.com", "sip.example.com", 32),
        ] {
            assert_eq!(Target::parse(text), Ok(Target { address: address.into(), mask }), "{text}");
        }
        for (wrong, text) in [
            ("192.0.2.1/33", "1 to 32"),
            ("192.0.2.1/0", "1 to 32"),
            ("::1/129", "1 to 128"),
            ("192.0.2.1/x", "no mask"),
            ("192.0.2.1/8", "did you mean 192.0.0.0/8"),
            ("192.0.2.256", "neither"),
            ("a b", "neither"),
            ("-a.example", "neither"),
            ("", "neither"),
            ("example.com/24", "only those have a mask"),
        ] {
            let error = Target::parse(wrong).unwrap_err();
            assert!(error.contains(text), "{wrong}: {error}");
        }
    }

    #[test]
    fn added_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/k.sqlite", folder.path().display());
        with_runtime(async {
            let place = Place { database: state::open(&url).await?, is_default: false };
            add(&place, 2, "10.0.0.0/8", 5060, Some("office"), true).await?;
            add(&place, 1, "sip.example.com", 0, None, true).await?;
            let wanted = [["1", "sip.example.com", "32", "0", ""], ["2", "10.0.0.0", "8", "5060", "office"]];
            assert_eq!(rows(&place, &[]).await?, wanted);
            let twice = add(&place, 2, "10.0.0.0/8", 5060, None, true).await.unwrap_err();
            assert!(twice.contains("in group 2 already"), "{twice}");
            let long = "x".repeat(65);
            assert!(add(&place, 3, "10.0.0.0/8", 0, Some(&long), true).await.is_err());
            let missing = remove(&place, 2, "10.0.0.0/8", 0, true).await.unwrap_err();
            assert_eq!(missing, "10.0.0.0/8 is not in group 2");
            remove(&place, 2, "10.0.0.0/8", 5060, true).await?;
            assert_eq!(rows(&place, &[]).await?.len(), 1);
            place.database.close().await;
            Ok(())
        })
        .unwrap();
    }
}
