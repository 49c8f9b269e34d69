//! From and To: `$fu`, `$fU`, `$tt`. Assigning queues an edit: the new value is visible after `msg_apply_changes()` and
//! in what is sent.

use engine::{RouteCx, ScriptError, Str, Value, variable};
use sip::NameAddr;

use super::request_uri::{host, user, user_of};

/// Which of the two headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::From => "From",
            Self::To => "To",
        }
    }

    fn get(self, cx: &RouteCx) -> Option<&NameAddr> {
        let header = match self {
            Self::From => cx.message.from(),
            Self::To => cx.message.to(),
        };
        header.ok().flatten()
    }

    fn uri(self, cx: &RouteCx) -> Value {
        self.get(cx).map(|address| address.uri.clone()).into()
    }

    fn user(self, cx: &RouteCx) -> Value {
        self.get(cx).and_then(|address| user_of(cx, address.parsed_uri().ok()?)).into()
    }

    fn user_length(self, cx: &RouteCx) -> Value {
        let uri = self.get(cx).and_then(|address| address.parsed_uri().ok());
        uri.map(|uri| user_of(cx, uri).map_or(0, |user| user.len())).into()
    }

    fn host(self, cx: &RouteCx) -> Value {
        self.get(cx).and_then(|address| host(address.parsed_uri().ok()?)).into()
    }

    fn display(self, cx: &RouteCx) -> Value {
        self.get(cx).map(|address| address.display.clone()).filter(|display| !display.is_empty()).into()
    }

    fn tag(self, cx: &RouteCx) -> Value {
        self.get(cx).and_then(NameAddr::tag).into()
    }

    /// The address, to change it; with an error when the header is missing or its URI is none.
    fn to_change(self, cx: &RouteCx) -> Result<NameAddr, ScriptError> {
        let address = self.get(cx).ok_or_else(|| ScriptError::new(format!("no {} header", self.name())))?;
        address.parsed_uri().map_err(|error| ScriptError::new(format!("{} header: {error}", self.name())))?;
        Ok(address.clone())
    }

    fn no_text(self) -> ScriptError {
        ScriptError::new(format!("a part of the {} header must be a text", self.name()))
    }

    fn offset(self, cx: &RouteCx, part: &[u8]) -> Result<usize, ScriptError> {
        cx.message.buffer().offset_of(part).ok_or_else(|| ScriptError::new(format!("no {} header", self.name())))
    }

    fn set_uri(self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let address = self.to_change(cx)?;
        match value {
            // A header without URI would be none: kept, as in Kamailio.
            Value::Null => Ok(()),
            Value::Int(_) => Err(self.no_text()),
            Value::Str(new) => self.replace(cx, &address.uri, new),
        }
    }

    fn replace(self, cx: &mut RouteCx, part: &Str, new: Str) -> Result<(), ScriptError> {
        let start = self.offset(cx, part)?;
        cx.message.edits_mut().replace(start..start + part.len(), new);
        Ok(())
    }

    fn set_user(self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let address = self.to_change(cx)?;
        let uri = address.parsed_uri().map_err(|error| ScriptError::new(error.to_string()))?;
        match (value, user(uri)) {
            (Value::Int(_), _) => Err(self.no_text()),
            (Value::Str(new), Some(old)) => self.replace(cx, &old, new),
            (Value::Null, None) => Ok(()),
            (Value::Null, Some(old)) => {
                let start = self.offset(cx, &old)?;
                let mut end = start + old.len();
                // `sip:user:password@host` keeps its password, as in Kamailio.
                if cx.message.buffer().get(end) == Some(&b'@') {
                    end += 1;
                }
                cx.message.edits_mut().delete(start..end);
                Ok(())
            }
            (Value::Str(new), None) => {
                let start = self.offset(cx, uri.host_bytes())?;
                cx.message.edits_mut().insert_before(start, Str::from([&*new, b"@"].concat()));
                Ok(())
            }
        }
    }

    fn set_host(self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let address = self.to_change(cx)?;
        let uri = address.parsed_uri().map_err(|error| ScriptError::new(error.to_string()))?;
        match (value, host(uri)) {
            (Value::Int(_), _) => Err(self.no_text()),
            (Value::Str(new), Some(old)) => self.replace(cx, &old, new),
            // A URI needs its host; a `tel:` URI has none.
            _ => Ok(()),
        }
    }

    fn set_display(self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let address = self.to_change(cx)?;
        let start = self.offset(cx, &address.text)?;
        let edits = cx.message.edits_mut();
        match (value, address.display.len()) {
            (Value::Int(_), _) => return Err(self.no_text()),
            (Value::Null, 0) => {}
            (Value::Null, length) => {
                // The blank before the bracket goes too.
                let blanks = address.text[length..].iter().take_while(|byte| **byte != b'<').count();
                edits.delete(start..start + length + blanks);
            }
            (Value::Str(new), 0) if new.is_empty() => {}
            (Value::Str(new), 0) => {
                edits.insert_before(start, Str::from([&*new, b" "].concat()));
            }
            (Value::Str(new), length) => {
                edits.replace(start..start + length, new);
            }
        }
        Ok(())
    }
}

/// The URI of From. Assigning queues an edit.
#[variable("fu", "from", set = set_fu)]
pub fn fu(cx: &RouteCx) -> Value {
    Side::From.uri(cx)
}

fn set_fu(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::From.set_uri(cx, value)
}

/// The length of the URI of From.
#[variable("ful")]
pub fn ful(cx: &RouteCx) -> Value {
    Side::From.get(cx).map(|address| address.uri.len()).into()
}

/// The user of From. Assigning queues an edit; `$null` removes the user.
#[variable("fU", "from.user", set = set_fu_user)]
pub fn fu_user(cx: &RouteCx) -> Value {
    Side::From.user(cx)
}

fn set_fu_user(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::From.set_user(cx, value)
}

/// The length of the user of From.
#[variable("fUl")]
pub fn ful_user(cx: &RouteCx) -> Value {
    Side::From.user_length(cx)
}

/// The host of From. Assigning queues an edit.
#[variable("fd", "from.domain", set = set_fd)]
pub fn fd(cx: &RouteCx) -> Value {
    Side::From.host(cx)
}

fn set_fd(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::From.set_host(cx, value)
}

/// The display name of From as written, quotes included. Assigning queues an edit; `$null` and the empty text remove it.
#[variable("fn", set = set_fn)]
pub fn r#fn(cx: &RouteCx) -> Value {
    Side::From.display(cx)
}

fn set_fn(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::From.set_display(cx, value)
}

/// The tag of From.
#[variable("ft")]
pub fn ft(cx: &RouteCx) -> Value {
    Side::From.tag(cx)
}

/// The URI of To. Assigning queues an edit.
#[variable("tu", "to", set = set_tu)]
pub fn tu(cx: &RouteCx) -> Value {
    Side::To.uri(cx)
}

fn set_tu(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::To.set_uri(cx, value)
}

/// The user of To. Assigning queues an edit; `$null` removes the user.
#[variable("tU", "to.user", set = set_tu_user)]
pub fn tu_user(cx: &RouteCx) -> Value {
    Side::To.user(cx)
}

fn set_tu_user(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::To.set_user(cx, value)
}

/// The length of the user of To.
#[variable("tUl")]
pub fn tul_user(cx: &RouteCx) -> Value {
    Side::To.user_length(cx)
}

/// The host of To. Assigning queues an edit.
#[variable("td", "to.domain", set = set_td)]
pub fn td(cx: &RouteCx) -> Value {
    Side::To.host(cx)
}

fn set_td(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::To.set_host(cx, value)
}

/// The display name of To as written, quotes included. Assigning queues an edit; `$null` and the empty text remove it.
#[variable("tn", set = set_tn)]
pub fn tn(cx: &RouteCx) -> Value {
    Side::To.display(cx)
}

fn set_tn(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    Side::To.set_display(cx, value)
}

/// The tag of To.
#[variable("tt")]
pub fn tt(cx: &RouteCx) -> Value {
    Side::To.tag(cx)
}

/// 1 when To has a tag, else 0.
#[variable("tts")]
pub fn tts(cx: &RouteCx) -> Value {
    Value::Int(i64::from(!Side::To.tag(cx).is_null()))
}
