//! New URIs from old ones. Each function gives a new text; the URI itself does not change.

use super::{Scheme, Uri};
use crate::Str;
use crate::str::StrBuilder;

/// The parts of a URI to be printed.
struct Pieces<'a> {
    user: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    host: &'a [u8],
    port: Option<Port<'a>>,
}

enum Port<'a> {
    Text(&'a [u8]),
    Number(u16),
}

impl Uri {
    fn pieces(&self) -> Pieces<'_> {
        Pieces {
            user: self.user_bytes(),
            password: self.password.map(|part| self.bytes(part)),
            host: self.host_bytes(),
            port: self.port_text.map(|part| Port::Text(self.bytes(part))),
        }
    }

    /// The scheme with its colon, as written.
    fn scheme_text(&self) -> &[u8] {
        self.text.get(..=self.scheme.name().len()).unwrap_or_default()
    }

    /// Prints scheme and pieces; then all of our text from the parameters on when `with_tail`.
    fn print(&self, pieces: &Pieces<'_>, with_tail: bool) -> Str {
        let mut text = StrBuilder::with_capacity(self.text.len() + 32);
        text.push(self.scheme_text());
        let user = pieces.user.filter(|user| !user.is_empty());
        if let Some(user) = user {
            text.push(user);
            if let Some(password) = pieces.password {
                text.push(":").push(password);
            }
            if !pieces.host.is_empty() {
                text.push(if self.scheme == Scheme::Urn { ":" } else { "@" });
            }
        }
        text.push(pieces.host);
        match pieces.port {
            Some(Port::Text(port)) => text.push(":").push(port),
            Some(Port::Number(port)) => text.push(":").push_number(port),
            None => &mut text,
        };
        if with_tail {
            text.push(self.tail());
        }
        text.build()
    }

    /// All after host and port: parameters and headers with their `;` and `?`.
    fn tail(&self) -> &[u8] {
        let end = match (self.scheme, self.port_text, self.user) {
            (Scheme::Tel | Scheme::Tels, _, Some(user)) => user.1,
            (_, Some(port), _) => port.1,
            _ => self.host.1,
        };
        self.text.get(usize::from(end)..).unwrap_or_default()
    }

    /// This URI with another user; `None` or an empty user takes it away together with the password.
    pub fn with_user(&self, user: Option<&[u8]>) -> Str {
        self.print(&Pieces { user, ..self.pieces() }, true)
    }

    /// This URI with another user and another (or no) password.
    pub fn with_user_password(&self, user: Option<&[u8]>, password: Option<&[u8]>) -> Str {
        self.print(&Pieces { user, password, ..self.pieces() }, true)
    }

    /// This URI with another host; the port stays. A `tel:` URI becomes `sip:number@host;user=phone` (RFC 3261 19.1.6).
    pub fn with_host(&self, host: &[u8]) -> Str {
        if self.scheme.is_tel() {
            return self.tel_at_host(host, None);
        }
        self.print(&Pieces { host, ..self.pieces() }, true)
    }

    /// This URI with another or no port; `tel:` and `urn:` have none and stay as they are.
    pub fn with_port(&self, port: Option<u16>) -> Str {
        if !self.scheme.is_sip() {
            return self.text.clone();
        }
        self.print(&Pieces { port: port.map(Port::Number), ..self.pieces() }, true)
    }

    /// This URI with another host and another or no port; of `tel:` see [`Uri::with_host`].
    pub fn with_host_port(&self, host: &[u8], port: Option<u16>) -> Str {
        if self.scheme.is_tel() {
            return self.tel_at_host(host, port);
        }
        self.print(&Pieces { host, port: port.map(Port::Number), ..self.pieces() }, true)
    }

    /// The `sip:` form of a `tel:` URI: number and parameters become the user.
    fn tel_at_host(&self, host: &[u8], port: Option<u16>) -> Str {
        let mut text = StrBuilder::with_capacity(self.text.len() + host.len() + 24);
        text.push("sip:").push(&self.text[self.scheme.name().len() + 1..]).push("@").push(host);
        if let Some(port) = port {
            text.push(":").push_number(port);
        }
        text.push(";user=phone");
        text.build()
    }

    /// This URI without parameters and headers.
    pub fn without_params(&self) -> Str {
        self.print(&self.pieces(), false)
    }

    /// This URI without the parameters called `name` (letters of either case).
    pub fn without_param(&self, name: impl AsRef<[u8]>) -> Str {
        self.rebuild_params(name.as_ref(), None)
    }

    /// This URI with the parameter `name`, in place of the one it had or after its last; `None`: without a value.
    pub fn with_param(&self, name: impl AsRef<[u8]>, value: Option<&[u8]>) -> Str {
        self.rebuild_params(name.as_ref(), Some(value))
    }

    fn rebuild_params(&self, name: &[u8], new: Option<Option<&[u8]>>) -> Str {
        let mut text = StrBuilder::with_capacity(self.text.len() + 32);
        text.push(&self.text[..self.text.len() - self.tail().len()]);
        let mut to_write = new;
        let mut write = |text: &mut StrBuilder| {
            if let Some(value) = to_write.take() {
                text.push(";").push(name);
                if let Some(value) = value {
                    text.push("=").push(value);
                }
            }
        };
        for param in self.iter_params() {
            if param.name.eq_ignore_ascii_case(name) {
                write(&mut text);
                continue;
            }
            text.push(";").push(param.name);
            if let Some(value) = param.value {
                text.push("=").push(value);
            }
        }
        write(&mut text);
        if self.headers.0 < self.headers.1 {
            text.push("?").push(self.bytes(self.headers));
        }
        text.build()
    }

    /// The address of record: `scheme:user@host` (of `tel:` `tel:number`), without port, password and parameters.
    pub fn aor(&self) -> Str {
        self.print(&Pieces { password: None, port: None, ..self.pieces() }, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(Str::from(text)).unwrap()
    }

    #[test]
    fn user_host_port() {
        let it = uri("sip:alice:pw@a.com:5070;lr?h=1");
        assert_eq!(it.with_user(Some(b"bob")), "sip:bob:pw@a.com:5070;lr?h=1");
        assert_eq!(it.with_user(None), "sip:a.com:5070;lr?h=1");
        assert_eq!(it.with_user_password(Some(b"c"), None), "sip:c@a.com:5070;lr?h=1");
        assert_eq!(it.with_host(b"[::1]"), "sip:alice:pw@[::1]:5070;lr?h=1");
        assert_eq!(it.with_port(None), "sip:alice:pw@a.com;lr?h=1");
        assert_eq!(it.with_host_port(b"x", Some(1)), "sip:alice:pw@x:1;lr?h=1");
        assert_eq!(it.without_params(), "sip:alice:pw@a.com:5070");
        assert_eq!(it.aor(), "sip:alice@a.com");
        assert_eq!(uri("sip:a.com").with_user(Some(b"u")), "sip:u@a.com");
        assert_eq!(uri("tel:+1;x=y").with_user(Some(b"+2")), "tel:+2;x=y");
        assert_eq!(uri("tel:+1;x=y").with_host(b"x"), "sip:+1;x=y@x;user=phone");
        assert_eq!(uri("tel:+1;x=y").with_host_port(b"h", Some(9)), "sip:+1;x=y@h:9;user=phone");
        assert_eq!(uri("tel:+1;x=y").with_port(Some(7)), "tel:+1;x=y");
        assert_eq!(uri("sip:a@b:;x").with_host(b"x"), "sip:a@x:;x");
        assert_eq!(uri("tel:+1;x=y").aor(), "tel:+1");
        assert_eq!(uri("urn:service:sos").aor(), "urn:service:sos");
    }

    #[test]
    fn params() {
        let it = uri("sip:a@b:1;lr;transport=udp;x=1?h=2");
        assert_eq!(it.without_param("LR"), "sip:a@b:1;transport=udp;x=1?h=2");
        assert_eq!(it.with_param("transport", Some(b"tcp")), "sip:a@b:1;lr;transport=tcp;x=1?h=2");
        assert_eq!(it.with_param("ob", None), "sip:a@b:1;lr;transport=udp;x=1;ob?h=2");
        assert_eq!(uri("sip:b").with_param("r2", Some(b"on")), "sip:b;r2=on");
        assert_eq!(uri("tel:1").with_param("ext", Some(b"2")), "tel:1;ext=2");
    }
}
