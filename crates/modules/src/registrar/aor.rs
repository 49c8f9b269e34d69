//! From a URI to the address of record that the table has.

use engine::{Str, Value};
use sip::{Uri, escape};

use super::Registrar;

/// A longer address of record is refused.
const MAX: usize = 256;

/// Why a URI gives no address of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AorError {
    /// It is no URI, or its escapes are broken.
    Malformed,
    /// It is longer than [`MAX`].
    TooLong,
}

impl Registrar {
    /// The address of record of a URI.
    pub(super) fn aor(&self, uri: &Str) -> Result<Str, AorError> {
        Uri::parse(uri.clone()).map_err(|_| AorError::Malformed).and_then(|uri| self.aor_of(&uri))
    }

    /// The user without escapes and, with usrloc's `use_domain`, the host; in lower case unless `case_sensitive`. The
    /// host has no case in any way.
    pub(super) fn aor_of(&self, uri: &Uri) -> Result<Str, AorError> {
        let user = uri.user().unwrap_or_default();
        let mut aor = escape::unescape(&user).ok_or(AorError::Malformed)?.into_owned();
        if self.live.case_sensitive.get() == 0 {
            aor.make_ascii_lowercase();
        }
        if self.usrloc.params.use_domain {
            let host = uri.host().to_ascii_lowercase();
            let prefix = match &*self.live.realm_prefix.read() {
                Value::Str(prefix) => prefix.to_ascii_lowercase(),
                _ => Vec::new(),
            };
            if !aor.is_empty() {
                aor.push(b'@');
            }
            aor.extend_from_slice(host.strip_prefix(&*prefix).unwrap_or(&host));
        }
        if aor.len() > MAX { Err(AorError::TooLong) } else { Ok(Str::from(aor)) }
    }
}
