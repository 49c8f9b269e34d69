//! Writing JSON as module jsonrpcs does: indented with tabs, or without any white space.

use engine::RpcValue;

/// Writes JSON.
pub(crate) struct JsonWriter {
    text: String,
    pretty: bool,
}

impl JsonWriter {
    pub(crate) fn new(pretty: bool) -> Self {
        Self { text: String::new(), pretty }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Writes `{"name": value, ..}`.
    pub(crate) fn object<'a>(&mut self, depth: usize, members: impl ExactSizeIterator<Item = (&'a str, Member<'a>)>) {
        self.text.push('{');
        self.line();
        let last = members.len().saturating_sub(1);
        for (at, (name, member)) in members.enumerate() {
            self.indent(depth + 1);
            self.string(name);
            self.text.push(':');
            if self.pretty {
                self.text.push('\t');
            }
            self.member(depth + 1, &member);
            if at < last {
                self.text.push(',');
            }
            self.line();
        }
        self.indent(depth);
        self.text.push('}');
    }

    fn member(&mut self, depth: usize, member: &Member<'_>) {
        match member {
            Member::Value(value) => self.value(depth, value),
            Member::List(values) => self.list(depth, values.len(), |writer, at| writer.value(depth + 1, &values[at])),
            Member::Raw(text) => self.text.push_str(text),
            Member::Object(members) => {
                let members: Vec<_> = members.iter().map(|(name, value)| (*name, Member::Value(value))).collect();
                self.object(depth, members.into_iter());
            }
        }
    }

    fn list(&mut self, _depth: usize, count: usize, mut item: impl FnMut(&mut Self, usize)) {
        self.text.push('[');
        for at in 0..count {
            if at > 0 {
                self.text.push_str(if self.pretty { ", " } else { "," });
            }
            item(self, at);
        }
        self.text.push(']');
    }

    fn value(&mut self, depth: usize, value: &RpcValue) {
        match value {
            RpcValue::Int(number) => self.text.push_str(&number.to_string()),
            RpcValue::Double(number) => self.text.push_str(&double(*number)),
            RpcValue::Text(bytes) => self.string(&String::from_utf8_lossy(bytes)),
            RpcValue::Null => self.text.push_str("null"),
            RpcValue::Array(items) => self.list(depth, items.len(), |writer, at| writer.value(depth + 1, &items[at])),
            RpcValue::Struct(members) if has_repeated_name(members) => {
                self.list(depth, members.len(), |writer, at| {
                    let (name, value) = &members[at];
                    writer.object(depth + 1, std::iter::once((name.as_str(), Member::Value(value))));
                });
            }
            RpcValue::Struct(members) => {
                self.object(depth, members.iter().map(|(name, value)| (name.as_str(), Member::Value(value))));
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push_str(&serde_json::Value::from(text).to_string());
    }

    fn line(&mut self) {
        if self.pretty {
            self.text.push('\n');
        }
    }

    fn indent(&mut self, depth: usize) {
        if self.pretty {
            self.text.extend(std::iter::repeat_n('\t', depth));
        }
    }
}

/// A value in an object.
pub(crate) enum Member<'a> {
    /// One value.
    Value(&'a RpcValue),
    /// A list of values.
    List(&'a [RpcValue]),
    /// JSON text.
    Raw(&'a str),
    /// An object.
    Object(&'a [(&'a str, RpcValue)]),
}

/// JSON names cannot repeat; a struct whose names do is a list of objects with one member each.
fn has_repeated_name(members: &[(String, RpcValue)]) -> bool {
    match members {
        [] | [_] => false,
        // The usual case, quadratic: structs are short, and lists of hundreds repeat their name at once.
        [(first, _), (second, _), ..] if first == second => true,
        _ => {
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
        }
    }
}

/// Whole numbers without fraction, others with six digits of it.
fn double(number: f64) -> String {
    if !number.is_finite() {
        "null".to_owned()
    } else if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.6}")
    }
}
