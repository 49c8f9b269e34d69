//! Allow (RFC 3261 20.5): the methods a user agent takes.

use std::fmt;

use crate::{Method, Str, scan};

/// `INVITE, ACK, BYE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodList {
    /// The sum of the [`Method::id`]s; unknown methods set the bit of [`Method::Other`].
    pub mask: u32,
    /// The names as written, of all headers of that name together.
    pub names: Vec<Str>,
}

impl MethodList {
    /// Adds the value of one header. `None` when a method is not a token.
    pub(crate) fn add(&mut self, text: &Str) -> Option<()> {
        for (start, end) in scan::split_commas(text) {
            let name = text.slice(start..end);
            if !name.iter().all(|&byte| scan::is_token(byte)) {
                return None;
            }
            self.mask |= Method::from_bytes(&name).id();
            self.names.push(name);
        }
        Some(())
    }

    /// Parses a list of methods. `None` when one is not a token.
    pub fn parse(text: &Str) -> Option<Self> {
        let mut list = Self::default();
        list.add(text)?;
        Some(list)
    }

    /// Whether `method` is in the list ([`Method::Other`]: whether any unknown one is).
    pub fn has(&self, method: Method) -> bool {
        self.mask & method.id() != 0
    }
}

impl fmt::Display for MethodList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names.iter().enumerate() {
            write!(f, "{}{name}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow() {
        let list = MethodList::parse(&Str::from("INVITE,ACK , BREW")).unwrap();
        assert!(list.has(Method::Invite) && list.has(Method::Other) && !list.has(Method::Bye));
        assert_eq!(list.to_string(), "INVITE, ACK, BREW");
        assert!(MethodList::parse(&Str::from("INVITE ACK")).is_none());
    }
}
