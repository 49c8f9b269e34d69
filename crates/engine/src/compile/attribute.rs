//! SER attributes: `$f.name`, `$tu.name`, `%f.name`, where the configuration has no `#!KAMAILIO` line.

use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::Str;

use crate::function::ScriptError;
use crate::route_cx::RouteCx;
use crate::value::Value;
use crate::variable::ScriptVariable;

/// An attribute: an AVP of the caller (`f`) or the callee (`t`), that belongs to the user (`u`) or the URI (`r`). Those
/// of domains (`fd`, `td`) and of all (`g`) can only be read, and nothing sets them here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The keys under which a value may stand, in the order in which they are looked for; the first is written.
    keys: Vec<Str>,
    /// Whether it can be written.
    writable: bool,
}

impl Attribute {
    /// Understands `$f.name` or `%f.name`; the name alone is that of `$f.name`.
    pub(crate) fn parse(text: &str, span: Span) -> Result<Self, Diagnostic> {
        let wrong = |message: String, label: &str| Diagnostic::error(Code::UnknownVariable, message, span, label);
        let bare = text.trim_start_matches(['$', '%']);
        let (class, name) = bare.split_once('.').unwrap_or(("f", bare));
        if name.contains(['[', ']']) || name.is_empty() {
            return Err(wrong(
                format!("attribute `{text}` is not supported"),
                "an attribute with an index: use `$(avp(name)[0])`",
            ));
        }
        // The URI of the caller is what an AVP without class belongs to.
        let key = |class: &str| if class == "fr" { Str::from(name) } else { Str::from(format!("{class}.{name}")) };
        let keys = match class {
            "f" => vec![key("fr"), key("fu")],
            "t" => vec![key("tr"), key("tu")],
            "fr" | "fu" | "tr" | "tu" => vec![key(class)],
            "fd" | "td" | "g" => Vec::new(),
            _ => {
                return Err(wrong(format!("`{class}` is no class of attributes"), "no such class")
                    .did_you_mean(class, ["f", "t", "fr", "fu", "fd", "tr", "tu", "td", "g"]));
            }
        };
        Ok(Self { writable: !keys.is_empty(), keys })
    }

    /// The key of the value that is there.
    pub(crate) fn key_now(&self, cx: &RouteCx) -> Option<Str> {
        self.keys.iter().find(|key| !cx.avps.get(key).is_null()).cloned()
    }

    /// An error when it cannot be written.
    pub(crate) fn check_writable(&self, text: &str, span: Span) -> Result<(), Diagnostic> {
        if self.writable {
            return Ok(());
        }
        let message = format!("attribute `{text}` is read-only");
        Err(Diagnostic::error(Code::NotWritable, message, span, "attributes of domains and of all cannot be assigned"))
    }
}

impl ScriptVariable for Attribute {
    fn get(&self, cx: &RouteCx) -> Value {
        self.key_now(cx).map_or(Value::Null, |key| cx.avps.get(&key))
    }
    fn set(&self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let Some(key) = self.keys.first() else { return Err(ScriptError::new("this attribute is read-only")) };
        // Other than an AVP an attribute has one value.
        cx.avps.remove_all(key);
        if !value.is_null() {
            cx.avps.push(key, value);
        }
        Ok(())
    }
}
