//! The parameters of module `auth`.

use engine::params::ParamKind;
use engine::{Code, Creating, Diagnostic, ParamSource, ParamType, Params, Str};
use sip::digest::Algorithm;

use super::nonce::{ALL_CHECKS, NonceOptions};

/// The hash of challenges; `None`: MD5, which is not named in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredAlgorithm(pub Option<Algorithm>);

impl ParamType for ConfiguredAlgorithm {
    const KIND: ParamKind = ParamKind::String;

    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut text = String::new();
        text.assign(source)?;
        self.0 = match &*text {
            "" => None,
            name => Some(server_algorithm(name).ok_or_else(|| {
                source.error(format!("`{name}` is no algorithm that is supported"), "`MD5`, `SHA-256`, or empty")
            })?),
        };
        Ok(())
    }
}

/// An algorithm that a challenge can ask for.
pub(super) fn server_algorithm(name: &str) -> Option<Algorithm> {
    match name.trim() {
        "MD5" => Some(Algorithm::Md5),
        "SHA-256" => Some(Algorithm::Sha256),
        _ => None,
    }
}

/// A text that must not be seen: it is neither printed nor logged.
#[derive(Clone, Default)]
pub struct SecretText(pub(super) Option<Str>);

impl ParamType for SecretText {
    const KIND: ParamKind = ParamKind::String;

    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut text = Str::default();
        text.assign(source)?;
        self.0 = Some(text).filter(|text| !text.is_empty());
        Ok(())
    }
}

/// The parameters of module `auth`.
#[derive(Params)]
pub struct AuthParams {
    /// Nonces are made with this text. Servers with the same one take each other's nonces; the clocks must agree.
    /// Without it, which is safer, it is random and another one after each start.
    pub secret: SecretText,
    /// Seconds that a nonce is good for.
    #[param(default = 300)]
    pub nonce_expire: u32,
    /// Seconds that a nonce may seem to come from the future: for servers whose clocks differ.
    #[param(default = 3)]
    pub nonce_auth_max_drift: u32,
    /// Nonces for REGISTER are good only for requests with the same parts; a sum: 1 request-URI, 2 Call-ID, 4 From tag,
    /// 8 source address. Other requests return -4.
    #[param(default = 0)]
    pub auth_checks_register: i64,
    /// The same for requests outside of dialogs.
    #[param(default = 0)]
    pub auth_checks_no_dlg: i64,
    /// The same for requests inside of dialogs.
    #[param(default = 0)]
    pub auth_checks_in_dlg: i64,
    /// The quality of protection of challenges whose function has no flag for it (`aka_challenge()`): `auth`,
    /// `auth-int`, `auth,auth-int` or nothing. `www_challenge()` and the like do as their flags say.
    #[param(default = "".into())]
    pub qop: Str,
    /// The hash: `MD5`, `SHA-256`, or nothing: MD5, without saying so in challenges.
    pub algorithm: ConfiguredAlgorithm,
    /// 1: the nonce count of a client that sends one must grow, else the nonce is stale (-4): an old request cannot be
    /// sent once more. The largest count is 255.
    #[param(default = false)]
    pub nonce_count: bool,
    /// How many nonces are remembered for `nonce_count`; rounded down to a power of 2. Of more of them the oldest
    /// become stale.
    #[param(default = 1_048_576)]
    pub nc_array_size: i64,
    /// The same as a power of 2: 20 stands for 1048576. It counts when it is set.
    #[param(default = 0)]
    pub nc_array_order: i64,
    /// 1: a nonce is good for one request, later ones return -6. With `nonce_count` only for clients that send no
    /// count.
    #[param(default = false)]
    pub one_time_nonce: bool,
    /// How many nonces are remembered for `one_time_nonce`; rounded down to a power of 2.
    #[param(default = 1_048_576)]
    pub otn_in_flight_no: i64,
    /// The same as a power of 2. It counts when it is set.
    #[param(default = 0)]
    pub otn_in_flight_order: i64,
    /// Into how many parts, each with a lock of its own, the remembered nonces are divided: 1 to 64, rounded down to a
    /// power of 2.
    #[param(default = 1)]
    pub nid_pool_no: i64,
    /// The AVP that gets the challenge of `pv_www_authenticate()` and the like: `$name` or `$avp(name)`.
    #[param(default = "$digest_challenge".into())]
    pub challenge_attr: Str,
    /// Name of the header with the challenge in a 407.
    #[param(default = "Proxy-Authenticate".into())]
    pub proxy_challenge_header: Str,
    /// Name of the header with the challenge in a 401.
    #[param(default = "WWW-Authenticate".into())]
    pub www_challenge_header: Str,
    /// A prefix that is taken off realms: with `sip.` the realm `sip.example.com` is `example.com`.
    #[param(default = "".into())]
    pub realm_prefix: Str,
    /// 1: `pv_auth_check()` compares domains, too.
    #[param(default = false)]
    pub use_domain: bool,
    /// 1: replies to requests with right credentials get an Authentication-Info header: that the server knows the
    /// password, too, and the next nonce.
    #[param(default = false)]
    pub add_authinfo_hdr: bool,
    /// 1: challenges are sent without the transaction, also when there is one.
    #[param(default = false)]
    pub force_stateless_reply: bool,
}

impl AuthParams {
    /// What can be wrong with numbers and names.
    pub(super) fn check(&self, creating: &Creating<'_>) -> Result<(), Diagnostic> {
        let wrong = |name: &str, text: String| {
            Err(Diagnostic::error(Code::ParamValue, text, creating.span_of(name), "not allowed"))
        };
        let rules: [(&str, i64, std::ops::RangeInclusive<i64>); 9] = [
            ("nonce_expire", self.nonce_expire.into(), 1..=31_536_000),
            ("auth_checks_register", self.auth_checks_register, 0..=ALL_CHECKS.into()),
            ("auth_checks_no_dlg", self.auth_checks_no_dlg, 0..=ALL_CHECKS.into()),
            ("auth_checks_in_dlg", self.auth_checks_in_dlg, 0..=ALL_CHECKS.into()),
            ("nc_array_size", self.nc_array_size, 1..=MOST_NONCES),
            ("nc_array_order", self.nc_array_order, 0..=MOST_NONCES.ilog2().into()),
            ("otn_in_flight_no", self.otn_in_flight_no, 1..=MOST_NONCES),
            ("otn_in_flight_order", self.otn_in_flight_order, 0..=MOST_NONCES.ilog2().into()),
            ("nid_pool_no", self.nid_pool_no, 1..=i64::from(u16::MAX)),
        ];
        for (name, value, range) in rules {
            if !range.contains(&value) {
                return wrong(name, format!("`{name}` must be from {} to {}", range.start(), range.end()));
            }
        }
        if !matches!(&*self.qop.to_text(), "" | "auth" | "auth-int" | "auth,auth-int") {
            return wrong("qop", "`qop` must be `auth`, `auth-int`, `auth,auth-int` or empty".into());
        }
        for (name, value) in [
            ("proxy_challenge_header", &self.proxy_challenge_header),
            ("www_challenge_header", &self.www_challenge_header),
        ] {
            if value.is_empty() || !value.iter().copied().all(sip::scan::is_token) {
                return wrong(name, format!("`{name}` must be the name of a header"));
            }
        }
        match self.attribute() {
            Some(_) => Ok(()),
            None => wrong("challenge_attr", "`challenge_attr` must name an AVP: `$avp(name)`".into()),
        }
    }

    /// The AVP of `challenge_attr`.
    pub(super) fn attribute(&self) -> Option<Str> {
        let text = self.challenge_attr.as_utf8()?;
        let name = text.strip_prefix('$')?;
        let name = name.strip_prefix("avp(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(name);
        let name = name.strip_prefix("s:").unwrap_or(name);
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        is_name.then(|| Str::from(name))
    }

    /// What nonces are made of.
    pub(super) fn nonce_options(&self) -> NonceOptions {
        let size = |number: i64, order: i64| match u32::try_from(order) {
            Ok(order @ 1..) => 1usize.checked_shl(order).unwrap_or(usize::MAX),
            _ => power(number),
        };
        let mask = |bits: i64| u8::try_from(bits).unwrap_or(ALL_CHECKS) & ALL_CHECKS;
        NonceOptions {
            expire: self.nonce_expire,
            drift: self.nonce_auth_max_drift,
            checks: [mask(self.auth_checks_register), mask(self.auth_checks_no_dlg), mask(self.auth_checks_in_dlg)],
            count: self.nonce_count,
            once: self.one_time_nonce,
            sizes: [
                size(self.nc_array_size, self.nc_array_order),
                size(self.otn_in_flight_no, self.otn_in_flight_order),
            ],
            pools: power(self.nid_pool_no).min(64),
        }
    }
}

/// More nonces than this would be more memory than anybody means to give.
const MOST_NONCES: i64 = 1 << 26;

/// The largest power of 2 that is not larger.
fn power(number: i64) -> usize {
    usize::try_from(number).ok().and_then(usize::checked_ilog2).map_or(1, |order| 1 << order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!([power(1), power(1_000_000), power(64), power(63)], [1, 524_288, 64, 32]);
        let params = AuthParams { nc_array_order: 4, nid_pool_no: 100, ..AuthParams::default() };
        let options = params.nonce_options();
        assert_eq!((options.sizes, options.pools), ([16, 1_048_576], 64));
    }

    #[test]
    fn attributes() {
        let name = |text: &str| AuthParams { challenge_attr: text.into(), ..AuthParams::default() }.attribute();
        assert_eq!(name("$digest_challenge").unwrap(), "digest_challenge");
        assert_eq!(name("$avp(s:x)").unwrap(), "x");
        assert_eq!(name("x"), None);
        assert_eq!(name("$avp($x)"), None);
    }
}
