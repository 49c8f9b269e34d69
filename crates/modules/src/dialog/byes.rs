//! Ending a call: BYE requests to its sides.

use std::sync::Arc;

use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};
use language::ast::RouteKind;

use super::call::{Dialog, Party, Stage};
use super::{Dialogs, Event, events};
use crate::tm::LocalRequest;

/// Who gets a BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// The caller.
    Caller,
    /// The callee.
    Callee,
    /// Both, the caller first.
    Both,
}

impl ScriptType for Sides {
    type Compiled = Self;
    const KIND: &'static str = "side of a dialog";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        match &*arg.constant("`caller`, `callee` or `all`")? {
            "caller" => Ok(Self::Caller),
            "callee" => Ok(Self::Callee),
            "all" => Ok(Self::Both),
            other => Err(arg.error(format!("`{other}` is no side of a dialog"), "`caller`, `callee` or `all`")),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

impl Dialogs {
    /// The BYE to a party from the other one.
    fn bye(&self, dialog: &Dialog, to_caller: bool) -> Option<LocalRequest> {
        let state = dialog.lock();
        let callee = state.callee.clone()?;
        let (to, from): (&Party, &Party) = if to_caller { (&state.caller, &callee) } else { (&callee, &state.caller) };
        if to.contact.is_empty() {
            return None;
        }
        let (to_header, from_header) = if to_caller { (&dialog.from, &dialog.to) } else { (&dialog.to, &dialog.from) };
        let header = |text: &Str, tag: &Str| Str::from([&**text, b";tag=", &**tag].concat());
        let routes = to.routes.iter().flat_map(|route| [b"Route: ", &**route, b"\r\n"].concat());
        Some(LocalRequest {
            method: Str::from_static("BYE"),
            uri: to.contact.clone(),
            from: header(from_header, &from.tag),
            to: header(to_header, &to.tag),
            call_id: Some(dialog.call_id.clone()),
            cseq: from.cseq.checked_add(1)?,
            headers: Str::from(routes.chain(self.params.dlg_extra_hdrs.iter().copied()).collect::<Vec<u8>>()),
            socket: to.socket,
            ..LocalRequest::default()
        })
    }

    /// Sends BYE requests; the dialog is over when the first of them is answered.
    pub(super) async fn hang_up(self: &Arc<Self>, dialog: &Arc<Dialog>, sides: Sides) {
        {
            let mut state = dialog.lock();
            if !state.stage.is_active() || std::mem::replace(&mut state.ending, true) {
                return;
            }
        }
        self.tell(dialog, &Event::Terminated);
        let mut sent = false;
        for to_caller in [true, false] {
            if matches!((sides, to_caller), (Sides::Caller, false) | (Sides::Callee, true)) {
                continue;
            }
            let Some(request) = self.bye(dialog, to_caller) else { continue };
            let (me, over) = (self.clone(), dialog.clone());
            let completed = Box::new(move |_: u16, _: Option<Str>| me.hung_up(&over));
            match self.tm.send_request(request, Some(completed)).await {
                Ok(_) => sent = true,
                Err(error) => {
                    engine::log!(self.core.log, Error, "dialog: no BYE for Call-ID `{}`: {error}", dialog.call_id);
                }
            }
        }
        events::run_faked(&self.core, dialog, RouteKind::Event, events::END).await;
        if !sent {
            self.hung_up(dialog);
        }
    }

    /// A BYE of ours was answered, or none could be sent.
    fn hung_up(self: &Arc<Self>, dialog: &Arc<Dialog>) {
        {
            let mut state = dialog.lock();
            if state.stage != Stage::Ended {
                self.end(&mut state, self.core.unix_micros());
            }
        }
        self.plan(dialog);
        self.over(dialog, None);
    }
}

/// Ends the current dialog with BYE requests to `caller`, `callee` or `all`. The dialog must be answered.
///
/// Returns 1; -1 when the message is of no dialog, or of one that is no call.
#[function(ANY)]
pub async fn dlg_bye(cx: &mut RouteCx, me: &Arc<Dialogs>, side: Sides) -> CallResult {
    let Some(dialog) = me.current(cx) else { return Ok(Return::FALSE) };
    if !dialog.stage().is_active() {
        return Ok(Return::FALSE);
    }
    // The script goes on at once: what it does next does not wait for names to be looked up.
    let me = me.clone();
    cx.core.clone().spawn(Box::pin(async move { me.hang_up(&dialog, side).await }));
    Ok(Return::TRUE)
}
