//! Script flags and branch flags.

use engine::script_type::Flag;
use engine::{CallResult, Return, RouteCx, ScriptError, function};

/// Sets a flag (0 to 31) of the script: it is there until the script ends.
#[function(ANY)]
pub fn setsflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.script_flags |= 1 << flag.0;
    Ok(Return::TRUE)
}

/// Clears a flag of the script.
#[function(ANY)]
pub fn resetsflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.script_flags &= !(1 << flag.0);
    Ok(Return::TRUE)
}

/// True when the flag of the script is set.
#[function(ANY)]
pub fn issflagset(cx: &mut RouteCx, flag: Flag) -> CallResult {
    Ok((cx.script_flags & (1 << flag.0) != 0).into())
}

/// The flags of a branch: 0 is that of the request-URI.
fn of_branch(cx: &mut RouteCx, branch: Option<i64>) -> Result<&mut u32, ScriptError> {
    let branch = branch.unwrap_or(0);
    if branch == 0 {
        return Ok(&mut cx.to.flags);
    }
    let found = usize::try_from(branch - 1).ok().and_then(|at| cx.to.branches.get_mut(at));
    found.map(|branch| &mut branch.flags).ok_or_else(|| ScriptError::new(format!("there is no branch {branch}")))
}

/// Sets a flag (0 to 31) of a branch: of the request-URI's (0, default) or of one that `append_branch` or `lookup` made
/// (1, 2 ..).
///
/// Returns 1; -1 when there is no such branch.
#[function(ANY)]
pub fn setbflag(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    *of_branch(cx, branch)? |= 1 << flag.0;
    Ok(Return::TRUE)
}

/// Clears a flag of a branch.
///
/// Returns 1; -1 when there is no such branch.
#[function(ANY)]
pub fn resetbflag(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    *of_branch(cx, branch)? &= !(1 << flag.0);
    Ok(Return::TRUE)
}

/// True when the flag of a branch is set; false also when there is no such branch.
#[function(ANY)]
pub fn isbflagset(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    Ok(of_branch(cx, branch).is_ok_and(|flags| *flags & (1 << flag.0) != 0).into())
}
