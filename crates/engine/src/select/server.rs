//! What is not in the message: addresses, branches, the clock, the connection.

use sip::Str;

use super::{Part, Read, Wrong, end, only, uri};
use crate::route_cx::RouteCx;

const ADDRESS: &[&str] = &["ip", "port", "ip_port"];
const RECEIVED: &[&str] = &["ip", "port", "ip_port", "proto", "proto_ip_port"];
const SYS: &[&str] = &["now", "pid", "server_id", "unique"];
const ZONES: &[&str] = &["local", "gmt", "utc"];
const BRANCH: &[&str] = &["count", "uri", "dst_uri", "q"];

/// `src.ip`, `dst.port`, `received.proto_ip_port`.
pub(super) fn address(first: &str, rest: &[Part]) -> Result<Read, Wrong> {
    let is_source = first == "src";
    let of = move |cx: &RouteCx| if is_source { cx.source } else { cx.received.destination };
    let ip = move |cx: &RouteCx| match of(cx).ip().to_canonical() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let part = only(rest, "`ip` or `port`")?;
    let text = |text: String| Some(Str::from(text));
    match part.as_str() {
        "ip" => Ok(Box::new(move |cx| text(ip(cx)))),
        "port" => Ok(Box::new(move |cx| text(of(cx).port().to_string()))),
        "ip_port" => Ok(Box::new(move |cx| text(format!("{}:{}", ip(cx), of(cx).port())))),
        "proto" if first == "received" => Ok(Box::new(move |cx| text(cx.received.protocol.name().to_owned()))),
        "proto_ip_port" if first == "received" => {
            Ok(Box::new(move |cx| text(format!("{}:{}:{}", cx.received.protocol.name(), ip(cx), of(cx).port()))))
        }
        _ => Err(Wrong::Name(part, if first == "received" { RECEIVED } else { ADDRESS })),
    }
}

/// `branch.count`, `branch.uri[0]`: the further destinations of the request.
pub(super) fn branch(rest: &[Part]) -> Result<Read, Wrong> {
    let [Part::Name(part), rest @ ..] = rest else { return Err(Wrong::Missing("`count`, `uri`, `dst_uri` or `q`")) };
    if part == "count" {
        return end(rest, part, |cx| Some(Str::from(cx.to.branches.len().to_string())));
    }
    let (index, rest) = match rest {
        [Part::Index(index), rest @ ..] => (*index, rest),
        _ => (0, rest),
    };
    let find = move |cx: &RouteCx| {
        let count = cx.to.branches.len();
        let at = if index < 0 {
            count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(index).ok()?
        };
        cx.to.branches.get(at).cloned()
    };
    match part.as_str() {
        "uri" => uri(rest, move |cx| Some(find(cx)?.uri)),
        "dst_uri" => uri(rest, move |cx| find(cx)?.destination),
        "q" => end(rest, part, move |cx| {
            let thousandths = find(cx)?.q?;
            Some(Str::from(format!("{}.{:03}", thousandths / 1000, thousandths % 1000)))
        }),
        _ => Err(Wrong::Name(part.clone(), BRANCH)),
    }
}

/// `sys.now` (seconds since 1970), `sys.now.local["%H:%M"]`, `sys.pid`, `sys.server_id`, `sys.unique`.
pub(super) fn sys(rest: &[Part]) -> Result<Read, Wrong> {
    let [Part::Name(part), rest @ ..] = rest else { return Err(Wrong::Missing("`now`, `pid` ..")) };
    match part.as_str() {
        "now" => now(rest),
        "pid" => end(rest, part, |_| Some(Str::from(std::process::id().to_string()))),
        "server_id" => end(rest, part, |cx| Some(Str::from(cx.core.settings.server_id.to_string()))),
        "unique" => end(rest, part, |cx| {
            let run = cx.core.keyed_hash(&[]) as u32;
            Some(Str::from(format!("{:04x}-{:08x}-{run:08x}", std::process::id(), cx.core.unix_time())))
        }),
        _ => Err(Wrong::Name(part.clone(), SYS)),
    }
}

fn now(rest: &[Part]) -> Result<Read, Wrong> {
    let Some((zone, rest)) = rest.split_first() else {
        return Ok(Box::new(|cx| Some(Str::from(cx.core.unix_time().to_string()))));
    };
    let Part::Name(zone) = zone else { return Err(Wrong::Missing("`local`, `gmt` or `utc`")) };
    let local = match zone.as_str() {
        "local" => true,
        "gmt" | "utc" => false,
        _ => return Err(Wrong::Name(zone.clone(), ZONES)),
    };
    let format = if rest.is_empty() { "%a %b %e %H:%M:%S %Y".to_owned() } else { only(rest, "a format")? };
    Ok(Box::new(move |cx| {
        let zone = if local { jiff::tz::TimeZone::system() } else { jiff::tz::TimeZone::UTC };
        let time = jiff::Timestamp::from_second(cx.core.unix_time()).ok()?.to_zoned(zone);
        jiff::fmt::strtime::format(&format, &time).ok().map(Str::from)
    }))
}

const TLS: &[&str] = &["version", "desc", "description", "cipher", "peer", "my", "me", "myself", "server_name"];
const CERTIFICATE: &[&str] = &[
    "version",
    "sn",
    "serial_number",
    "serialNumber",
    "notBefore",
    "notAfter",
    "not_before",
    "not_after",
    "verified",
    "revoked",
    "expired",
    "self_signed",
    "subject",
    "issuer",
    "raw_cert",
    "urlencoded_cert",
    "email",
    "emailAddress",
    "email_address",
    "ip",
    "dns",
    "host",
    "uri",
    "url",
];
const NAME: &[&str] = &[
    "cn",
    "commonName",
    "common_name",
    "l",
    "locality",
    "localityName",
    "locality_name",
    "o",
    "organization",
    "organizationName",
    "organization_name",
    "unit",
    "ou",
    "organizationalUnitName",
    "organizational_unit_name",
    "c",
    "country",
    "countryName",
    "country_name",
    "st",
    "state",
    "state_or_province_name",
    "stateOrProvinceName",
    "name",
    "uid",
    "uniqueIdentifier",
];

/// `tls.peer.subject.cn`. There are no TLS connections here yet: the names are checked, nothing is behind any of them.
pub(super) fn tls(rest: &[Part]) -> Result<Read, Wrong> {
    let names = rest.iter().map(|part| match part {
        Part::Name(name) => Ok(name.as_str()),
        Part::Key(_) | Part::Index(_) => Err(Wrong::Missing("a name, without an index")),
    });
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let known = |name: &str, known: &'static [&'static str]| {
        if known.contains(&name) { Ok(()) } else { Err(Wrong::Name(name.to_owned(), known)) }
    };
    match &names[..] {
        [] => {}
        ["cipher", rest @ ..] => match rest {
            [] | ["bits"] => {}
            [other, ..] => known(other, &["bits"])?,
        },
        ["peer" | "my" | "me" | "myself", rest @ ..] => match rest {
            [] => {}
            ["subject" | "issuer", rest @ ..] => match rest {
                [] => {}
                [name] => known(name, NAME)?,
                [name, ..] => return Err(Wrong::Behind((*name).to_owned())),
            },
            [name] => known(name, CERTIFICATE)?,
            [name, ..] => return Err(Wrong::Behind((*name).to_owned())),
        },
        [name] => known(name, TLS)?,
        [name, ..] => return Err(Wrong::Behind((*name).to_owned())),
    }
    Ok(Box::new(|_| None))
}
