//! RPC commands `permissions.*`, with Kamailio's fields and texts.

use std::net::IpAddr;
use std::sync::Arc;

use engine::{RpcFault, RpcResult, RpcValue, rpc};
use parking_lot::Mutex;

use super::addresses::{Entry, Place};
use super::trusted::{Pattern, Rule};
use super::{Permissions, address_source, trusted};
use crate::core_hash::core_hash;

/// When the last reload was, and whether one runs.
#[derive(Default)]
pub(super) struct Reloads {
    last: Mutex<Option<i64>>,
    running: tokio::sync::Mutex<()>,
}

fn fault(reason: &str) -> RpcFault {
    RpcFault::new(500, reason)
}

impl Permissions {
    /// Takes the place of a reload; a fault when the last one was a moment ago.
    fn begin_reload(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, RpcFault> {
        let running = self.reloads.running.try_lock().map_err(|_| fault("ongoing reload"))?;
        let now = self.core.unix_time();
        let mut last = self.reloads.last.lock();
        let delta = self.params.reload_delta;
        if delta > 0 && last.is_some_and(|last| now < last.saturating_add(delta)) {
            return Err(fault("ongoing reload"));
        }
        *last = Some(now);
        Ok(running)
    }

    fn failed(&self, problem: &str) -> RpcFault {
        engine::log!(self.core.log, Error, "permissions: {problem}; the table stays as it was");
        fault("Reload failed.")
    }
}

/// Kamailio's number of the list that something stands in.
fn list_number(key: &[u8]) -> u32 {
    core_hash(&[key]) & 127
}

fn text_or_null(text: Option<&str>) -> RpcValue {
    text.unwrap_or("NULL").into()
}

/// Reads the table of addresses anew.
#[rpc("permissions.addressReload")]
pub async fn address_reload(me: Arc<Permissions>) -> RpcResult {
    let _running = me.begin_reload()?;
    match address_source::load(&me).await {
        Ok(Some(table)) if me.addresses().is_some() => {
            *me.addresses.write() = Some(Arc::new(table));
            Ok(vec!["Reload OK".into()])
        }
        Ok(_) => Err(fault("Reload failed.")),
        Err(problem) => Err(me.failed(&problem)),
    }
}

/// Reads the table of trusted senders anew (`db_mode` 1).
#[rpc("permissions.trustedReload")]
pub async fn trusted_reload(me: Arc<Permissions>) -> RpcResult {
    let _running = me.begin_reload()?;
    let Some(database) = me.trusted_database().filter(|_| me.params.db_mode != 0) else {
        return Err(fault("Reload failed."));
    };
    match trusted::load(&me, database).await {
        Ok(table) => {
            *me.trusted.write() = Some(Arc::new(table));
            Ok(vec!["Reload OK".into()])
        }
        Err(problem) => Err(me.failed(&problem)),
    }
}

/// The rows of one kind, sorted as Kamailio's lists: by number, the newest first.
fn sorted<'a, K>(entries: &'a [Entry], of_kind: impl Fn(&'a Entry) -> Option<(u32, K)>) -> Vec<(u32, K, &'a Entry)> {
    let found = entries.iter().rev().filter_map(|entry| of_kind(entry).map(|(number, key)| (number, key, entry)));
    let mut list: Vec<_> = found.collect();
    list.sort_by_key(|(number, ..)| *number);
    list
}

/// The hosts in the table of addresses.
#[rpc("permissions.addressDump", array)]
pub async fn address_dump(me: Arc<Permissions>) -> RpcResult {
    let table = me.addresses().ok_or_else(|| fault("No address table"))?;
    let hosts = sorted(&table.entries, |entry| match &entry.place {
        Place::Host(address) => Some((list_number_of(*address), *address)),
        _ => None,
    });
    let shown = hosts.into_iter().map(|(number, address, entry)| {
        RpcValue::structure([
            ("table", number.into()),
            ("group", entry.group.into()),
            ("item", item([("ip", address.to_string().into())], entry)),
        ])
    });
    Ok(shown.collect())
}

fn list_number_of(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => list_number(&address.octets()),
        IpAddr::V6(address) => list_number(&address.octets()),
    }
}

/// Some members, then port and tag.
fn item<const N: usize>(members: [(&str, RpcValue); N], entry: &Entry) -> RpcValue {
    let mut list: Vec<(String, RpcValue)> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    list.push(("port".to_owned(), entry.port.into()));
    list.push(("tag".to_owned(), text_or_null(entry.tag.as_deref())));
    RpcValue::Struct(list)
}

/// The networks in the table of addresses.
#[rpc("permissions.subnetDump", array)]
pub async fn subnet_dump(me: Arc<Permissions>) -> RpcResult {
    let table = me.addresses().ok_or_else(|| fault("No subnet table"))?;
    let nets = table.entries.iter().filter_map(|entry| match &entry.place {
        Place::Subnet(net) => Some((net, entry)),
        _ => None,
    });
    let shown = nets.enumerate().map(|(id, (net, entry))| {
        let members = [("ip", net.addr().to_string().into()), ("mask", i32::from(net.prefix_len()).into())];
        RpcValue::structure([("id", id.into()), ("group", entry.group.into()), ("item", item(members, entry))])
    });
    Ok(shown.collect())
}

/// The names in the table of addresses.
#[rpc("permissions.domainDump")]
pub async fn domain_dump(me: Arc<Permissions>) -> RpcResult {
    let table = me.addresses().ok_or_else(|| fault("No domain list table"))?;
    let names = sorted(&table.entries, |entry| match &entry.place {
        Place::Name(name) => Some((list_number(name.as_bytes()), name)),
        _ => None,
    });
    let members = names.into_iter().flat_map(|(number, name, entry)| {
        [
            ("table".to_owned(), number.into()),
            ("group".to_owned(), entry.group.into()),
            ("item".to_owned(), item([("domain_name", name.as_str().into())], entry)),
        ]
    });
    Ok(vec![RpcValue::Struct(members.collect())])
}

/// The rules for trusted senders in memory (`db_mode` 1).
#[rpc("permissions.trustedDump")]
pub async fn trusted_dump(me: Arc<Permissions>) -> RpcResult {
    let table = me.trusted.read().clone().ok_or_else(|| fault("No trusted table"))?;
    let mut sources: Vec<(u32, &str, &[Rule])> = table
        .rules
        .iter()
        .map(|(source, rules)| (list_number(source.as_bytes()), source.as_str(), rules.as_slice()))
        .collect();
    sources.sort_unstable_by_key(|(number, source, _)| (*number, *source));
    let pattern = |pattern: &Option<Pattern>| text_or_null(pattern.as_ref().map(|pattern| pattern.text.as_str()));
    let mut members = Vec::new();
    for (number, source, rules) in sources {
        for rule in rules {
            members.push(("table".to_owned(), number.into()));
            let item = RpcValue::structure([
                ("ip", source.into()),
                ("proto", (rule.protocol as i32).into()),
                ("pattern", pattern(&rule.from)),
                ("ruri_pattern", pattern(&rule.target)),
                ("tag", text_or_null(rule.tag.as_deref())),
                ("priority", rule.priority.into()),
            ]);
            members.push(("item".to_owned(), item));
        }
    }
    Ok(vec![RpcValue::Struct(members)])
}

/// Whether a caller may reach a URI, by the files of a base name that the configuration names, too.
#[rpc("permissions.testUri")]
pub async fn test_uri(me: Arc<Permissions>, base: String, uri: String, contact: String) -> RpcResult {
    let allowed = me.test_uri(&base, &uri, &contact);
    Ok(vec![if allowed { "Allowed" } else { "Denied" }.into()])
}

/// The same as `permissions.testUri`.
#[rpc("permissions.allowUri")]
pub async fn allow_uri(me: Arc<Permissions>, base: String, uri: String, contact: String) -> RpcResult {
    let allowed = me.test_uri(&base, &uri, &contact);
    Ok(vec![if allowed { "Allowed" } else { "Denied" }.into()])
}
