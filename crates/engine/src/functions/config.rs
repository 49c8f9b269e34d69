//! Instances of groups of values that can be changed while the server runs.

use sip::Str;

use crate::config_groups::Selected;
use crate::function::{CallResult, Return, ScriptError};
use crate::route_cx::RouteCx;
use macros::function;

/// Lets `$sel(cfg_get.group.name)` read the values of instance `number` of the group, for the rest of the message's
/// handling or until `cfg_reset`. False when there is no such instance; the one before stays.
#[function(ANY)]
pub fn cfg_select(cx: &mut RouteCx, group: Str, number: i64) -> CallResult {
    let instance = u32::try_from(number).ok().filter(|number| cx.core.config.has_instance(&group.to_text(), *number));
    let Some(instance) = instance else {
        return Err(ScriptError::new(format!("there is no instance `{group}[{number}]`")));
    };
    cx.data::<Selected>().select(&group, Some(instance));
    Ok(Return::TRUE)
}

/// Lets `$sel(cfg_get.group.name)` read the values of the group itself again.
#[function(ANY)]
pub fn cfg_reset(cx: &mut RouteCx, group: Str) -> CallResult {
    cx.data::<Selected>().select(&group, None);
    Ok(Return::TRUE)
}
