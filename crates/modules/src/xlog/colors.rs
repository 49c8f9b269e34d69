//! Terminal colours: `$C(xy)`, `log_colors`.

use engine::params::ParamKind;
use engine::variable::missing_inner;
use engine::{Code, CompileEnv, Diagnostic, InnerName, ParamSource, ParamType, RouteCx, Str, Value, variable};
use language::ast::{ConfigValue, Variable};

use super::Xlog;

/// The last digit of a colour in an escape sequence (ECMA-48 SGR); 9 is the default colour.
fn digit(letter: u8) -> Option<u8> {
    Some(match letter {
        b'x' => 9,
        b's' => 0,
        b'r' => 1,
        b'g' => 2,
        b'y' => 3,
        b'b' => 4,
        b'p' => 5,
        b'c' => 6,
        b'w' => 7,
        _ => return None,
    })
}

/// The escape sequence for a pair of letters: foreground (a capital is bright) and background.
fn sequence(letters: &str) -> Option<String> {
    let &[front, back] = letters.as_bytes() else { return None };
    let bright = front.is_ascii_uppercase() && front != b'X';
    let front = digit(if bright { front.to_ascii_lowercase() } else { front })?;
    Some(format!("\x1b[{};3{front};4{}m", u8::from(bright), digit(back)?))
}

const LETTERS: &str = "two letters of x s r g y b p c w: foreground and background";

/// The letters in `$C(xy)`, as the escape sequence.
pub struct Color(Str);

impl InnerName for Color {
    type Compiled = Str;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        sequence(&inner.node).map(Str::from).ok_or_else(|| {
            Diagnostic::error(Code::UnknownVariable, format!("`{}` is no colour", inner.node), inner.span, LETTERS)
        })
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// Switches the colours of a terminal: `$C(rb)` red on blue, `$C(xx)` back to normal. Letters: x default, s black, r
/// red, g green, y yellow, b blue, p purple, c cyan, w white; a capital first letter is bright. Empty when the log does
/// not go to stderr, unless `force_color` is set.
#[variable("C")]
pub fn c(cx: &RouteCx, me: &Xlog, color: Color) -> Value {
    if cx.core.settings.log_stderror || me.params.force_color { Value::Str(color.0) } else { Value::Str(Str::EMPTY) }
}

/// One `log_colors` line, which is only checked.
#[derive(Clone, Debug, Default)]
pub struct LevelColors;

impl ParamType for LevelColors {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        const LEVELS: [&str; 9] =
            ["L_ALERT", "L_BUG", "L_CRIT2", "L_CRIT", "L_ERR", "L_WARN", "L_NOTICE", "L_INFO", "L_DBG"];
        let ConfigValue::String(text) = &source.value else {
            return Err(source.error("parameter `log_colors` takes a string", "this is no string"));
        };
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (level, letters) = part.split_once('=').unwrap_or((part, ""));
            if !LEVELS.contains(&level.trim()) {
                return Err(source.error(format!("`{level}` is no log level"), "L_ERR, L_INFO .."));
            }
            if sequence(letters.trim()).is_none() {
                return Err(source.error(format!("`{letters}` are no colours"), LETTERS));
            }
        }
        Ok(())
    }
}
