//! Script flags and branch flags.

use engine::script_type::Flag;
use engine::{CallResult, Return, RouteCx, function};

/// Sets a script flag (0 to 31). Script flags belong to the run of the script: they do not go along with the
/// transaction.
#[function(ANY)]
pub fn setsflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.script_flags |= 1 << flag.0;
    Ok(Return::TRUE)
}

/// Clears a script flag.
#[function(ANY)]
pub fn resetsflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.script_flags &= !(1 << flag.0);
    Ok(Return::TRUE)
}

/// True when the script flag is set.
#[function(ANY)]
pub fn issflagset(cx: &mut RouteCx, flag: Flag) -> CallResult {
    Ok((cx.script_flags & (1 << flag.0) != 0).into())
}

/// The flags of a branch: 0 (or nothing) is that of the request-URI, 1 the first further one.
fn of_branch(cx: &mut RouteCx, branch: Option<i64>) -> Option<&mut u32> {
    match branch.unwrap_or(0) {
        0 => Some(&mut cx.to.flags),
        further => {
            let at = usize::try_from(further).ok()?.checked_sub(1)?;
            cx.to.branches.get_mut(at).map(|branch| &mut branch.flags)
        }
    }
}

/// Sets a flag (0 to 31) of a branch: of the request-URI's one, or of the further branch with this number, from 1. False
/// when there is no such branch.
#[function(ANY)]
pub fn setbflag(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    Ok(match of_branch(cx, branch) {
        Some(flags) => {
            *flags |= 1 << flag.0;
            Return::TRUE
        }
        None => Return::FALSE,
    })
}

/// Clears a flag of a branch. False when there is no such branch.
#[function(ANY)]
pub fn resetbflag(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    Ok(match of_branch(cx, branch) {
        Some(flags) => {
            *flags &= !(1 << flag.0);
            Return::TRUE
        }
        None => Return::FALSE,
    })
}

/// True when the flag of the branch is set; false also when there is no such branch.
#[function(ANY)]
pub fn isbflagset(cx: &mut RouteCx, flag: Flag, branch: Option<i64>) -> CallResult {
    Ok(of_branch(cx, branch).is_some_and(|flags| *flags & (1 << flag.0) != 0).into())
}
