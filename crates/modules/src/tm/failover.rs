//! Further addresses of a destination that did not work (RFC 3263 section 4.3).

use std::sync::Arc;

use engine::{Branch, Str};
use sip::Protocol;
use transaction::{BranchId, Output};
use transport::LocalSocket;
use transport::resolve::Target;

use super::relay::{add_path, run_branch_route, send_to};
use super::step::Step;
use super::table::branch_parameter;
use super::transaction::{SentBranch, State, Transaction};
use super::{Current, Tm};

/// `failover_reply_codes`: replies that say that another address is worth a try.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyCodes(Vec<std::ops::RangeInclusive<u16>>);

impl ReplyCodes {
    /// `code=403;class=5`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words = text.split(';').map(str::trim).filter(|word| !word.is_empty());
        let ranges = words.map(|word| {
            let (name, number) = word.split_once('=')?;
            let number: u16 = number.trim().parse().ok()?;
            match name.trim() {
                "code" if (300..=999).contains(&number) => Some(number..=number),
                "class" if (3..=9).contains(&number) => Some(number * 100..=999),
                _ => None,
            }
        });
        ranges.collect::<Option<_>>().map(Self)
    }

    fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

/// Where a failed branch's request goes next.
struct Next {
    target: Target,
    socket: LocalSocket,
    others: Vec<Target>,
}

/// Tries the next address of a branch that got no useful reply (RFC 3263 section 4.3): one that timed out, was refused
/// or answered 503, or one of `failover_reply_codes`. True when a further branch was sent there.
pub(super) async fn next_target(transaction: &Arc<Transaction>, failed: BranchId) -> bool {
    let tm = &transaction.tm;
    let mut step = Step::default();
    let (next, to) = {
        let mut state = transaction.lock();
        let Some(next) = take_next(tm, &mut state, failed) else { return false };
        if tm.params.reparse_on_dns_failover {
            if !send_again(transaction, &mut state, failed, next, &mut step) {
                return false;
            }
            drop(state);
            step.finish(transaction, None);
            return true;
        }
        (next, state.branches[failed].to.clone())
    };
    make_again(transaction, failed, next, to).await
}

fn take_next(tm: &Tm, state: &mut State, failed: BranchId) -> Option<Next> {
    let core = tm.core();
    if !core.settings.use_dns_failover
        || state.options.disable_failover
        || state.machine.is_final()
        || state.machine.is_cancelled()
        || state.machine.is_blocked()
        || state.branches.len() as i64 >= core.settings.max_branches
    {
        return None;
    }
    let seen = state.machine.branches().get(failed)?;
    let answered = seen.status() == 503 || seen.replied() && !seen.faked() && tm.failover_codes.contains(seen.status());
    let useless = answered || seen.timed_out() && !seen.replied();
    if !useless {
        return None;
    }
    let at = state.branches.get_mut(failed)?;
    let mut others = std::mem::take(&mut at.other_targets).into_iter();
    let (target, socket) = others.find_map(|target| {
        core.sending_socket(target.protocol, &target.address, at.to.socket, Some(at.socket))
            .map(|socket| (target, socket.clone()))
    })?;
    Some(Next { target, socket, others: others.collect() })
}

/// The request as it was sent, with another Via.
fn send_again(
    transaction: &Arc<Transaction>,
    state: &mut State,
    failed: BranchId,
    next: Next,
    step: &mut Step,
) -> bool {
    let now = transaction.tm.now();
    let Next { target, socket, others } = next;
    let at = &state.branches[failed];
    let parameter = branch_parameter(transaction.id(), state.branches.len());
    let Some(request) = with_other_via(&at.request, &socket, target.protocol, &parameter) else { return false };
    let branch = SentBranch {
        to: at.to.clone(),
        request: request.clone(),
        cancel: None,
        socket: socket.id,
        protocol: target.protocol,
        destination: target.address,
        connection: None,
        no_connect: at.no_connect,
        other_targets: others,
        on_reply: at.on_reply,
        failure_route: at.failure_route,
        on_failure: at.on_failure,
        reply: None,
        refused: false,
        replied_before: false,
    };
    step.sends.push(branch.outgoing(request));
    state.machine.add_branch(now, transaction.is_invite(), target.protocol.is_stream());
    // The reply of the address that did not work is not the request's answer as long as another one may come.
    state.machine.drop_replies(failed..failed + 1);
    state.add_branch(branch);
    transaction.perform(state, now, Vec::<Output>::new(), step);
    true
}

/// `reparse_on_dns_failover` 0: the request is made anew from the received one, and the branch route runs for it.
async fn make_again(transaction: &Arc<Transaction>, failed: BranchId, next: Next, to: Branch) -> bool {
    let (cx, id, route) = {
        let mut state = transaction.lock();
        let cx = transaction.context(&mut state);
        let route = state.options.on_branch.zip(state.program.clone());
        let id = state.branches.len();
        (cx, id, route)
    };
    let Some(mut cx) = cx else { return false };
    transaction.lock().lend(&mut cx);
    cx.to.set_first(to);
    cx.data::<Current>().branch = Some(id);
    let kept = match route {
        Some((route, program)) => run_branch_route(&mut cx, &program, route).await,
        None => true,
    };
    let to = cx.to.first(cx.request_uri());
    add_path(&mut cx, &to);
    let wanted = kept && !transaction.lock().machine.is_cancelled();
    let sent = wanted && send_to(&mut cx, transaction, id, to, next.target, &next.socket, next.others).is_ok();
    {
        let mut state = transaction.lock();
        if sent {
            state.machine.drop_replies(failed..failed + 1);
        }
        state.take_back(&mut cx);
    }
    cx.flush();
    sent
}

/// The request as it was sent, with another first Via.
fn with_other_via(request: &Str, socket: &LocalSocket, protocol: Protocol, branch: &[u8]) -> Option<Str> {
    let mut message = sip::Message::parse(request.clone()).ok()?;
    let via = message.via().ok().flatten()?.text.clone();
    let start = message.buffer().offset_of(&via)?;
    let host = socket.advertise.as_ref().map_or(&*socket.host, |(host, _)| host.as_bytes());
    let port = socket.advertise.as_ref().and_then(|(_, port)| *port).unwrap_or_else(|| socket.address.port());
    let mut text = [b"SIP/2.0/", protocol.via_name().as_bytes(), b" ", host].concat();
    if port != protocol.default_port() {
        text.push(b':');
        sip::write::decimal(&mut text, port);
    }
    text.extend_from_slice(b";branch=");
    text.extend_from_slice(branch);
    if via.windows(6).any(|part| part == b";rport") {
        text.extend_from_slice(b";rport");
    }
    message.edits_mut().replace(start..start + via.len(), text);
    let content_length =
        if protocol.is_stream() { sip::ContentLength::Required } else { sip::ContentLength::WhenChanged };
    Some(Str::from(message.print(&sip::PrintOptions { content_length, ..sip::PrintOptions::default() })))
}

#[cfg(test)]
mod tests {
    use super::ReplyCodes;

    #[test]
    fn codes_and_classes() {
        let codes = ReplyCodes::parse("code=403; code=488;class=5").expect("well-formed");
        let found: Vec<u16> =
            [400, 403, 404, 488, 499, 500, 503, 603].into_iter().filter(|at| codes.contains(*at)).collect();
        assert_eq!(found, [403, 488, 500, 503, 603]);
        assert_eq!(ReplyCodes::parse(""), Some(ReplyCodes::default()));
        for wrong in ["code=200", "class=2", "403", "code=x", "codes=403", "class=10"] {
            assert_eq!(ReplyCodes::parse(wrong), None, "{wrong}");
        }
    }
}
