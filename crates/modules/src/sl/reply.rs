//! `sl_send_reply` and its relatives.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::Sl;

impl Sl {
    /// Sends a reply; the branches become contacts of a 3xx one.
    fn send(&self, cx: &mut RouteCx, code: i64, reason: &Str) -> CallResult {
        let code =
            u16::try_from(code).ok().filter(|code| (100..700).contains(code)).unwrap_or(self.params.default_code);
        let reason = if reason.is_empty() { &self.params.default_reason } else { reason };
        let queued = cx.reply_headers.len();
        if (300..400).contains(&code)
            && let Some(contacts) = redirect_contacts(cx, self.params.rich_redirect != 0)
        {
            cx.reply_headers.push(contacts);
        }
        let result = engine::reply::send_stateless(cx, code, reason);
        cx.reply_headers.truncate(queued);
        match result {
            Ok(()) => {
                self.counters.count(code);
                self.run_event(cx, "sl:local-response");
                Ok(Return::TRUE)
            }
            Err(error) => {
                self.counters.failures.increment();
                Err(error)
            }
        }
    }

    fn send_error(&self, cx: &mut RouteCx) -> CallResult {
        self.counters.sent_errors.increment();
        // Kamailio's text for an error without a better code.
        self.send(cx, 500, &Str::from_static("I'm terribly sorry, server error occurred (1/SL)"))
    }

    /// Through the transaction when there is one.
    fn send_any(&self, cx: &mut RouteCx, code: i64, reason: &Str) -> CallResult {
        if self.params.bind_tm
            && let Some(stateful) = cx.core.stateful_reply.get().cloned()
            && let Some(result) = u16::try_from(code).ok().and_then(|code| stateful(cx, code, reason))
        {
            return result;
        }
        if cx.message.is_reply() {
            return Err(ScriptError::new("there is no transaction to answer in this reply route"));
        }
        self.send(cx, code, reason)
    }
}

/// The Contact header of a redirection: the changed request-URI and the further branches.
fn redirect_contacts(cx: &RouteCx, rich: bool) -> Option<Str> {
    let mut contacts = Vec::new();
    if let Some(uri) = &cx.to.new_uri {
        contacts.push((uri.clone(), cx.to.q));
    }
    contacts.extend(cx.to.branches.iter().map(|branch| (branch.uri.clone(), branch.q)));
    if contacts.is_empty() {
        return None;
    }
    let mut line = b"Contact: ".to_vec();
    for (at, (uri, q)) in contacts.iter().enumerate() {
        if at > 0 {
            line.extend_from_slice(b", ");
        }
        line.push(b'<');
        line.extend_from_slice(uri);
        line.push(b'>');
        if let Some(q) = q.filter(|_| rich || contacts.len() > 1) {
            line.extend_from_slice(
                format!(";q={}.{:03}", q / 1000, q % 1000).trim_end_matches('0').trim_end_matches('.').as_bytes(),
            );
        }
    }
    line.extend_from_slice(b"\r\n");
    Some(Str::from(line))
}

/// Answers the request without a transaction: `sl_send_reply("404", "Not Found")`.
///
/// Returns 1, or -1 when the reply could not be sent.
#[function(REQUEST)]
pub fn sl_send_reply(cx: &mut RouteCx, me: &Sl, code: i64, reason: Str) -> CallResult {
    me.send(cx, code, &reason)
}

/// The same as `sl_send_reply`.
#[function(REQUEST)]
pub fn sl_reply(cx: &mut RouteCx, me: &Sl, code: i64, reason: Str) -> CallResult {
    me.send(cx, code, &reason)
}

/// Answers the request: through its transaction when there is one, else without.
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply(cx: &mut RouteCx, me: &Sl, code: i64, reason: Str) -> CallResult {
    me.send_any(cx, code, &reason)
}

/// Like `send_reply`; `mode` 1 makes a transaction first when there is none (needs tm).
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply_mode(cx: &mut RouteCx, me: &Sl, code: i64, reason: Str, mode: i64) -> CallResult {
    if mode & 1 != 0 {
        return Err(ScriptError::new("send_reply_mode with mode 1 needs module tm"));
    }
    me.send_any(cx, code, &reason)
}

/// Answers 500 because of an internal error, without a transaction.
#[function(REQUEST)]
pub fn sl_reply_error(cx: &mut RouteCx, me: &Sl) -> CallResult {
    me.send_error(cx)
}

/// Answers 500 because of an internal error.
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply_error(cx: &mut RouteCx, me: &Sl) -> CallResult {
    me.counters.sent_errors.increment();
    me.send_any(cx, 500, &Str::from_static("I'm terribly sorry, server error occurred (1/SL)"))
}

/// Sends the received reply on by its second Via, with another code and reason if given.
#[function(ONREPLY)]
pub async fn sl_forward_reply(cx: &mut RouteCx, code: Option<Str>, reason: Option<Str>) -> CallResult {
    if code.is_some() || reason.is_some() {
        change_status(cx, code.as_deref(), reason.as_deref())?;
    }
    engine::forward::forward_reply(cx).await?;
    // It went on already: the core must not do it again.
    cx.dropped = true;
    Ok(Return::TRUE)
}

/// Queues another code and reason for the received reply.
pub(crate) fn change_status(cx: &mut RouteCx, code: Option<&[u8]>, reason: Option<&[u8]>) -> Result<(), ScriptError> {
    let old = cx.message.status().ok_or_else(|| ScriptError::new("this is no reply"))?;
    let status = match code {
        Some(code) => Str::from(code).parse_int().ok_or_else(|| ScriptError::new("the code is no number"))?,
        None => i64::from(old),
    };
    if !(100..700).contains(&status) || (status < 200) != (old < 200) {
        return Err(ScriptError::new(format!("code {status} cannot replace {old}")));
    }
    let reason = reason.map_or_else(|| cx.message.reason().cloned().unwrap_or_default(), Str::from);
    let line = cx.message.start_line_text();
    let text = format!("SIP/2.0 {status} {reason}");
    let length = line.trim_ascii_end().len();
    cx.message.edits_mut().replace(0..length, Str::from(text));
    Ok(())
}
