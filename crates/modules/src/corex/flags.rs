//! Extended flags, internal flags, and what kind of message it is.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

/// Word and bit of an extended flag.
fn position(flag: i64) -> Result<(usize, u32), ScriptError> {
    match u8::try_from(flag) {
        Ok(flag @ 0..=63) => Ok((usize::from(flag / 32), 1 << (flag % 32))),
        _ => Err(ScriptError::new(format!("extended flag {flag} is not from 0 to 63"))),
    }
}

/// Sets an extended flag of the message (0 to 63); they are others than those of `setflag`. False when out of range.
#[function(ANY)]
pub fn setxflag(cx: &mut RouteCx, flag: i64) -> CallResult {
    let (word, bit) = position(flag)?;
    cx.extra_flags[word] |= bit;
    Ok(Return::TRUE)
}

/// Clears an extended flag of the message.
#[function(ANY)]
pub fn resetxflag(cx: &mut RouteCx, flag: i64) -> CallResult {
    let (word, bit) = position(flag)?;
    cx.extra_flags[word] &= !bit;
    Ok(Return::TRUE)
}

/// True when the extended flag of the message is set.
#[function(ANY)]
pub fn isxflagset(cx: &mut RouteCx, flag: i64) -> CallResult {
    let (word, bit) = position(flag)?;
    Ok((cx.extra_flags[word] & bit != 0).into())
}

/// Flags of a message that other modules ask for (`RouteCx::find_data`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InternalFlags {
    /// `USE_UAC_FROM`: requests made for this one get the From that module uac wrote.
    pub use_uac_from: bool,
    /// `USE_UAC_TO`: the same for To.
    pub use_uac_to: bool,
}

fn internal<'a>(cx: &'a mut RouteCx, name: &Str) -> Result<&'a mut bool, ScriptError> {
    let flags = cx.data::<InternalFlags>();
    match &name[..] {
        b"USE_UAC_FROM" => Ok(&mut flags.use_uac_from),
        b"USE_UAC_TO" => Ok(&mut flags.use_uac_to),
        _ => Err(ScriptError::new(format!("`{name}` is no internal flag: USE_UAC_FROM, USE_UAC_TO"))),
    }
}

/// Sets an internal flag of the message: `USE_UAC_FROM` or `USE_UAC_TO`.
#[function(ANY)]
pub fn msg_iflag_set(cx: &mut RouteCx, flag: Str) -> CallResult {
    *internal(cx, &flag)? = true;
    Ok(Return::TRUE)
}

/// Clears an internal flag of the message.
#[function(ANY)]
pub fn msg_iflag_reset(cx: &mut RouteCx, flag: Str) -> CallResult {
    *internal(cx, &flag)? = false;
    Ok(Return::TRUE)
}

/// 1 when the internal flag of the message is set, -2 when it is not, -1 when there is no such flag.
#[function(ANY)]
pub fn msg_iflag_is_set(cx: &mut RouteCx, flag: Str) -> CallResult {
    Ok(if *internal(cx, &flag)? { Return::TRUE } else { Return(-2) })
}

/// True when the script runs on a message that was not received but made here: in timer and other event routes.
#[function(ANY)]
pub fn is_faked_msg(cx: &mut RouteCx) -> CallResult {
    Ok(cx.send.faked.into())
}
