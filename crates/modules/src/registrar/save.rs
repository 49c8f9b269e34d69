//! `save`: a REGISTER from top to bottom.

use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};

use super::Registrar;
use super::aor::AorError;
use super::reply::{Failure, Pending};
use super::request::{SaveFlags, Wanted};
use crate::usrloc::{Contact, Editor, Freshness, Table, TableName};

/// What was done: `save`'s return codes.
const INSERTED: i32 = 1;
const UPDATED: i32 = 2;
const REMOVED: i32 = 3;
const QUERIED: i32 = 4;

impl ScriptType for SaveFlags {
    type Compiled = Self;
    const KIND: &'static str = "flags of save";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.constant("a number")?;
        let text = text.trim();
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None if text.is_empty() => Some(0),
            None => text.parse().ok(),
        };
        match number {
            Some(number) if number < 32 => Ok(Self(number)),
            _ => Err(arg.error("the flags of save must be a number from 0 to 31", "wrong flags")),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

/// Why the table was not changed.
enum Refusal {
    OldCseq,
    TooMany,
}

impl Registrar {
    fn aor_for(&self, cx: &RouteCx, uri: Option<&Str>) -> Result<Str, Failure> {
        let to = match (uri, cx.message.to()) {
            (Some(uri), _) => uri.clone(),
            (None, Ok(Some(to))) => to.uri.clone(),
            _ => Str::EMPTY,
        };
        self.aor(&to).map_err(|error| match error {
            AorError::Malformed => Failure::bad_request("Error while parsing AOR"),
            AorError::TooLong => Failure::new(500, "Server Internal Error", "Address Of Record too long"),
        })
    }

    /// Carries out the request as a whole.
    fn register(&self, cx: &RouteCx, table: &Table, flags: SaveFlags, aor: &Str) -> Result<i32, Failure> {
        match self.wanted(cx, flags)? {
            Wanted::Query => Ok(QUERIED),
            // Old requests are not told from new ones here, as in Kamailio: telephones send this when they start.
            Wanted::All => {
                table.edit(aor, |editor| editor.clear());
                Ok(REMOVED)
            }
            Wanted::Contacts(mut wanted) => {
                let limit = self.number(cx, "max_contacts").unwrap_or_else(|| self.live.max_contacts.get());
                let limit = usize::try_from(limit).unwrap_or(0);
                if flags.one_contact()
                    && let Some(first) = wanted.iter().position(|(_, seconds)| *seconds > 0)
                {
                    wanted = vec![wanted.swap_remove(first)];
                }
                let now = self.usrloc.now();
                let result = table.edit(aor, |editor| change(editor, wanted, limit, flags.one_contact(), now));
                result.map_err(|refusal| match refusal {
                    Refusal::OldCseq => Failure::bad_request("Invalid CSeq number").show_contacts(),
                    Refusal::TooMany => {
                        let failure = Failure::new(503, "Service Unavailable", "Too many registered contacts");
                        failure.returning(-2).show_contacts()
                    }
                })
            }
        }
    }

    /// Everything but the reply; with the header lines for that.
    fn process(
        &self,
        cx: &mut RouteCx,
        table: &Table,
        flags: SaveFlags,
        uri: Option<&Str>,
    ) -> (Result<i32, Failure>, Vec<Str>) {
        let checked = self.check(cx).and_then(|()| self.aor_for(cx, uri));
        let (aor, result) = match checked {
            Ok(aor) => {
                let result = self.register(cx, table, flags, &aor);
                (aor, result)
            }
            Err(failure) => (Str::EMPTY, Err(failure)),
        };
        let failure = result.as_ref().err();
        let list = if failure.is_none_or(|failure| failure.shows_contacts) {
            self.usrloc.usable_contacts(table, &aor)
        } else {
            Vec::new()
        };
        for contact in &list {
            self.show(cx, contact);
        }
        let contacts = self.contact_header(cx, table, &aor, &list);
        let lines = self.reply_headers(cx, contacts, failure);
        (result, lines)
    }
}

/// First looks whether everything is allowed, then does it.
fn change(
    editor: &mut Editor<'_>,
    wanted: Vec<(Contact, u32)>,
    limit: usize,
    only_one: bool,
    now: i64,
) -> Result<i32, Refusal> {
    editor.purge(now);
    let (mut added, mut removed) = (0, 0);
    for (contact, seconds) in &wanted {
        match editor.find(contact) {
            None => added += usize::from(*seconds > 0),
            Some(at) if editor.freshness(at, &contact.call_id, contact.cseq, now) == Freshness::Older => {
                return Err(Refusal::OldCseq);
            }
            Some(_) => removed += usize::from(*seconds == 0),
        }
    }
    if limit > 0 && added > 0 && !only_one && (editor.len() + added).saturating_sub(removed) > limit {
        return Err(Refusal::TooMany);
    }
    // As in Kamailio the last change is what is reported; one that changes nothing counts as an insertion.
    let mut code = INSERTED;
    for (mut contact, seconds) in wanted {
        contact.modified = time(now);
        contact.last_keepalive = time(now);
        contact.expires = time(now.saturating_add(i64::from(seconds)));
        let found = editor.find(&contact);
        let kept = match found {
            None if seconds == 0 => continue,
            None => {
                let ruid = contact.ruid.clone();
                editor.insert(contact);
                code = INSERTED;
                ruid
            }
            Some(at) => {
                if editor.freshness(at, &contact.call_id, contact.cseq, now) != Freshness::Newer {
                    continue;
                }
                if seconds == 0 {
                    editor.remove(at);
                    code = REMOVED;
                    continue;
                }
                let ruid = editor.ruid(at);
                editor.update(at, contact);
                code = UPDATED;
                ruid
            }
        };
        if only_one {
            editor.remove_others(&kept);
        }
    }
    Ok(code)
}

/// A time as the table keeps it.
fn time(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// Stores or removes the contacts of a REGISTER in `table` and answers it: 200 with the contacts that are bound now, or
/// an error with its reason in `P-Registrar-Error`. In a reply route the contacts of the reply are stored, and nothing
/// is answered.
///
/// `flags` is a sum of: 1 memory only, 2 do not answer (errors are answered all the same; see `reg_send_reply`), 4 keep
/// one contact for each address of record, 8 do not change times at random, 16 with 2: leave the headers for the reply
/// that the script sends. `uri` is used in place of the To URI.
///
/// Returns 1 (a contact was added, or nothing changed), 2 (changed), 3 (removed), 4 (the request asked only), -1
/// (error), -2 (too many contacts).
#[function(REQUEST | FAILURE | ONREPLY)]
pub fn save(
    cx: &mut RouteCx,
    me: &Registrar,
    table: TableName,
    flags: Option<SaveFlags>,
    uri: Option<Str>,
) -> CallResult {
    let flags = flags.unwrap_or_default();
    let (result, lines) = me.process(cx, &table.0, flags, uri.as_ref());
    if result.is_ok() { &me.accepted } else { &me.rejected }.increment();
    let code = match result {
        Ok(code) => code,
        Err(failure) => {
            if cx.message.is_request() {
                me.respond(cx, failure.status, &Str::from_static(failure.reason), lines)?;
            }
            return Ok(Return(failure.code));
        }
    };
    if cx.message.is_reply() {
        return Ok(Return(code));
    }
    if !flags.no_reply() {
        me.respond(cx, 200, &Str::from_static("OK"), lines)?;
    } else if flags.prepare_headers() {
        cx.reply_headers.extend(lines);
        cx.data::<Pending>().0 = Some(Vec::new());
    } else {
        cx.data::<Pending>().0 = Some(lines);
    }
    Ok(Return(code))
}

/// Sends the 200 that `save(table, "0x02")` did not send. Returns 1, or -1 when there is none.
#[function(REQUEST | FAILURE)]
pub fn reg_send_reply(cx: &mut RouteCx, me: &Registrar) -> CallResult {
    me.send_pending(cx)
}
