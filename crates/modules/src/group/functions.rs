//! The script functions.

use database::{Filter, Value as Cell};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function, script_type::WritableVariable};

use super::Group;
use super::arguments::Subject;

/// The user is not in the group.
const NOT_IN: Return = Return(-6);

/// True when a user is in a group of the table. `user` says who: `Request-URI`, `To`, `From`, `Credentials` (whose
/// credentials were right) or an AVP with a URI.
///
/// Returns 1; -6: not in it; -1: there is no user, or the database did not answer.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub async fn is_user_in(cx: &mut RouteCx, me: &Group, user: Subject, group: Str) -> CallResult {
    let Some(user) = user.user(cx)? else { return Ok(Return::FALSE) };
    let params = &me.params;
    let mut filter = vec![
        Filter::equal(&params.user_column, Cell::text(&user.name)),
        Filter::equal(&params.group_column, Cell::text(&group)),
    ];
    if params.use_domain {
        filter.push(Filter::equal(&params.domain_column, Cell::text(&user.domain)));
    }
    let found = me.database.first(&params.table, &[&params.group_column], &filter).await;
    let found = found.map_err(|error| ScriptError::new(format!("group: {error}")))?;
    Ok(if found.is_some() { Return::TRUE } else { NOT_IN })
}

/// Puts the numbers of the groups whose expressions match `sip:user@domain` of a user into a variable, one value each, that
/// of the first row last; with `multiple_gid` 0 only that of the last row that matches. `user` is as in `is_user_in`.
///
/// Returns how many they are; -1: none, or there is no user.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub fn get_user_group(cx: &mut RouteCx, me: &Group, user: Subject, groups: WritableVariable) -> CallResult {
    let Some(user) = user.user(cx)? else { return Ok(Return::FALSE) };
    let uri = [b"sip:", &*user.name, b"@", &*user.domain].concat();
    let mut found = 0;
    for expression in me.expressions.get().map_or(&[][..], Vec::as_slice) {
        if expression.regex.is_match(&uri) {
            groups.0.set(cx, Value::Int(expression.group))?;
            found += 1;
            if !me.params.multiple_gid {
                break;
            }
        }
    }
    Ok(if found > 0 { Return(found) } else { Return::FALSE })
}
