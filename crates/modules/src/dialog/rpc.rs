//! RPC commands `dlg.*`, with Kamailio's fields and texts.

use std::sync::Arc;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Str, rpc};

use super::call::{Dialog, DialogId, Party, Stage};
use super::variables::socket_name;
use super::{Dialogs, byes};

fn not_found() -> RpcFault {
    RpcFault::new(404, "Dialog not found")
}

fn seconds(micros: Option<i64>) -> RpcValue {
    RpcValue::Int(micros.unwrap_or(0) / 1_000_000)
}

fn party(me: &Dialogs, party: Option<&Party>) -> RpcValue {
    let none = || RpcValue::from("<null string>");
    let Some(party) = party else {
        return RpcValue::structure([
            ("tag", none()),
            ("contact", none()),
            ("cseq", none()),
            ("route_set", none()),
            ("socket", none()),
        ]);
    };
    RpcValue::structure([
        ("tag", RpcValue::from(&party.tag)),
        ("contact", RpcValue::from(&party.contact)),
        ("cseq", party.cseq.to_string().into()),
        ("route_set", RpcValue::from(&*party.routes.join(&b","[..]))),
        ("socket", socket_name(&me.core, party).map_or_else(none, RpcValue::from)),
    ])
}

fn named(name: &Str, value: &Str) -> RpcValue {
    RpcValue::Struct(vec![(name.to_text().into_owned(), RpcValue::from(value))])
}

/// All about a dialog.
fn show(me: &Dialogs, dialog: &Arc<Dialog>) -> RpcValue {
    let state = dialog.lock();
    let is_over = state.stage == Stage::Ended;
    let until = state.ended.unwrap_or_else(|| me.core.unix_micros()) / 1_000_000;
    let profiles = state.profiles.iter().map(|(at, value)| {
        let profile = &me.profiles[*at];
        if profile.has_value { named(&profile.name, value) } else { RpcValue::from(&profile.name) }
    });
    let variables = state.variables().map(|(name, value)| named(name, value));
    RpcValue::structure([
        ("h_entry", dialog.id.entry.into()),
        ("h_id", dialog.id.number.into()),
        // Without the table's and this one.
        ("ref", Arc::strong_count(dialog).saturating_sub(2).into()),
        ("call-id", RpcValue::from(&dialog.call_id)),
        ("from_uri", RpcValue::from(&dialog.from_uri)),
        ("to_uri", RpcValue::from(&dialog.to_uri)),
        ("state", state.stage.number().into()),
        ("start_ts", seconds(state.started)),
        ("init_ts", seconds(Some(dialog.created))),
        ("end_ts", seconds(state.ended)),
        ("duration", state.started.map_or(0, |started| until - started / 1_000_000).into()),
        ("timeout", if state.stage.is_active() { state.expires.into() } else { 0.into() }),
        ("lifetime", state.lifetime.into()),
        ("sflags", state.flags.into()),
        ("caller", party(me, Some(&state.caller))),
        ("callee", party(me, state.callee.as_ref())),
        ("profiles", RpcValue::Array(profiles.collect())),
        ("variables", RpcValue::Array(if is_over { Vec::new() } else { variables.collect() })),
    ])
}

/// Shows all dialogs.
#[rpc("dlg.list", array)]
pub async fn list(me: Arc<Dialogs>) -> RpcResult {
    Ok(me.table.all().iter().map(|dialog| show(&me, dialog)).collect())
}

/// The same as `dlg.list`: no module adds anything to dialogs.
#[rpc("dlg.list_ctx", array)]
pub async fn list_ctx(me: Arc<Dialogs>) -> RpcResult {
    Ok(me.table.all().iter().map(|dialog| show(&me, dialog)).collect())
}

fn of_call(me: &Dialogs, arguments: &mut RpcArguments) -> RpcResult {
    let call_id: String = arguments.take()?;
    let tag: Option<String> = if arguments.remaining() > 0 { Some(arguments.take()?) } else { None };
    let all = me.table.of_call(call_id.as_bytes());
    let fits = |dialog: &&Arc<Dialog>| tag.as_ref().is_none_or(|tag| *dialog.lock().caller.tag == *tag.as_bytes());
    let found: Vec<&Arc<Dialog>> = all.iter().filter(fits).collect();
    Ok(found.into_iter().map(|dialog| show(me, dialog)).collect())
}

/// Shows the dialogs with a Call-ID, and the tag of the caller when it is given.
#[rpc("dlg.dlg_list", array)]
pub async fn dlg_list(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    of_call(&me, &mut arguments)
}

/// The same as `dlg.dlg_list`.
#[rpc("dlg.dlg_list_ctx", array)]
pub async fn dlg_list_ctx(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    of_call(&me, &mut arguments)
}

/// Shows a few fields of all dialogs. The letters in the argument choose them: `f` and `t` the URIs of caller and callee,
/// `c` Call-ID, `F` and `T` their tags, `I`, `S` and `E` when it was made, answered and ended, `s` the stage.
#[rpc("dlg.briefing", array)]
pub async fn briefing(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let wanted: String = if arguments.remaining() > 0 { arguments.take()? } else { "ftcFT".into() };
    let all = me.table.all();
    let shown = all.iter().map(|dialog| {
        let state = dialog.lock();
        let callee = state.callee.as_ref().map(|callee| callee.tag.clone()).unwrap_or_default();
        let mut members = vec![("h_entry", RpcValue::from(dialog.id.entry)), ("h_id", dialog.id.number.into())];
        let fields = [
            ('f', "from_uri", RpcValue::from(&dialog.from_uri)),
            ('t', "to_uri", RpcValue::from(&dialog.to_uri)),
            ('c', "call-id", RpcValue::from(&dialog.call_id)),
            ('F', "from_tag", RpcValue::from(&state.caller.tag)),
            ('T', "to_tag", RpcValue::from(&callee)),
            ('I', "init_ts", seconds(Some(dialog.created))),
            ('S', "start_ts", seconds(state.started)),
            ('E', "end_ts", seconds(state.ended)),
            ('s', "state", state.stage.number().into()),
        ];
        let chosen = fields.into_iter().filter(|(letter, ..)| wanted.contains(*letter));
        members.extend(chosen.map(|(_, name, value)| (name, value)));
        RpcValue::Struct(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    Ok(shown.collect())
}

/// Counts the dialogs by stage: `starting` (no reply yet), `connecting` (it rings), `answering` (no ACK yet), `ongoing`.
#[rpc("dlg.stats_active")]
pub async fn stats_active(me: Arc<Dialogs>) -> RpcResult {
    let mut counts = [0_i64; 4];
    for dialog in me.table.all() {
        let stage = dialog.stage();
        if stage != Stage::Ended {
            counts[stage as usize - 1] += 1;
        }
    }
    let [starting, connecting, answering, ongoing] = counts;
    Ok(vec![RpcValue::structure([
        ("starting", starting.into()),
        ("connecting", connecting.into()),
        ("answering", answering.into()),
        ("ongoing", ongoing.into()),
        ("all", counts.iter().sum::<i64>().into()),
    ])])
}

/// The dialog with Call-ID and the tags of caller and callee.
fn by_tags(me: &Dialogs, arguments: &mut RpcArguments) -> Result<Arc<Dialog>, RpcFault> {
    let (call_id, from, to): (String, String, String) = (arguments.take()?, arguments.take()?, arguments.take()?);
    let found = me.table.find(call_id.as_bytes(), from.as_bytes(), to.as_bytes());
    found.map(|(dialog, _)| dialog).ok_or_else(not_found)
}

/// Whether a dialog (Call-ID, tags of caller and callee) is answered and not over.
#[rpc("dlg.is_alive")]
pub async fn is_alive(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let dialog = by_tags(&me, &mut arguments)?;
    if dialog.stage() != Stage::Confirmed {
        return Err(not_found());
    }
    Ok(vec!["Alive".into()])
}

async fn end(me: &Arc<Dialogs>, dialog: Arc<Dialog>) -> RpcResult {
    if !dialog.stage().is_active() {
        return Err(RpcFault::new(500, "Dialog is not answered, or over"));
    }
    me.hang_up(&dialog, byes::Sides::Both).await;
    Ok(Vec::new())
}

/// Ends the dialog with these numbers (`h_entry`, `h_id`) with BYE requests to both sides.
#[rpc("dlg.end_dlg")]
pub async fn end_dlg(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let (entry, number): (i64, i64) = (arguments.take()?, arguments.take()?);
    let (Ok(entry), Ok(number)) = (u32::try_from(entry), u32::try_from(number)) else { return Err(not_found()) };
    let dialog = me.table.get(DialogId { entry, number }).ok_or_else(not_found)?;
    end(&me, dialog).await
}

/// Ends a dialog (Call-ID, tags of caller and callee) with BYE requests to both sides.
#[rpc("dlg.terminate_dlg")]
pub async fn terminate_dlg(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let dialog = by_tags(&me, &mut arguments)?;
    end(&me, dialog).await
}

/// The profile of the first argument, and the value of the second.
fn profile(me: &Dialogs, arguments: &mut RpcArguments) -> Result<(usize, Option<String>), RpcFault> {
    let name: String = arguments.take()?;
    let value = if arguments.remaining() > 0 { Some(arguments.take()?) } else { None };
    let found = me.profile(name.as_bytes());
    let (at, _) = found.ok_or_else(|| RpcFault::new(404, format!("Profile not found: {name}")))?;
    Ok((at, value))
}

/// How many dialogs are in a profile, with a value when it is given.
#[rpc("dlg.profile_get_size")]
pub async fn profile_get_size(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let (at, value) = profile(&me, &mut arguments)?;
    Ok(vec![me.profiles[at].size(value.as_deref().map(str::as_bytes)).into()])
}

/// Shows the dialogs in a profile, with a value when it is given.
#[rpc("dlg.profile_list", array)]
pub async fn profile_list(me: Arc<Dialogs>, mut arguments: RpcArguments) -> RpcResult {
    let (at, value) = profile(&me, &mut arguments)?;
    let value = value.filter(|_| me.profiles[at].has_value);
    let is_member = |dialog: &&Arc<Dialog>| {
        let fits = |with: &Str| value.as_ref().is_none_or(|value| **with == *value.as_bytes());
        dialog.lock().profiles.iter().any(|(number, with)| *number == at && fits(with))
    };
    let all = me.table.all();
    let members: Vec<&Arc<Dialog>> = all.iter().filter(is_member).collect();
    Ok(members.into_iter().map(|dialog| show(&me, dialog)).collect())
}
