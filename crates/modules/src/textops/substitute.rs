//! `sed`-like substitutions: `/regex/replacement/flags`. Flags: `i` without case, `g` all matches, `s` line ends have no
//! meaning. A regular expression that matches the empty text is refused, as in Kamailio.

use std::ops::Range;

use engine::script_type::{Substitution, WritableVariable};
use engine::substitution::Substitution as Command;
use engine::{CallResult, Return, RouteCx, ScriptError, ScriptTransformation, Str, TransformationDef, Value, function};

use super::arguments::{HeaderArg, Which};

/// Queues the changes of a part of the message; how many there are.
fn queue(cx: &mut RouteCx, command: &Command, part: Range<usize>) -> usize {
    let text = cx.message.buffer().slice(part.clone());
    let found = command.matches(&text, cx);
    let count = found.len();
    for (range, replacement) in found {
        cx.message.edits_mut().replace(part.start + range.start..part.start + range.end, Str::from(replacement));
    }
    count
}

/// Substitutes in headers and body; the first line stays. -1 when nothing matches.
#[function(ANY)]
pub fn subst(cx: &mut RouteCx, command: Substitution) -> CallResult {
    let part = cx.message.headers_start()..cx.message.buffer().len();
    Ok((queue(cx, &command.0, part) > 0).into())
}

/// Substitutes in the body. -1 when nothing matches.
#[function(ANY)]
pub fn subst_body(cx: &mut RouteCx, command: Substitution) -> CallResult {
    let part = cx.message.body_start()..cx.message.buffer().len();
    Ok((queue(cx, &command.0, part) > 0).into())
}

/// Substitutes in the value of the headers `name`: all (`a`), the first (`f`) or the last one (`l`). -1 when nothing
/// matches.
#[function(ANY)]
pub fn subst_hf(cx: &mut RouteCx, name: HeaderArg, command: Substitution, which: Which) -> CallResult {
    let mut count = 0;
    for header in which.headers(&cx.message, &name.0) {
        count += queue(cx, &command.0, header.body_range());
    }
    Ok((count > 0).into())
}

/// Substitutes in the request-URI; the script sees the new one at once. -1 when nothing matches.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn subst_uri(cx: &mut RouteCx, command: Substitution) -> CallResult {
    let Some((uri, _)) = command.0.apply(&cx.request_uri(), cx) else { return Ok(Return::FALSE) };
    cx.to.set_uri(uri);
    Ok(Return::TRUE)
}

/// Substitutes in the user of the request-URI; the script sees the new one at once. -1 when nothing matches.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn subst_user(cx: &mut RouteCx, command: Substitution) -> CallResult {
    let uri = cx.parsed_request_uri().map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")))?;
    let user = uri.user().unwrap_or_default();
    let Some((user, _)) = command.0.apply(&user, cx) else { return Ok(Return::FALSE) };
    cx.to.set_uri(uri.with_user(Some(&user)));
    Ok(Return::TRUE)
}

/// Substitutes in `text` and writes the result to the variable `result`. -1 when nothing matches; `result` stays then.
#[function(ANY)]
pub fn subst_v(cx: &mut RouteCx, text: Str, command: Substitution, result: WritableVariable) -> CallResult {
    let Some((text, _)) = command.0.apply(&text, cx) else { return Ok(Return::FALSE) };
    result.0.set(cx, Value::Str(text))?;
    Ok(Return::TRUE)
}

/// The transformation `{re.subst,/regex/replacement/flags}`.
pub const RE_SUBST: TransformationDef = TransformationDef {
    name: "re.subst",
    doc: "The text after a substitution `/regex/replacement/flags`; unchanged when nothing matches.",
    args: &[engine::ArgDef { name: "command", kind: "substitution", optional: false }],
    compile: |args, env| {
        let command = args.rest().ok_or_else(|| args.error("`{re.subst}` needs `/regex/replacement/flags`"))?;
        Ok(Box::new(ReSubst(Command::parse(command, args.span, env)?)))
    },
};

struct ReSubst(Command);

impl ScriptTransformation for ReSubst {
    fn apply(&self, input: Value, cx: &RouteCx) -> Value {
        if input.is_null() {
            return Value::Null;
        }
        let text = input.to_str();
        Value::Str(self.0.apply(&text, cx).map_or(text, |(changed, _)| changed))
    }
}
