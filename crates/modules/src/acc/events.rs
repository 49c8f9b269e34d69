//! When something is accounted.

use std::sync::Arc;

use engine::{RouteCx, Str};
use sip::{Message, Method};

use super::record::{Record, Sinks};
use super::{Acc, reasons};
use crate::tm::{Notice, Transaction};

/// A missed call.
const MISSED: &str = "call missed";
/// A request with its final reply, or a provisional reply with a body.
const ANSWERED: &str = "transaction answered";
/// An ACK to a 2xx.
const ACKNOWLEDGED: &str = "request acknowledged";

impl Acc {
    /// True when the flags of the request's later routes count: it was marked when its transaction was made.
    fn is_watched(&self, transaction: &Transaction) -> bool {
        let marks = self.flags.log | self.flags.missed | self.flags.db | self.flags.db_missed | self.flags.prepare;
        !transaction.is_local()
            && (self.params.acc_prepare_always || transaction.first_flags() & marks != 0)
            && (self.params.report_cancels || transaction.method() != Method::Cancel)
    }

    /// Where a failed INVITE is written as a missed call.
    fn missed(&self, transaction: &Transaction, status: u16) -> Sinks {
        if status < 300 || !transaction.is_invite() {
            return Sinks::default();
        }
        let flags = transaction.flags();
        Sinks { log: flags & self.flags.missed != 0, db: flags & self.flags.db_missed != 0 }
    }

    /// Where a reply is written.
    fn answered(&self, transaction: &Transaction, status: u16) -> Sinks {
        let flags = transaction.flags();
        let counts = self.is_accounted(status, flags);
        Sinks { log: counts && flags & self.flags.log != 0, db: counts && flags & self.flags.db != 0 }
    }

    /// A missed call is written once.
    fn write_missed(&self, transaction: &Transaction, cx: &RouteCx, record: &Record, sinks: Sinks) {
        self.write(cx, record, sinks, &self.params.db_table_missed_calls);
        let log = if sinks.log { self.flags.missed } else { 0 };
        transaction.clear_flags(log | if sinks.db { self.flags.db_missed } else { 0 });
    }

    /// Something happened to a transaction.
    pub(super) fn hear(&self, transaction: &Arc<Transaction>, notice: &Notice) {
        if !self.is_watched(transaction) {
            return;
        }
        match notice {
            Notice::Failing { branch, status, reply } => {
                let missed = self.missed(transaction, *status);
                if !missed.any() {
                    return;
                }
                let Some(cx) = transaction.view(Some(*branch)) else { return };
                let reply = reply.clone().and_then(|text| Message::parse(text).ok());
                let made_here = Str::from(transaction.own_tag());
                let record = self.of_reply(MISSED, &cx, *status, reply.as_ref(), Some(made_here));
                self.write_missed(transaction, &cx, &record, missed);
            }
            Notice::ReplySent { status, branch, text, counts: true, .. } => {
                let missed = self.missed(transaction, *status);
                let answered = self.answered(transaction, *status);
                if !missed.any() && !answered.any() || *status < 200 && branch.is_none() {
                    return;
                }
                let Ok(reply) = Message::parse(text.clone()) else { return };
                if *status < 200 && reply.body().is_empty() {
                    return;
                }
                let made_here = branch.is_none().then(|| tag_of(&reply));
                let received = branch.is_some().then_some(&reply);
                if missed.any() {
                    let Some(cx) = transaction.view(*branch) else { return };
                    let record = self.of_reply(MISSED, &cx, *status, received, made_here.clone());
                    self.write_missed(transaction, &cx, &record, missed);
                }
                if answered.any()
                    && let Some(cx) = transaction.view(*branch)
                {
                    let record = self.of_reply(ANSWERED, &cx, *status, received, made_here);
                    self.write(&cx, &record, answered, &self.params.db_table_acc);
                }
            }
            _ => {}
        }
    }

    /// Whether a reply of this status is one that `log_flag` and `db_flag` account.
    fn is_accounted(&self, status: u16, flags: u32) -> bool {
        match status {
            ..200 => self.params.early_media,
            200..300 => true,
            _ => flags & self.flags.failed != 0 && !self.failed_filter.contains(&status),
        }
    }

    /// An ACK to the 2xx of an INVITE came by. Its record shows the ACK with the AVPs of the INVITE.
    pub(super) fn hear_ack(&self, invite: &Arc<Transaction>, cx: &mut RouteCx) {
        let flags = invite.flags();
        let sinks = Sinks { log: flags & self.flags.log != 0, db: flags & self.flags.db != 0 };
        if !self.is_watched(invite) || !sinks.any() {
            return;
        }
        let (mut avps, mut xavps) = invite.variables();
        std::mem::swap(&mut cx.avps, &mut avps);
        std::mem::swap(&mut cx.xavps, &mut xavps);
        let status = invite.status();
        let mut record = Record::of(ACKNOWLEDGED, cx);
        record.code = Str::from(status.to_string());
        record.reason = Str::from_static(reasons::of(status));
        self.write(cx, &record, sinks, &self.params.db_table_acc);
        cx.avps = avps;
        cx.xavps = xavps;
    }

    /// The record of a reply: a received one, or one that was made here with this To tag.
    fn of_reply(
        &self,
        title: &'static str,
        cx: &RouteCx,
        status: u16,
        received: Option<&Message>,
        made_here: Option<Str>,
    ) -> Record {
        let mut record = Record::of(title, cx);
        record.code = Str::from(status.to_string());
        match received {
            Some(reply) => {
                record.to_tag = tag_of(reply);
                let header = if self.params.reason_from_hf { reply.header_body(b"Reason") } else { None };
                record.reason = header.or_else(|| reply.reason().cloned()).unwrap_or_default();
            }
            None => {
                record.to_tag = made_here.unwrap_or_default();
                record.reason = Str::from_static(reasons::of(status));
            }
        }
        record
    }
}

/// The To tag.
fn tag_of(message: &Message) -> Str {
    message.to().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default()
}
