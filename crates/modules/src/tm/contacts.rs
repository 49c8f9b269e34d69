//! Serial forking by q value: `t_load_contacts`, `t_next_contacts`, `t_next_contact_flow`.
//!
//! The destinations wait in two xavps, newest first, one list each: `uri`, `dst_uri`, `path`, `sock`, `flags`, `ruid`,
//! `instance`, `location_ua`, `reg_id`, `connection`, `q_flag`. A `q_flag` of 4 ends a group that is tried in parallel.

use std::sync::Arc;

use engine::xavp::{Xlist, Xvalue};
use engine::{Branch, CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::{Current, Tm};

/// `q_flag` of the last one of a group.
const END_OF_GROUP: i64 = 4;

/// Nothing is left.
const EMPTY: Return = Return(-2);

/// How destinations are ordered.
enum Order {
    /// By q; equal ones together.
    ByQ,
    /// By chance, with q as the weight; one after the other.
    ByChance,
}

fn socket_name(cx: &RouteCx, branch: &Branch) -> Option<Str> {
    let socket = cx.core.socket(branch.socket?)?;
    Some(Str::from(format!("{}:{}", socket.protocol.name(), socket.address)))
}

/// A destination as a list of named values; `contact` is the xavp that usrloc keeps with it.
fn to_list(cx: &RouteCx, branch: Branch, ends_group: bool, contact: Option<(Str, Xvalue)>) -> Xlist {
    let number = |number: u64| Some(number).filter(|number| *number != 0).map(|number| Value::Int(number as i64));
    let text = |text: Option<Str>| text.filter(|text| !text.is_empty()).map(Value::Str);
    let socket = socket_name(cx, &branch);
    let values = [
        ("uri", Some(Value::Str(branch.uri))),
        ("dst_uri", text(branch.destination)),
        ("path", text(branch.path)),
        ("sock", text(socket)),
        ("flags", Some(branch.flags.into())),
        ("instance", text(branch.instance)),
        ("ruid", text(branch.ruid)),
        ("location_ua", text(branch.user_agent)),
        ("reg_id", number(branch.reg_id.into())),
        ("connection", number(branch.connection)),
        ("q_flag", Some(Value::Int(if ends_group { END_OF_GROUP } else { 0 }))),
    ];
    let mut list = Xlist::default();
    for (name, value) in values {
        if let Some(value) = value {
            list.push(Str::from_static(name), Xvalue::Simple(value));
        }
    }
    if let Some((name, value)) = contact {
        list.push(name, value);
    }
    list
}

/// What [`to_list`] made, or the script; `None` without `uri`.
fn to_branch(cx: &RouteCx, list: &Xlist) -> Option<Branch> {
    let value = |name: &str| match list.get(name.as_bytes(), 0, false) {
        Some(Xvalue::Simple(value)) => Some(value),
        _ => None,
    };
    let text = |name: &str| value(name).and_then(Value::as_str).cloned();
    let number = |name: &str| value(name).and_then(Value::to_int).unwrap_or(0);
    Some(Branch {
        uri: text("uri")?,
        destination: text("dst_uri"),
        path: text("path"),
        q: None,
        socket: text("sock").and_then(|name| cx.core.find_socket(&name.to_text())),
        flags: number("flags") as u32,
        ruid: text("ruid"),
        instance: text("instance"),
        user_agent: text("location_ua"),
        reg_id: u32::try_from(number("reg_id")).unwrap_or(0),
        connection: u64::try_from(number("connection")).unwrap_or(0),
    })
}

fn ends_group(list: &Xlist) -> bool {
    matches!(list.get(b"q_flag", 0, false), Some(Xvalue::Simple(value)) if value.to_int() == Some(END_OF_GROUP))
}

/// The name of an xavp that holds destinations, when the functions are switched on.
fn name<'a>(tm: &'a Tm, which: impl FnOnce(&'a super::TmParams) -> &'a Str) -> Result<&'a Str, ScriptError> {
    let name = which(&tm.params);
    if name.is_empty() {
        return Err(ScriptError::new("the parameters `contacts_avp` and `contact_flows_avp` are not set"));
    }
    Ok(name)
}

/// The xavps that usrloc keeps with the contacts, in the order of the destinations: taken from the script's xavps, when
/// there is one for each destination.
fn take_contact_xavps(cx: &mut RouteCx, name: &Str, count: usize) -> Vec<Option<(Str, Xvalue)>> {
    if name.is_empty() || cx.xavps.xavp.count(name, false) != count {
        return vec![None; count];
    }
    let (taken, kept) = std::mem::take(&mut cx.xavps.xavp.items).into_iter().partition(|(key, _)| key == name);
    cx.xavps.xavp.items = kept;
    let taken: Vec<(Str, Xvalue)> = taken;
    taken.into_iter().map(Some).collect()
}

type Destination = (Branch, Option<(Str, Xvalue)>);

fn q(destination: &Destination) -> i32 {
    // Without q comes last.
    destination.0.q.unwrap_or(-1)
}

/// Orders by chance: each next one is drawn with its q as the weight. Those without a q above zero come last.
fn shuffle(destinations: Vec<Destination>, mut random: impl FnMut(u64) -> u64) -> Vec<Destination> {
    let (mut weighted, rest): (Vec<_>, Vec<_>) = destinations.into_iter().partition(|it| q(it) > 0);
    let mut ordered = Vec::with_capacity(weighted.len() + rest.len());
    while !weighted.is_empty() {
        let total: u64 = weighted.iter().map(|it| u64::from(q(it).unsigned_abs())).sum();
        let mut drawn = random(total);
        let at = weighted.iter().position(|it| {
            let weight = u64::from(q(it).unsigned_abs());
            let chosen = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            chosen
        });
        ordered.push(weighted.remove(at.unwrap_or(0)));
    }
    ordered.extend(rest);
    ordered
}

/// Takes all destinations (the request-URI and the branches) away and keeps them in `$xavp(contacts_avp)`, ordered by q,
/// for `t_next_contacts`. `mode` 0 or none: those with the highest q come first, equal ones in parallel; 1: one after the
/// other in an order drawn by chance, with q as the weight, those with q 0 or none last.
///
/// Does nothing when there is one destination only. Returns 1; -1 when parameter `contacts_avp` is not set.
#[function(REQUEST | FAILURE)]
pub fn t_load_contacts(cx: &mut RouteCx, me: &Arc<Tm>, mode: Option<i64>) -> CallResult {
    let avp = name(me, |params| &params.contacts_avp)?.clone();
    let order = match mode.unwrap_or(0) {
        0 => Order::ByQ,
        1 => Order::ByChance,
        mode => return Err(ScriptError::new(format!("there is no mode {mode}, only 0 and 1"))),
    };
    let with_uri = super::relay::takes_request_uri(cx);
    if cx.to.branches.len() + usize::from(with_uri) < 2 {
        return Ok(Return::TRUE);
    }
    let mut branches = Vec::with_capacity(1 + cx.to.branches.len());
    if with_uri {
        branches.push(cx.to.first(cx.request_uri()));
    }
    branches.append(&mut cx.to.branches);
    let contacts = take_contact_xavps(cx, &me.params.xavp_contact, branches.len());
    let mut all: Vec<Destination> = branches.into_iter().zip(contacts).collect();
    match order {
        Order::ByQ => {
            // Of equal ones the last comes first, as in Kamailio.
            all.reverse();
            all.sort_by_key(|it| std::cmp::Reverse(q(it)));
        }
        Order::ByChance => all = shuffle(all, |below| rand::random_range(0..below.max(1))),
    }
    let lists: Vec<Xlist> = (0..all.len())
        .map(|at| match order {
            Order::ByQ => all.get(at + 1).is_some_and(|next| q(next) < q(&all[at])),
            Order::ByChance => true,
        })
        .collect::<Vec<bool>>()
        .into_iter()
        .zip(all)
        .map(|(ends, (branch, contact))| to_list(cx, branch, ends, contact))
        .collect();
    for list in lists.into_iter().rev() {
        cx.xavps.xavp.push(avp.clone(), Xvalue::List(list));
    }
    cx.to.is_new = false;
    cx.data::<Current>().relayed = true;
    Ok(Return::TRUE)
}

/// Takes the newest value of a name away, when it is a list.
fn pop(cx: &mut RouteCx, name: &Str) -> Option<Xlist> {
    let at = cx.xavps.xavp.find(name, 0, false)?;
    match cx.xavps.xavp.items.remove(at).1 {
        Xvalue::List(list) => Some(list),
        Xvalue::Simple(_) => None,
    }
}

/// Gives the script the xavp that usrloc keeps with a contact.
fn restore(cx: &mut RouteCx, name: &Str, list: &Xlist) {
    if !name.is_empty()
        && let Some(value) = list.get(name, 0, false)
    {
        cx.xavps.xavp.push(name.clone(), value.clone());
    }
}

/// Makes those of the waiting destinations that come next the request-URI and branches. Of several with the same
/// instance (`+sip.instance`) one is taken, the others wait in `$xavp(contact_flows_avp)` for `t_next_contact_flow`.
///
/// Returns 1; -2 when none waits; -1 when parameter `contacts_avp` is not set.
#[function(REQUEST | FAILURE)]
pub fn t_next_contacts(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    let avp = name(me, |params| &params.contacts_avp)?;
    let flows = name(me, |params| &params.contact_flows_avp)?;
    let mut chosen: Vec<(Branch, Xlist)> = Vec::new();
    while let Some(list) = pop(cx, avp) {
        let last = ends_group(&list);
        if let Some(branch) = to_branch(cx, &list) {
            let instance = branch.instance.as_ref();
            if instance.is_some() && chosen.iter().any(|(other, _)| other.instance.as_ref() == instance) {
                // Behind those that wait already: the better ones are found first.
                cx.xavps.xavp.items.push((flows.clone(), Xvalue::List(list)));
            } else {
                chosen.push((branch, list));
            }
        }
        if last {
            break;
        }
    }
    if chosen.is_empty() {
        return Ok(EMPTY);
    }
    for (_, list) in chosen.iter().rev() {
        restore(cx, &me.params.xavp_contact, list);
    }
    let mut chosen = chosen.into_iter().map(|(branch, _)| branch);
    if let Some(first) = chosen.next() {
        let socket = first.socket.or(cx.to.socket);
        cx.to.set_first(Branch { socket, ..first });
    }
    cx.to.branches.extend(chosen);
    Ok(Return::TRUE)
}

/// In `event_route[tm:branch-failure:NAME]`: adds as a branch the first of the waiting flows to the same instance
/// (`+sip.instance`) as the branch that failed.
///
/// Returns 1; -2 when there is none; -1 elsewhere and when parameter `contact_flows_avp` is not set.
#[function(REQUEST | FAILURE | EVENT)]
pub fn t_next_contact_flow(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    let flows = name(me, |params| &params.contact_flows_avp)?;
    let transaction = super::create::required(cx)?;
    let failed = cx.find_data::<Current>().and_then(|current| current.branch);
    let failed = failed.ok_or_else(|| ScriptError::new("no branch has failed here"))?;
    let Some(instance) = transaction.lock().branches.get(failed).and_then(|at| at.to.instance.clone()) else {
        return Ok(EMPTY);
    };
    let same = |value: &Xvalue| {
        matches!(value, Xvalue::List(list)
            if matches!(list.get(b"instance", 0, false), Some(Xvalue::Simple(Value::Str(found))) if *found == instance))
    };
    let at = cx.xavps.xavp.items.iter().position(|(key, value)| key == flows && same(value));
    let Some((_, Xvalue::List(list))) = at.map(|at| cx.xavps.xavp.items.remove(at)) else { return Ok(EMPTY) };
    let Some(branch) = to_branch(cx, &list) else { return Ok(EMPTY) };
    restore(cx, &me.params.xavp_contact, &list);
    cx.to.branches.push(branch);
    Ok(Return::TRUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(all: &[(&str, Option<i32>)]) -> Vec<Destination> {
        all.iter().map(|(uri, q)| (Branch { uri: Str::from(*uri), q: *q, ..Branch::default() }, None)).collect()
    }

    #[test]
    fn chance_follows_the_weights_and_leaves_those_without_for_the_end() {
        let all = destinations(&[("a", None), ("b", Some(100)), ("c", Some(900)), ("d", Some(0))]);
        let order = |drawn: u64| {
            let ordered = shuffle(all.clone(), |total| drawn.min(total - 1));
            ordered.iter().map(|it| it.0.uri.to_string()).collect::<String>()
        };
        assert_eq!(order(0), "bcad");
        assert_eq!(order(99), "bcad");
        assert_eq!(order(100), "cbad");
        assert_eq!(order(999), "cbad");
    }
}
