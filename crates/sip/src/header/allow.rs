//! Allow (RFC 3261 20.5): the methods a user agent takes.

use crate::{Method, scan};

/// `INVITE, ACK, BYE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodList {
    /// The sum of the [`Method::id`]s; unknown methods set the bit of [`Method::Other`].
    pub mask: u32,
}

impl MethodList {
    /// Adds the value of one header. `None` when a method is not a token.
    pub(crate) fn add(&mut self, text: &[u8]) -> Option<()> {
        // Nothing that holds a comma is a token.
        for name in text.split(|&byte| byte == b',').map(scan::trim).filter(|name| !name.is_empty()) {
            let method = Method::from_bytes(name);
            if method == Method::Other && !name.iter().all(|&byte| scan::is_token(byte)) {
                return None;
            }
            self.mask |= method.id();
        }
        Some(())
    }

    /// Parses a list of methods. `None` when one is not a token.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut list = Self::default();
        list.add(text)?;
        Some(list)
    }

    /// Whether `method` is in the list ([`Method::Other`]: whether any unknown one is).
    pub fn has(&self, method: Method) -> bool {
        self.mask & method.id() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow() {
        let list = MethodList::parse(b"INVITE,ACK , BREW").unwrap();
        assert!(list.has(Method::Invite) && list.has(Method::Other) && !list.has(Method::Bye));
        assert_eq!(MethodList::parse(b" , INVITE,,").unwrap().mask, Method::Invite.id());
        for bad in ["INVITE ACK", "\"INVITE,ACK\"", "INVITE,<ACK,BYE>"] {
            assert!(MethodList::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
