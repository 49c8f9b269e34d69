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
    async fn register(
        &self,
        cx: &mut RouteCx,
        table: &Table,
        flags: SaveFlags,
        aor: &Str,
        now: i64,
    ) -> Result<i32, Failure> {
        let usrloc = &self.usrloc;
        let wanted = self.wanted(cx, flags)?;
        let limit = self.number(cx, "max_contacts").unwrap_or_else(|| self.live.max_contacts.get());
        let limit = usize::try_from(limit).unwrap_or(0);
        let mut wanted = match wanted {
            Wanted::Query => return Ok(QUERIED),
            // Old requests are not told from new ones here, as in Kamailio: telephones send this when they start.
            Wanted::All => {
                let cleared = usrloc.change(table, aor, flags.memory_only(), |editor| editor.clear()).await;
                return cleared.map(|()| REMOVED).map_err(|error| self.not_written(cx, REMOVED, &error));
            }
            Wanted::Contacts(wanted) => wanted,
        };
        if flags.one_contact()
            && let Some(first) = wanted.iter().position(|(_, seconds)| *seconds > 0)
        {
            wanted = vec![wanted.swap_remove(first)];
        }
        let mut done = Ok(INSERTED);
        let told = &mut done;
        let changed = usrloc.change(table, aor, flags.memory_only(), move |editor| {
            *told = change(editor, wanted, limit, flags.one_contact(), now);
        });
        let written = changed.await;
        match (done, written) {
            (Ok(code), Ok(())) => Ok(code),
            (Ok(code), Err(error)) => Err(self.not_written(cx, code, &error)),
            (Err(Refusal::OldCseq), _) => Err(Failure::bad_request("Invalid CSeq number").show_contacts()),
            (Err(Refusal::TooMany), _) => {
                let failure = Failure::new(503, "Service Unavailable", "Too many registered contacts");
                Err(failure.returning(-2).show_contacts())
            }
        }
    }

    /// The database does not have what was done.
    fn not_written(&self, cx: &RouteCx, code: i32, error: &database::Error) -> Failure {
        engine::log!(cx.core.log, Error, "{}: the registration is not in the database: {error}", cx.place());
        let text = match code {
            UPDATED => "usrloc_contact_update failed",
            REMOVED => "usrloc_contact_delete failed",
            _ => "usrloc_contact_insert failed",
        };
        Failure::new(500, "Server Internal Error", text).show_contacts()
    }

    /// Everything but the reply; with the header lines for that.
    async fn process(
        &self,
        cx: &mut RouteCx,
        table: &Table,
        flags: SaveFlags,
        uri: Option<&Str>,
    ) -> (Result<i32, Failure>, Vec<Str>) {
        // One time for storing and answering: the phone is told the seconds that it got, whatever the database takes.
        let now = self.usrloc.now();
        let checked = self.check(cx).and_then(|()| self.aor_for(cx, uri));
        let (aor, mut result) = match checked {
            Ok(aor) => {
                let result = self.register(cx, table, flags, &aor, now).await;
                (aor, result)
            }
            Err(failure) => (Str::EMPTY, Err(failure)),
        };
        let mut list = Vec::new();
        if result.as_ref().err().is_none_or(|failure| failure.shows_contacts) {
            match self.usrloc.usable_contacts(table, &aor).await {
                Ok(found) => list = found,
                // An empty list would tell the client that it is not registered.
                Err(error) if result.is_ok() => result = Err(self.not_written(cx, QUERIED, &error)),
                Err(_) => {}
            }
        }
        for contact in &list {
            self.show(cx, contact);
        }
        let contacts = self.contact_header(cx, table, &aor, &list, now);
        let lines = self.reply_headers(cx, contacts, result.as_ref().err());
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
/// `flags` is a sum of: 1 memory only, nothing is written to the database of module `usrloc`, 2 do not answer (errors are answered all the same; see `reg_send_reply`), 4 keep
/// one contact for each address of record, 8 do not change times at random, 16 with 2: leave the headers for the reply
/// that the script sends. `uri` is used in place of the To URI.
///
/// Returns 1 (a contact was added, or nothing changed), 2 (changed), 3 (removed), 4 (the request asked only), -1
/// (error), -2 (too many contacts). The message waits when the database must have the contacts first (usrloc's `db_mode` 1
/// and 3); when that fails, the answer is 500.
#[function(REQUEST | FAILURE | ONREPLY)]
pub async fn save(
    cx: &mut RouteCx,
    me: &Registrar,
    table: TableName,
    flags: Option<SaveFlags>,
    uri: Option<Str>,
) -> CallResult {
    let flags = flags.unwrap_or_default();
    let (result, lines) = me.process(cx, &table.0, flags, uri.as_ref()).await;
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
