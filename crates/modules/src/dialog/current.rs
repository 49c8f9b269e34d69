//! Which dialog a message is of.

use std::sync::Arc;

use engine::{RouteCx, Str};
use sip::{Message, Method};

use super::Dialogs;
use super::call::{Dialog, Stage};
use crate::rr::Direction;

/// What a message keeps of its dialog.
#[derive(Default)]
pub(super) struct Current {
    pub(super) dialog: Option<Arc<Dialog>>,
    /// `loose_route` or `dlg_manage` has found it: what the request does to the dialog is done.
    pub(super) routed: bool,
    /// The message has made it.
    pub(super) made: bool,
    /// `dlg_manage` was called.
    pub(super) managed: bool,
}

/// What the script says about the dialog before it is made.
#[derive(Clone, Default)]
pub(super) struct Pending {
    pub(super) variables: Vec<(Str, Str)>,
    pub(super) profiles: Vec<(usize, Str)>,
    pub(super) flags: u32,
    /// `$dlg_ctx(timeout)`; 0: not set.
    pub(super) timeout: i64,
    pub(super) timeout_bye: bool,
    pub(super) timeout_route: Str,
}

/// Tags of From and To; empty when there are none.
pub(super) fn tags(message: &Message) -> (Str, Str) {
    let from = message.from().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default();
    let to = message.to().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default();
    (from, to)
}

impl Dialogs {
    /// The dialog that the message was found to be of, by itself or its transaction.
    pub(super) fn known(&self, cx: &RouteCx) -> Option<Arc<Dialog>> {
        if let Some(dialog) = cx.find_data::<Current>().and_then(|current| current.dialog.clone()) {
            return Some(dialog);
        }
        self.table.of_transaction(crate::tm::current(cx)?.id())
    }

    /// The dialog of the message, also by Call-ID and tags.
    pub fn current(&self, cx: &RouteCx) -> Option<Arc<Dialog>> {
        self.known(cx).or_else(|| {
            let (dialog, _) = self.look_up(&cx.message)?;
            // An INVITE that is sent again with credentials makes a dialog of its own.
            let is_new =
                cx.message.method() == Method::Invite && cx.message.is_request() && tags(&cx.message).1.is_empty();
            (!is_new || dialog.stage() != Stage::Ended).then_some(dialog)
        })
    }

    /// The dialog of the message, and which way it goes.
    pub fn current_with_direction(&self, cx: &RouteCx) -> Option<(Arc<Dialog>, Direction)> {
        let dialog = self.current(cx)?;
        let (from, to) = tags(&cx.message);
        let direction = dialog.direction(&from, &to)?;
        Some((dialog, direction))
    }

    /// The dialog of a message by Call-ID and tags, and which way the message goes.
    pub(super) fn look_up(&self, message: &Message) -> Option<(Arc<Dialog>, Direction)> {
        let call_id = message.call_id()?;
        let (from, to) = tags(message);
        self.table.find(&call_id, &from, &to)
    }
}
