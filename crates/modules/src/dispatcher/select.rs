//! Which destination a request goes to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::xavp::{Xlist, Xvalue};
use engine::{Branch, RouteCx, ScriptError, Str, Value};
use rand::RngExt as _;
use sip::{Method, Uri};

use super::destination::Destination;
use super::params::{FAILOVER, HASH_USER};
use super::sets::Set;
use super::{Dispatcher, hash};
use crate::core_hash::core_hash;

/// `xavp_dst_mode`: there are no attributes.
const WITHOUT_ATTRIBUTES: i64 = 1;
/// There is the socket's text.
const WITH_SOCKET: i64 = 2;
/// There is the socket's name.
const WITH_SOCKET_NAME: i64 = 4;
/// `xavp_ctx_mode`: there is no count.
const WITHOUT_COUNT: i64 = 1;

/// The algorithm that newer versions of Kamailio have for overload control.
pub(super) const OVERLOAD_CONTROL: i64 = 64;

/// Where the first destination goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The next hop (`$du`).
    NextHop,
    /// Host and port of the request-URI.
    Domain,
    /// Only the list.
    List,
}

/// What an algorithm says.
enum Choice {
    /// This one, or the next that can be used.
    At(usize),
    /// This one, and from it on algorithm 4 goes on.
    InTurn(usize),
    /// All at once.
    All,
    Nobody,
}

/// What was selected.
#[derive(Default)]
pub(super) struct Selected {
    /// The first one, then those that are tried if it fails.
    list: Vec<Arc<Destination>>,
    /// All are tried at once.
    parallel: bool,
    /// The load is counted.
    counted: bool,
}

impl Dispatcher {
    /// Selects destinations and puts them where they are wanted; false: there is none.
    pub(super) fn select(
        &self,
        cx: &mut RouteCx,
        wanted: &[(i64, i64)],
        goal: Goal,
        limit: usize,
    ) -> Result<bool, ScriptError> {
        if goal == Goal::NextHop && !self.params.force_dst && cx.to.destination.is_some() {
            return Err("the next hop is set already (`force_dst` is 0)".into());
        }
        // As in Kamailio it is the limit of each set.
        let most = if limit == 0 { usize::MAX } else { limit };
        let mut selected = Selected::default();
        for (set, algorithm) in wanted {
            match self.choose(cx, *set, *algorithm, most) {
                Ok(found) => {
                    selected.parallel |= found.parallel;
                    selected.counted |= found.counted && selected.list.is_empty();
                    selected.list.extend(found.list);
                }
                Err(problem) if wanted.len() == 1 => return Err(problem),
                Err(problem) => engine::log!(cx.core.log, Error, "{}: {problem}", cx.place()),
            }
        }
        let Some(first) = selected.list.first().cloned() else { return Ok(false) };
        if selected.counted && !self.count_call(cx, &first) {
            return Err("the call cannot be counted: there are too many".into());
        }
        self.apply(cx, goal, &first.uri, self.socket_of(&first))?;
        let mut kept = 0;
        if selected.parallel {
            self.add_branches(cx, goal, &selected.list[1..])?;
        } else if self.params.flags & FAILOVER != 0 {
            self.keep(cx, &selected);
            kept = selected.list.len();
        }
        if !self.params.xavp_ctx.is_empty() && self.params.xavp_ctx_mode & WITHOUT_COUNT == 0 {
            let mut list = Xlist::default();
            list.push(Str::from_static("cnt"), Xvalue::Simple(Value::from(kept)));
            cx.xavps.xavp.push(self.params.xavp_ctx.clone(), Xvalue::List(list));
        }
        Ok(true)
    }

    /// The destinations of one set, at most `most`.
    fn choose(&self, cx: &RouteCx, id: i64, algorithm: i64, most: usize) -> Result<Selected, ScriptError> {
        let sets = self.sets();
        let set = sets.get(id).ok_or_else(|| ScriptError::new(format!("there is no destination set {id}")))?;
        let all = &set.destinations;
        // The last resort takes no part in the choice.
        let resort = all.len().checked_sub(1).filter(|at| self.params.use_default && *at > 0);
        let choosable = resort.unwrap_or(all.len());
        // Other requests make no calls.
        let counted = algorithm == 10 && cx.message.method() == Method::Invite;
        let (start, in_turn) = match self.choice(cx, set, algorithm, choosable)? {
            Choice::At(at) => (at, false),
            Choice::InTurn(at) => (at, true),
            Choice::All => {
                let list = all.iter().filter(|it| it.is_usable()).take(most).cloned().collect();
                return Ok(Selected { list, parallel: true, counted: false });
            }
            Choice::Nobody => return Ok(Selected::default()),
        };
        let usable = |at: &usize| all.get(*at).is_some_and(|it| it.is_usable() && (!counted || it.has_room()));
        let found = (start..choosable).chain(0..start).find(usable).or(resort.filter(usable));
        let Some(first) = found else { return Ok(Selected::default()) };
        if in_turn {
            set.next.store((first + 1) % choosable.max(1), Ordering::Relaxed);
        }
        let mut order = vec![first];
        if self.params.flags & FAILOVER != 0 {
            if algorithm == 13 {
                order.extend(self.by_latency(set, choosable).into_iter().filter(|at| *at != first));
            } else if first < choosable {
                order.extend((first + 1..choosable).chain(0..first).filter(usable));
            }
            // As in Kamailio it is the last resort even when it is inactive.
            order.extend(resort.filter(|at| *at != first));
        }
        let list = order.into_iter().take(most).filter_map(|at| all.get(at).cloned()).collect();
        Ok(Selected { list, parallel: false, counted })
    }

    fn choice(&self, cx: &RouteCx, set: &Set, algorithm: i64, count: usize) -> Result<Choice, ScriptError> {
        let missing = |what: &str| ScriptError::new(format!("algorithm {algorithm}: there is no {what} to be hashed"));
        let user_only = self.params.flags & HASH_USER != 0;
        let of_uri = |uri: Option<Str>, what: &str| {
            uri.and_then(|uri| hash::of_uri(&uri, user_only)).ok_or_else(|| missing(what))
        };
        let in_turn = || Choice::InTurn(set.next.load(Ordering::Relaxed) % count.max(1));
        let hashed = match algorithm {
            0 => {
                let id = cx.message.call_id().filter(|id| !id.is_empty()).ok_or_else(|| missing("Call-ID"))?;
                core_hash(&[&id])
            }
            1 => of_uri(cx.message.from().ok().flatten().map(|from| from.uri.clone()), "From URI")?,
            2 => of_uri(cx.message.to().ok().flatten().map(|to| to.uri.clone()), "To URI")?,
            3 => of_uri(Some(cx.request_uri()), "request-URI")?,
            4 => return Ok(in_turn()),
            5 => match hash::username(cx) {
                Some(name) => core_hash(&[&name]),
                None => return Ok(in_turn()),
            },
            6 => rand::rng().random(),
            7 => {
                let format = self.hash_format.as_ref().ok_or("algorithm 7 needs the parameter `hash_pvar`")?;
                let text = format.eval(cx);
                if text.is_empty() {
                    return Err(missing("text"));
                }
                core_hash(&[&text])
            }
            9 => {
                if set.weighted.is_empty() {
                    return Ok(Choice::At(0));
                }
                let next = set.next_weighted.fetch_add(1, Ordering::Relaxed);
                let at = set.weighted.get(next % set.weighted.len()).copied().unwrap_or(0);
                return Ok(Choice::At(at % count.max(1)));
            }
            10 if cx.message.method() == Method::Invite => return self.least_loaded(set, count),
            10 => return Ok(Choice::At(0)),
            11 => {
                let at = set.relative.lock().next(self.relative_shares(set, count));
                return Ok(Choice::At(at.unwrap_or(0)));
            }
            12 => return Ok(Choice::All),
            13 => {
                let order = self.by_latency(set, count);
                return Ok(order.first().map_or(Choice::Nobody, |at| Choice::InTurn(*at)));
            }
            8 => return Ok(Choice::At(0)),
            OVERLOAD_CONTROL => return Err("algorithm 64 (overload control) is not supported yet".into()),
            other => {
                engine::log!(cx.core.log, Warning, "dispatcher: there is no algorithm {other}: the first one is taken");
                return Ok(Choice::At(0));
            }
        };
        Ok(Choice::At(hashed as usize % count.max(1)))
    }

    /// The one with the fewest calls that may have one more.
    fn least_loaded(&self, set: &Set, count: usize) -> Result<Choice, ScriptError> {
        if self.calls.is_none() {
            return Err("algorithm 10 needs the parameter `ds_hash_size` above 0".into());
        }
        let free = set.destinations.iter().take(count).enumerate().filter(|(_, it)| it.is_usable() && it.has_room());
        let free = free.map(|(at, it)| (it.load.load(Ordering::Relaxed), at));
        Ok(free.min().map_or(Choice::Nobody, |(_, at)| Choice::At(at)))
    }

    /// Algorithm 11: what part each destination gets; 0 for those that cannot be used.
    fn relative_shares(&self, set: &Set, count: usize) -> Vec<u32> {
        let destinations = &set.destinations[..count.min(set.destinations.len())];
        let share = |it: &Arc<Destination>| {
            let attributes = &it.attributes;
            if !it.is_usable() {
                return 0;
            }
            if attributes.congestion_control && self.params.ds_ping_latency_stats {
                // Its tolerance is the weight: each millisecond of congestion takes one off.
                let congestion = it.latency.lock().congestion() as u32;
                return attributes.relative_weight.saturating_sub(congestion);
            }
            attributes.relative_weight
        };
        let shares: Vec<u32> = destinations.iter().map(share).collect();
        if shares.iter().any(|share| *share > 0) {
            return shares;
        }
        // All are congested: those that are least so get most.
        let congested = |it: &Arc<Destination>| {
            let attributes = &it.attributes;
            (it.is_usable() && attributes.congestion_control && attributes.relative_weight > 0)
                .then(|| it.latency.lock().congestion() as u32)
        };
        let all: Vec<Option<u32>> = destinations.iter().map(congested).collect();
        let worst = all.iter().flatten().max().copied().unwrap_or(0);
        all.into_iter().map(|it| it.map_or(0, |congestion| worst - congestion + 1)).collect()
    }

    /// Algorithm 13: by priority less what the latency takes off; among the best in turn.
    fn by_latency(&self, set: &Set, count: usize) -> Vec<usize> {
        let adjusted = |it: &Arc<Destination>| {
            let latency = it.latency.lock();
            let late = if it.attributes.congestion_control { latency.congestion() } else { latency.estimate };
            if !self.params.ds_ping_latency_stats || it.priority <= 0 {
                return it.priority;
            }
            it.priority - late as i64 / it.priority
        };
        let start = set.next.load(Ordering::Relaxed) % count.max(1);
        let usable = |at: &usize| set.destinations.get(*at).is_some_and(|it| it.is_usable());
        let mut order: Vec<usize> = (start..count).chain(0..start).filter(usable).collect();
        order.sort_by_cached_key(|at| std::cmp::Reverse(adjusted(&set.destinations[*at])));
        order
    }

    /// Keeps what was selected for `ds_next_dst()`.
    fn keep(&self, cx: &mut RouteCx, selected: &Selected) {
        if self.params.xavp_dst.is_empty() {
            return;
        }
        let mode = self.params.xavp_dst_mode;
        // The newest is number 0.
        for destination in selected.list.iter().rev() {
            let mut list = Xlist::default();
            let mut add = |name: &'static str, value: Value| list.push(Str::from_static(name), Xvalue::Simple(value));
            add("grp", Value::Int(destination.set));
            let attributes = &destination.attributes;
            if let Some(socket) = self.socket_of(destination).and_then(|id| cx.core.socket(id)) {
                let text = || Value::from(format!("{}:{}", socket.protocol.name(), socket.address));
                add("sock", text());
                if mode & WITH_SOCKET != 0 {
                    add("socket", text());
                }
                if mode & WITH_SOCKET_NAME != 0
                    && let Some(name) = &socket.name
                {
                    add("sockname", Value::from(name.as_str()));
                }
            }
            if selected.counted {
                add("dstid", Value::Str(attributes.duid.clone()));
            }
            if mode & WITHOUT_ATTRIBUTES == 0 && !attributes.text.is_empty() {
                add("attrs", Value::Str(attributes.text.clone()));
            }
            add("uri", Value::Str(destination.uri.clone()));
            cx.xavps.xavp.push(self.params.xavp_dst.clone(), Xvalue::List(list));
        }
    }

    /// Algorithm 12: the further destinations become branches.
    fn add_branches(&self, cx: &mut RouteCx, goal: Goal, rest: &[Arc<Destination>]) -> Result<(), ScriptError> {
        let most = usize::try_from(cx.core.settings.max_branches - 1).unwrap_or(0);
        for destination in rest {
            if cx.to.branches.len() >= most {
                return Err("there are `max_branches` branches already".into());
            }
            let uri = cx.request_uri();
            let mut branch = Branch { socket: self.socket_of(destination), ..Branch::default() };
            match goal {
                Goal::Domain => branch.uri = with_domain(&uri, &destination.uri)?,
                Goal::NextHop | Goal::List => {
                    branch.uri = uri;
                    branch.destination = Some(destination.uri.clone());
                }
            }
            cx.to.branches.push(branch);
        }
        Ok(())
    }

    /// Sends the request to a destination.
    pub(super) fn apply(
        &self,
        cx: &mut RouteCx,
        goal: Goal,
        uri: &Str,
        socket: Option<transport::SocketId>,
    ) -> Result<(), ScriptError> {
        match goal {
            Goal::NextHop => cx.to.set_destination(Some(uri.clone())),
            Goal::Domain => {
                let new = with_domain(&cx.request_uri(), uri)?;
                cx.to.set_uri(new);
            }
            Goal::List => return Ok(()),
        }
        if socket.is_some() {
            cx.to.socket = socket;
        }
        Ok(())
    }

    /// A field of the current item of `xavp_dst`.
    pub(super) fn field(&self, cx: &RouteCx, name: &str) -> Option<Value> {
        match cx.xavps.xavp.get(&self.params.xavp_dst, 0, false)? {
            Xvalue::List(list) => match list.get(name.as_bytes(), 0, false)? {
                Xvalue::Simple(value) => Some(value.clone()),
                Xvalue::List(_) => None,
            },
            Xvalue::Simple(_) => None,
        }
    }

    /// Sends the request to the current item of the list (`next`: to the one behind it, which becomes the current one).
    /// False: there is none.
    pub(super) fn use_item(&self, cx: &mut RouteCx, goal: Goal, next: bool) -> Result<bool, ScriptError> {
        if next {
            let Some(at) = cx.xavps.xavp.find(&self.params.xavp_dst, 0, false) else { return Ok(false) };
            cx.xavps.xavp.items.remove(at);
        }
        let Some(Value::Str(uri)) = self.field(cx, "uri") else { return Ok(false) };
        let socket = self.field(cx, "sock").and_then(|text| cx.core.find_socket(&text.to_str().to_text()));
        self.apply(cx, goal, &uri, socket)?;
        if next
            && self.field(cx, "dstid").is_some()
            && let Some(Value::Int(set)) = self.field(cx, "grp")
            && let Some(found) = self.find(set, &uri)
        {
            self.count_call(cx, &found);
        }
        Ok(true)
    }
}

/// A URI with the host, the port and the parameters of another one.
fn with_domain(uri: &Str, other: &Str) -> Result<Str, ScriptError> {
    let wrong = |text: &Str| ScriptError::new(format!("`{text}` is no URI"));
    let parsed = Uri::parse(uri.clone()).map_err(|_| wrong(uri))?;
    let destination = Uri::parse(other.clone()).map_err(|_| wrong(other))?;
    let mut new = Uri::parse(parsed.with_host_port(destination.host_bytes(), destination.port()))
        .map_err(|_| wrong(uri))?
        .without_params();
    let params = destination.params_text();
    if !params.is_empty() {
        let separator: &[u8] = if params.starts_with(b";") { b"" } else { b";" };
        new = Str::from([&*new, separator, &*params].concat());
    }
    Ok(new)
}
