//! Event (RFC 6665 8.2.1): which event package a subscription is about.

use std::fmt;

use crate::header::Params;
use crate::{Str, scan};

/// `presence;id=7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The package with its templates: `presence.winfo`.
    pub package: Str,
    /// The parameters.
    pub params: Params,
}

impl Event {
    /// Parses the value of an Event header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.trim();
        let end = scan::skip_while(&text, 0, scan::is_token);
        let rest = scan::skip_space(&text, end);
        if end == 0 || text.get(rest).is_some_and(|&byte| byte != b';') {
            return None;
        }
        Some(Self { package: text.slice(..end), params: Params::parse(text.slice(rest..))? })
    }

    /// The `id` parameter that tells subscriptions of one dialog apart.
    pub fn id(&self) -> Option<Str> {
        self.params.get("id")
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event() {
        let event = Event::parse(Str::from(" presence.winfo ;id=7;x")).unwrap();
        assert_eq!(event.package, "presence.winfo");
        assert_eq!(event.id().unwrap(), "7");
        assert_eq!(event.to_string(), "presence.winfo;id=7;x");
        for bad in ["", ";id=1", "a b", "a;=", "a,b"] {
            assert!(Event::parse(Str::from(bad)).is_none(), "{bad}");
        }
    }
}
