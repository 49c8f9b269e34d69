//! Transformations (`{s.len}`): descriptors and the compiled form.

use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::Str;

use crate::compile::CompileEnv;
use crate::expression::Expression;
use crate::function::ArgDef;
use crate::route_cx::RouteCx;
use crate::value::Value;

/// A compiled transformation.
pub trait ScriptTransformation: Send + Sync {
    /// Transforms; [`Value::Null`] when it cannot.
    fn apply(&self, input: Value, cx: &RouteCx) -> Value;
}

/// Makes the compiled form of a transformation.
pub type CompileTransformation =
    fn(&mut TransformArgs<'_>, &mut CompileEnv<'_>) -> Result<Box<dyn ScriptTransformation>, Diagnostic>;

/// A transformation's descriptor, made by `#[transformation("s.substr")]`.
#[derive(Clone, Copy)]
pub struct TransformationDef {
    /// `s.substr`.
    pub name: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// Its arguments.
    pub args: &'static [ArgDef],
    /// Turns the text behind the name into the compiled form.
    pub compile: CompileTransformation,
}

impl TransformationDef {
    /// `{s.substr,offset,length}`; what may be left out stands in brackets.
    #[must_use]
    pub fn signature(&self) -> String {
        let of = |arg: &ArgDef| if arg.optional { format!("[,{}]", arg.name) } else { format!(",{}", arg.name) };
        format!("{{{}{}}}", self.name, self.args.iter().map(of).collect::<String>())
    }
}

/// The arguments of a transformation, taken one after the other.
pub struct TransformArgs<'a> {
    text: Option<&'a str>,
    /// The transformation, for messages.
    pub span: Span,
    /// `s.substr`, for messages.
    pub name: &'a str,
}

impl<'a> TransformArgs<'a> {
    /// From the text behind the name.
    #[must_use]
    pub const fn new(text: Option<&'a str>, name: &'a str, span: Span) -> Self {
        Self { text, span, name }
    }

    /// All that is left, commas included.
    pub fn rest(&mut self) -> Option<&'a str> {
        self.text.take()
    }

    /// The next argument: up to a comma outside parentheses and `$(..)`.
    pub fn next_text(&mut self) -> Option<&'a str> {
        let text = self.text.take()?;
        let mut depth = 0_usize;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'(' | b'{' => depth += 1,
                b')' | b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    self.text = Some(&text[at + 1..]);
                    return Some(&text[..at]);
                }
                _ => {}
            }
        }
        Some(text)
    }

    /// An error at the transformation.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::Transformation, message, self.span, "")
    }

    /// Refuses arguments that nobody took.
    pub fn finish(&self) -> Result<(), Diagnostic> {
        match self.text {
            Some(text) => Err(self.error(format!("`{{{}}}` has too many arguments: `{text}`", self.name))),
            None => Ok(()),
        }
    }
}

/// A Rust type that an argument of a transformation can become.
pub trait TransformArg: Sized {
    /// What is kept in the program.
    type Compiled: Send + Sync + 'static;
    /// For messages and docs.
    const KIND: &'static str;
    /// May be left out.
    const OPTIONAL: bool = false;
    /// Takes its text and checks it.
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic>;
    /// Its value now; `None`, which makes the result `$null`, when a variable has no fitting value.
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self>;
}

/// Known at load, or a variable.
pub enum Maybe<T> {
    /// Known at load.
    Constant(T),
    /// Evaluated per call.
    Variable(Expression),
}

fn missing(args: &TransformArgs<'_>, kind: &str) -> Diagnostic {
    args.error(format!("`{{{}}}` needs a further argument: {kind}", args.name))
}

impl TransformArg for i64 {
    type Compiled = Maybe<Self>;
    const KIND: &'static str = "number";
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let text = args.next_text().ok_or_else(|| missing(args, Self::KIND))?.trim();
        if text.starts_with('$') {
            return Ok(Maybe::Variable(env.variable_text(text, args.span)?));
        }
        text.parse().map(Maybe::Constant).map_err(|_| args.error(format!("`{text}` is no number")))
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self> {
        match compiled {
            Maybe::Constant(number) => Some(*number),
            // A text is no number here, also when it looks like one, as in Kamailio.
            Maybe::Variable(expression) => match expression.eval(cx) {
                Value::Int(number) => Some(number),
                Value::Null | Value::Str(_) => None,
            },
        }
    }
}

impl TransformArg for Str {
    type Compiled = Maybe<Self>;
    const KIND: &'static str = "string";
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let text = args.next_text().ok_or_else(|| missing(args, Self::KIND))?;
        if text.starts_with('$') && text.len() > 1 {
            return Ok(Maybe::Variable(env.variable_text(text, args.span)?));
        }
        Ok(Maybe::Constant(Self::from(text)))
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self> {
        match compiled {
            Maybe::Constant(text) => Some(text.clone()),
            // An empty text in a variable counts as none, as in Kamailio.
            Maybe::Variable(expression) => Some(expression.eval(cx).into_str()).filter(|text| !text.is_empty()),
        }
    }
}

/// May be left out.
impl<T: TransformArg> TransformArg for Option<T> {
    type Compiled = Option<T::Compiled>;
    const KIND: &'static str = T::KIND;
    const OPTIONAL: bool = true;
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        if args.text.is_none() { Ok(None) } else { T::compile(args, env).map(Some) }
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self> {
        match compiled {
            None => Some(None),
            Some(compiled) => T::eval(compiled, cx).map(Some),
        }
    }
}
