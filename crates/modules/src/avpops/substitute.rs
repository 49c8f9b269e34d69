//! `avp_subst`, `avp_subst_pv`.

use std::sync::Arc;

use engine::posix_regex::{Flags, Regex};
use engine::script_type::{Substitution, required};
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, Value, function,
};

use super::argument::{Avp, flags, parts};
use super::lists::text;

/// A compiled first argument.
pub(super) struct Compiled {
    source: Avp,
    target: Option<Avp>,
    all: bool,
    delete: bool,
}

/// `$avp(from)/$avp(to)/gd`
pub(super) struct Subject(Arc<Compiled>);

impl ScriptType for Subject {
    type Compiled = Arc<Compiled>;
    const KIND: &'static str = "AVPs with flags";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`$avp(from)/$avp(to)/flags`")?;
        let (source, target, letters) = match parts(&text)[..] {
            [source] => (source, "", ""),
            [source, target] => (source, target, ""),
            [source, target, letters] => (source, target, letters),
            _ => return Err(arg.error(format!("`{text}` has too many parts"), "expected `$avp(from)/$avp(to)/flags`")),
        };
        let [all, delete] = flags(letters, ['g', 'd'], arg)?;
        let target = if target.trim().is_empty() { None } else { Some(Avp::compile(target, arg, env)?) };
        Ok(Arc::new(Compiled { source: Avp::compile(source, arg, env)?, target, all, delete }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Replaces in the texts of an AVP; without `g` in the first one where there is something to replace.
fn apply(cx: &mut RouteCx, subject: &Compiled, change: impl Fn(&[u8], &RouteCx) -> Option<Str>) -> CallResult {
    let from = subject.source.key(cx)?;
    let to = subject.target.as_ref().map_or_else(|| Ok(from.clone()), |target| target.key(cx))?;
    let values: Vec<Value> = cx.avps.values(&from).cloned().collect();
    let delete = subject.delete || subject.target.is_none();
    let mut kept = Vec::new();
    let mut results = Vec::new();
    for value in values {
        let changed = match &value {
            Value::Str(text) if subject.all || results.is_empty() => change(text, cx),
            _ => None,
        };
        match changed {
            Some(changed) => results.push(changed),
            None => kept.push(value),
        }
    }
    if results.is_empty() {
        return Ok(Return::FALSE);
    }
    if delete {
        cx.avps.remove_all(&from);
        for value in kept.into_iter().rev() {
            cx.avps.push(&from, value);
        }
    }
    for result in results {
        cx.avps.push(&to, Value::Str(result));
    }
    Ok(Return::TRUE)
}

/// Replaces in the texts of an AVP, as `sed` does: `avp_subst("$avp(a)/$avp(b)/gd", "/(.*)@(.*)/\1@$rd/i")`. Without
/// `b` the result takes the text's place on top of the stack. Flags of the AVPs: `g` all texts (without it the newest
/// one in which there is something to replace), `d` the texts that were changed go. Flags of the substitution: `g`
/// everywhere in the text, `i` without case.
///
/// Returns 1; -1 when nothing was replaced.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_subst(cx: &mut RouteCx, avps: Subject, subst: Substitution) -> CallResult {
    apply(cx, &avps.0, |text, cx| subst.0.apply(text, cx).map(|(changed, _)| changed))
}

/// The same with a substitution that is put together when it is needed: variables are replaced in it first, also in its
/// regular expression. What they hold is read as part of the substitution, but not for further variables.
///
/// Returns 1; -1 when nothing was replaced, or the substitution is wrong.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_subst_pv(cx: &mut RouteCx, avps: Subject, subst: Str) -> CallResult {
    let command = Command::parse(&subst)?;
    apply(cx, &avps.0, |text, _| command.apply(text))
}

/// A substitution without variables.
struct Command {
    regex: Regex,
    replacement: Vec<Piece>,
    global: bool,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

impl Command {
    fn parse(text: &[u8]) -> Result<Self, ScriptError> {
        let wrong =
            || ScriptError::new(format!("`{}` is no `/regex/replacement/flags`", String::from_utf8_lossy(text)));
        let (delimiter, rest) = text.split_first().ok_or_else(wrong)?;
        let mut fields = vec![Vec::new()];
        let mut bytes = rest.iter();
        while let Some(byte) = bytes.next() {
            if byte == delimiter {
                fields.push(Vec::new());
            } else if let Some(field) = fields.last_mut() {
                field.push(*byte);
                if *byte == b'\\' {
                    field.extend(bytes.next());
                }
            }
        }
        let [pattern, replacement, letters] = &fields[..] else { return Err(wrong()) };
        if letters.iter().any(|letter| !b"igsIGS".contains(letter)) {
            return Err(wrong());
        }
        let has = |letter: u8| letters.iter().any(|known| known.eq_ignore_ascii_case(&letter));
        let flags = Flags { ignore_case: has(b'i'), lines: !has(b's') };
        let regex = Regex::new(pattern, flags).map_err(|error| ScriptError::new(error.to_string()))?;
        Ok(Self { regex, replacement: pieces(replacement), global: has(b'g') })
    }

    fn apply(&self, text: &[u8]) -> Option<Str> {
        let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
        while let Some(groups) = self.regex.captures_at(text, from) {
            let whole = groups.first().cloned().flatten().filter(|whole| !whole.is_empty());
            let Some(whole) = whole else { break };
            out.extend_from_slice(&text[from..whole.start]);
            for piece in &self.replacement {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text),
                    Piece::Group(at) => {
                        out.extend_from_slice(groups.get(*at).cloned().flatten().map_or(&[][..], |range| &text[range]));
                    }
                }
            }
            from = whole.end;
            if !self.global {
                break;
            }
        }
        if from == 0 {
            return None;
        }
        out.extend_from_slice(&text[from..]);
        Some(Str::from(out))
    }
}

fn pieces(text: &[u8]) -> Vec<Piece> {
    let (mut pieces, mut literal) = (Vec::new(), Vec::new());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            literal.push(byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'9') => {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(Piece::Group(usize::from(digit - b'0')));
            }
            Some(b'n') => literal.push(b'\n'),
            Some(b'r') => literal.push(b'\r'),
            Some(b't') => literal.push(b'\t'),
            Some(other) => literal.push(other),
            None => literal.push(b'\\'),
        }
    }
    pieces.push(Piece::Text(literal));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let run = |command: &str, text: &str| {
            Command::parse(command.as_bytes()).ok().and_then(|command| command.apply(text.as_bytes()))
        };
        assert_eq!(run("/e/j/gi", "testME"), Some(Str::from("tjstMj")));
        assert_eq!(run("/(.*)@(.*)/\\2-\\1/", "a@b"), Some(Str::from("b-a")));
        assert_eq!(run("#a\\#b#x#", "a#b"), Some(Str::from("x")));
        assert_eq!(run("/x/y/", "abc"), None);
        assert_eq!(run("/x*/y/g", "abc"), None, "what matches nothing is not replaced");
        for wrong in ["", "/a", "/a/b", "/a/b/z", "/(/b/", "/a/b/g/"] {
            assert!(Command::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
