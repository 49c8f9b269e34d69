//! `uac_replace_from`, `uac_replace_to` and the way back.

use std::sync::Arc;

use engine::function::routes;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::name_addr::{Field, Place, check, is_whole};
use super::{RestoreMode, Uac, stored};
use crate::dialog::{Dialog, Dialogs};
use crate::rr::{Direction, Rr};
use crate::tm::Tm;

/// What was replaced outside of branch routes. Applied edits do not show it any more.
#[derive(Default)]
struct Replaced {
    from: bool,
    to: bool,
}

impl Replaced {
    fn at(&mut self, field: Field) -> &mut bool {
        match field {
            Field::From => &mut self.from,
            Field::To => &mut self.to,
        }
    }
}

impl Uac {
    fn rr(&self) -> Result<&Arc<Rr>, ScriptError> {
        self.rr.get().ok_or_else(|| ScriptError::new("restore_mode is `none`"))
    }

    const fn avp(&self, field: Field) -> Option<&Str> {
        match field {
            Field::From => self.from_avp.as_ref(),
            Field::To => self.to_avp.as_ref(),
        }
    }

    /// The Record-Route parameter for a header of the request that makes the dialog.
    const fn param(&self, field: Field) -> &Str {
        match field {
            Field::From => &self.params.rr_from_store_param,
            Field::To => &self.params.rr_to_store_param,
        }
    }

    /// Replaces name and URI; `None` and an empty URI leave what is there.
    fn replace(&self, cx: &mut RouteCx, field: Field, display: Option<Str>, uri: Str) -> CallResult {
        if !cx.message.is_request() {
            return Err(ScriptError::new("only requests can get another From or To"));
        }
        let in_branch = cx.kind.0 & routes::BRANCH != 0;
        let place = Place::find(&cx.message, field)?;
        let before = !in_branch && *cx.data::<Replaced>().at(field);
        if before || place.is_edited(cx) {
            return Err(ScriptError::new(format!("{} of this request was replaced already", field.name())));
        }
        let auto = self.params.restore_mode == RestoreMode::Auto;
        if auto && cx.message.to().ok().flatten().and_then(sip::NameAddr::tag).is_some() {
            return Err(ScriptError::new(
                "with restore_mode `auto` only the request that makes a dialog can get another From or To",
            ));
        }
        let uri = Some(uri).filter(|uri| !uri.is_empty());
        check(display.as_ref().or(Some(&place.display)), uri.as_ref().unwrap_or(&place.uri))?;
        if let Some(uri) = &uri
            && self.params.restore_mode != RestoreMode::None
        {
            if let Some(dialogs) = self.dialogs.get() {
                match dialogs.current(cx) {
                    Some(dialog) => keep(&dialog, field, &place, display.as_ref(), uri)?,
                    None => {
                        let text = "later requests will not be changed: dlg_manage() was not called before";
                        engine::log!(cx.core.log, Warning, "{}: {}: {text}", cx.place(), field.name());
                    }
                }
            } else {
                let value = stored::encode(&place.uri, uri, &self.params.restore_passwd);
                let param = [b";", &**self.param(field), b"=", value.as_bytes()].concat();
                self.rr()?.add_param(cx, Str::from(param))?;
            }
            self.remember(cx, field, &place.whole);
            self.restore_in_replies(cx, field, place.whole.clone());
        }
        place.set(cx, display.as_ref(), uri.as_ref());
        if !in_branch {
            *cx.data::<Replaced>().at(field) = true;
        }
        Ok(Return::TRUE)
    }

    /// Keeps what was received for the replies.
    fn remember(&self, cx: &mut RouteCx, field: Field, whole: &Str) {
        if let Some(avp) = self.avp(field) {
            cx.avps.push(avp, Value::Str(whole.clone()));
        }
    }

    /// Has the replies to this request carry what was received.
    fn restore_in_replies(&self, cx: &mut RouteCx, field: Field, whole: Str) {
        let avp = self.avp(field).cloned();
        Tm::change_replies(cx, move |transaction, reply| {
            let given = avp.as_ref().and_then(|avp| match transaction.variables().0.get(avp) {
                Value::Str(text) if is_whole(&text) => Some(text),
                _ => None,
            });
            match Place::find(&reply.message, field) {
                // Branch routes of several branches ask for the same.
                Ok(place) if place.is_edited(reply) => {}
                Ok(place) => place.set_whole(reply, given.unwrap_or_else(|| whole.clone())),
                Err(error) => engine::log!(reply.core.log, Error, "reply not restored: {error}"),
            }
        });
    }

    /// Restores in a request within a dialog what the parameter for `field` is about. `None`: there is no such parameter.
    fn restore(&self, cx: &mut RouteCx, field: Field) -> Result<Option<(Field, Str)>, ScriptError> {
        if let Some(dialogs) = self.dialogs.get() {
            return self.restore_from_dialog(cx, dialogs, field);
        }
        let rr = self.rr()?;
        let Some(value) = rr.route_param(cx, self.param(field)).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        // From of the request that made the dialog is To of the requests in the other direction.
        let field = match rr.direction(cx) {
            Direction::Downstream => field,
            Direction::Upstream => field.other(),
        };
        let place = Place::find(&cx.message, field)?;
        if place.is_edited(cx) {
            return Ok(Some((field, place.whole)));
        }
        let uri = stored::decode(&value, &place.uri, &self.params.restore_passwd).map_err(|error| {
            let text = match error {
                stored::Unreadable::Value => "the Route parameter is not what was stored",
                stored::Unreadable::Uri => "it is not the URI of the dialog: somebody changed it",
            };
            ScriptError::new(format!("{} not restored: {text}", field.name()))
        })?;
        place.set_uri(cx, &uri);
        self.remember(cx, field, &place.whole);
        Ok(Some((field, place.whole)))
    }

    /// The same with `restore_dlg`: name and URI are what the dialog says, whatever the request has.
    fn restore_from_dialog(
        &self,
        cx: &mut RouteCx,
        dialogs: &Dialogs,
        field: Field,
    ) -> Result<Option<(Field, Str)>, ScriptError> {
        let Some((dialog, direction)) = dialogs.current_with_direction(cx) else { return Ok(None) };
        let names = variables(field);
        let (field, name, uri) = match direction {
            Direction::Downstream => (field, names.new_display, names.new_uri),
            Direction::Upstream => (field.other(), names.old_display, names.old_uri),
        };
        let Some(uri) = dialog.variable(uri.as_bytes()) else { return Ok(None) };
        let name = dialog.variable(name.as_bytes()).unwrap_or_default();
        let place = Place::find(&cx.message, field)?;
        if !place.is_edited(cx) {
            place.set(cx, Some(&name), Some(&uri));
            self.remember(cx, field, &place.whole);
        }
        Ok(Some((field, place.whole)))
    }

    /// `restore_mode` `auto`: `loose_route` found our Route.
    pub(super) fn restore_all(&self, cx: &mut RouteCx) {
        if !cx.message.is_request() {
            return;
        }
        for field in [Field::From, Field::To] {
            match self.restore(cx, field) {
                Ok(Some((field, whole))) => {
                    *cx.data::<Replaced>().at(field) = true;
                    self.restore_in_replies(cx, field, whole);
                }
                Ok(None) => {}
                Err(error) => engine::log!(cx.core.log, Warning, "{}: {error}", cx.place()),
            }
        }
    }
}

/// The dialog's variables for a header: Kamailio's.
struct Variables {
    old_uri: &'static str,
    new_uri: &'static str,
    old_display: &'static str,
    new_display: &'static str,
}

const fn variables(field: Field) -> Variables {
    match field {
        Field::From => {
            Variables { old_uri: "_uac_fu", new_uri: "_uac_funew", old_display: "_uac_fdp", new_display: "_uac_fdpnew" }
        }
        Field::To => {
            Variables { old_uri: "_uac_to", new_uri: "_uac_tonew", old_display: "_uac_tdp", new_display: "_uac_tdpnew" }
        }
    }
}

/// Has the dialog keep what was received and what is sent.
fn keep(dialog: &Dialog, field: Field, place: &Place, display: Option<&Str>, uri: &Str) -> Result<(), ScriptError> {
    let names = variables(field);
    let empty = Str::EMPTY;
    for (name, value) in [
        (names.old_uri, &place.uri),
        (names.new_uri, uri),
        (names.old_display, &place.display),
        (names.new_display, display.unwrap_or(&empty)),
    ] {
        dialog.set_variable(&Str::from_static(name), Some(value))?;
    }
    Ok(())
}

/// Name and URI out of one or two arguments.
fn split(first: Str, second: Option<Str>) -> (Option<Str>, Str) {
    match second {
        Some(uri) => (Some(first), uri),
        None => (None, first),
    }
}

/// Replaces the URI of From: `uac_replace_from(uri)`; or name and URI: `uac_replace_from(name, uri)`. An empty URI stays
/// as it is, an empty name takes the name away; a name is written as given, quotes belong to it. Replies to the request
/// get the old URI and name again, and with `restore_mode` `auto` all later requests of the dialog are changed likewise;
/// for that a Record-Route with the parameter `vsf` must be added. A change of the name alone is not restored.
///
/// Returns 1; -1 when it was replaced before, when name or URI would break the header, and with `restore_mode` `auto` for
/// requests within a dialog.
#[function(REQUEST | BRANCH)]
pub fn uac_replace_from(cx: &mut RouteCx, me: &Uac, display_or_uri: Str, uri: Option<Str>) -> CallResult {
    let (display, uri) = split(display_or_uri, uri);
    me.replace(cx, Field::From, display, uri)
}

/// The same as `uac_replace_from` for To; its Record-Route parameter is `vst`.
#[function(REQUEST | BRANCH)]
pub fn uac_replace_to(cx: &mut RouteCx, me: &Uac, display_or_uri: Str, uri: Option<Str>) -> CallResult {
    let (display, uri) = split(display_or_uri, uri);
    me.replace(cx, Field::To, display, uri)
}

fn restore_from_script(cx: &mut RouteCx, me: &Uac, field: Field) -> CallResult {
    if !cx.message.is_request() {
        return Err(ScriptError::new("only requests can be restored"));
    }
    Ok(me.restore(cx, field)?.is_some().into())
}

/// Changes a request within a dialog as `uac_replace_from` changed the first one: From of requests in its direction gets
/// the new URI, To of requests in the other direction the old one. Made for `restore_mode` `manual`, after
/// `loose_route()`; with `auto` it was done there. Replies are not changed back.
///
/// Returns 1; -1 when our Route has no such parameter, or an endpoint changed the URI.
#[function(REQUEST)]
pub fn uac_restore_from(cx: &mut RouteCx, me: &Uac) -> CallResult {
    restore_from_script(cx, me, Field::From)
}

/// The same as `uac_restore_from` for what `uac_replace_to` changed.
#[function(REQUEST)]
pub fn uac_restore_to(cx: &mut RouteCx, me: &Uac) -> CallResult {
    restore_from_script(cx, me, Field::To)
}
