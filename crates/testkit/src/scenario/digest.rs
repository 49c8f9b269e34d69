//! `{digest 401 alice secret}` in a message that a phone sends: the header that answers the last challenge it got.

use std::collections::BTreeMap;

use sip::digest::{Algorithm, Protection, ha1, ha1_session, ha2, response};
use sip::header::Challenge;
use sip::{HeaderName, Message, Str};

/// The last reply with a challenge, by phone and code.
#[derive(Default)]
pub(super) struct Challenges(BTreeMap<(String, u16), Message>);

/// What stands between the braces.
struct Wish<'a> {
    status: u16,
    username: &'a str,
    password: &'a str,
    options: BTreeMap<&'a str, &'a str>,
}

/// What a wish may set beside user and password.
const OPTIONS: [&str; 8] = ["algorithm", "cnonce", "method", "nc", "nonce", "qop", "realm", "uri"];

impl Challenges {
    /// Remembers a message that a phone got, when it is a challenge.
    pub(super) fn note(&mut self, phone: &str, message: &[u8]) {
        let Ok(message) = Message::parse(Str::copy_from(message)) else { return };
        if let Some(status @ (401 | 407)) = message.status() {
            self.0.insert((phone.to_owned(), status), message);
        }
    }

    /// Replaces the lines `{digest ..}` of a message (with LF line ends) that a phone is going to send.
    pub(super) fn answer(&self, phone: &str, text: &str) -> Result<String, String> {
        if !text.contains("{digest ") {
            return Ok(text.to_owned());
        }
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut start = head.lines().next().unwrap_or_default().split(' ');
        let (method, uri) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        // As it goes over the wire.
        let body_sent = body.strip_suffix('\n').unwrap_or(body).replace('\n', "\r\n");
        let mut out = String::new();
        for line in head.lines() {
            match line.trim().strip_prefix("{digest ").and_then(|rest| rest.strip_suffix('}')) {
                Some(words) => {
                    let wish = Wish::parse(words).map_err(|error| format!("`{line}`: {error}"))?;
                    let asked = self.0.get(&(phone.to_owned(), wish.status));
                    let asked = asked.ok_or_else(|| format!("`{line}`: {phone} got no {}", wish.status))?;
                    out.push_str(&header(asked, &wish, method, uri, &body_sent)?);
                }
                None => out.push_str(line),
            }
            out.push('\n');
        }
        if text.contains("\n\n") {
            out.push('\n');
            out.push_str(body);
        }
        Ok(out)
    }
}

impl<'a> Wish<'a> {
    fn parse(words: &'a str) -> Result<Self, String> {
        let mut words = words.split_whitespace();
        let (Some(status), Some(username), Some(password)) = (words.next(), words.next(), words.next()) else {
            return Err("write `{digest 401 alice secret}`".into());
        };
        let status = match status {
            "401" => 401,
            "407" => 407,
            _ => return Err(format!("`{status}` is no code of a challenge")),
        };
        let mut options = BTreeMap::new();
        for word in words {
            let option = word.split_once('=').filter(|(name, _)| OPTIONS.contains(name));
            let (name, value) = option.ok_or_else(|| format!("`{word}`: known are {}", OPTIONS.join("=, ")))?;
            options.insert(name, value);
        }
        Ok(Self { status, username, password, options })
    }

    /// The first challenge with the realm and the algorithm that are wished for.
    fn chosen(&self, asked: &Message) -> Result<Challenge, String> {
        let name = if self.status == 401 { HeaderName::WwwAuthenticate } else { HeaderName::ProxyAuthenticate };
        let all: Vec<Challenge> =
            asked.headers_named(name).filter_map(|header| Challenge::parse(asked.body_of(header))).collect();
        let fits = |value: Option<Str>, option: &str| {
            self.options.get(option).is_none_or(|wanted| value.is_some_and(|value| value.eq_ignore_case(wanted)))
        };
        let best = all.iter().find(|it| fits(it.realm(), "realm") && fits(it.algorithm(), "algorithm"));
        // A wrong realm or another algorithm than was asked for is answered all the same.
        best.or(all.first()).cloned().ok_or_else(|| format!("the {} has no challenge", self.status))
    }
}

fn header(asked: &Message, wish: &Wish<'_>, method: &str, uri: &str, body: &str) -> Result<String, String> {
    let challenge = wish.chosen(asked)?;
    let field = |value: Option<Str>| value.map(|value| value.to_text().into_owned());
    let option = |name: &str, value: Option<String>| match wish.options.get(name) {
        Some(wished) => Some((*wished).to_owned()),
        None => value,
    };
    let realm = option("realm", field(challenge.realm())).ok_or("the challenge has no realm")?;
    let nonce = option("nonce", field(challenge.nonce())).ok_or("the challenge has no nonce")?;
    let named = option("algorithm", field(challenge.algorithm()));
    let algorithm = match &named {
        Some(name) => {
            Algorithm::from_name(name).ok_or_else(|| format!("`{name}` is no algorithm that is known here"))?
        }
        None => Algorithm::Md5,
    };
    let offered = field(challenge.qop()).unwrap_or_default();
    let first = offered.split(',').map(str::trim).find(|qop| !qop.is_empty()).map(str::to_owned);
    let qop = option("qop", first).filter(|qop| qop != "none");
    let cnonce = option("cnonce", Some("0a4f113b".into())).unwrap_or_default();
    let nc = match option("nc", None) {
        Some(count) => count.parse::<u32>().map_or(count, |count| format!("{count:08x}")),
        None => "00000001".to_owned(),
    };
    let uri = option("uri", Some(uri.into())).unwrap_or_default();
    let method = option("method", Some(method.into())).unwrap_or_default();
    let hash = ha1(algorithm, wish.username.as_bytes(), realm.as_bytes(), wish.password.as_bytes());
    let hash =
        if algorithm.is_session() { ha1_session(algorithm, &hash, nonce.as_bytes(), cnonce.as_bytes()) } else { hash };
    let body = (qop.as_deref() == Some("auth-int")).then_some(body.as_bytes());
    let second = ha2(algorithm, method.as_bytes(), uri.as_bytes(), body);
    let protection =
        qop.as_ref().map(|qop| Protection { qop: qop.as_bytes(), nc: nc.as_bytes(), cnonce: cnonce.as_bytes() });
    let response = response(algorithm, &hash, nonce.as_bytes(), protection, &second);
    let name = if wish.status == 401 { "Authorization" } else { "Proxy-Authorization" };
    let username = wish.username;
    let mut line = format!(
        "{name}: Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
    );
    if let Some(name) = named {
        line.push_str(&format!(", algorithm={name}"));
    }
    if let Some(opaque) = challenge.opaque() {
        line.push_str(&format!(", opaque=\"{opaque}\""));
    }
    match qop {
        Some(qop) => line.push_str(&format!(", qop={qop}, nc={nc}, cnonce=\"{cnonce}\"")),
        None if algorithm.is_session() => line.push_str(&format!(", cnonce=\"{cnonce}\"")),
        None => {}
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 section 3.5.
    #[test]
    fn answers_the_last_challenge() {
        let mut challenges = Challenges::default();
        let text = "GET /dir/index.html SIP/2.0\n{digest 401 Mufasa Circle-Of-Life nc=1}\nX: y\n\nbody\n";
        assert!(challenges.answer("a", text).is_err());
        challenges.note(
            "a",
            b"SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n\r\n",
        );
        let answer = challenges.answer("a", text).unwrap();
        let expected = ha1(Algorithm::Md5, b"Mufasa", b"testrealm@host.com", b"Circle-Of-Life");
        let second = ha2(Algorithm::Md5, b"GET", b"/dir/index.html", None);
        let protection = Protection { qop: b"auth", nc: b"00000001", cnonce: b"0a4f113b" };
        let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let response = response(Algorithm::Md5, &expected, nonce, Some(protection), &second);
        assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
        assert!(answer.starts_with("GET /dir/index.html SIP/2.0\nAuthorization: Digest username=\"Mufasa\""));
        assert!(answer.ends_with("\nX: y\n\nbody\n"), "{answer}");
        let bare = challenges.answer("a", "GET x SIP/2.0\n{digest 401 u p qop=none}\n").unwrap();
        assert!(!bare.contains("nc=") && bare.ends_with("\"5ccc069c403ebaf9f0171e9517f40e41\"\n"), "{bare}");
        assert!(challenges.answer("a", "GET x SIP/2.0\n{digest 407 u p}\n").is_err());
        assert!(challenges.answer("a", "GET x SIP/2.0\n{digest 401 u p other=1}\n").is_err());
    }
}
