//! Codecs: the formats of media sections, by number or by name.

use engine::{CallResult, Return, RouteCx, Str, function};
use sip::sdp::Media;

use super::description::{Description, Missing, find, is_kind};

/// What `sdp_with_codecs_..` returns when some of the codecs are there and some are not.
const SOME: i32 = 2;

/// The formats that need no `rtpmap` (RFC 3551, table 4).
const STATIC: &[(&str, &[&str])] = &[
    ("PCMU", &["0"]),
    ("GSM", &["3"]),
    ("G723", &["4"]),
    ("DVI4", &["5", "6", "16", "17"]),
    ("LPC", &["7"]),
    ("PCMA", &["8"]),
    ("G722", &["9"]),
    ("L16", &["10", "11"]),
    ("QCELP", &["12"]),
    ("CN", &["13"]),
    ("MPA", &["14"]),
    ("G728", &["15"]),
    ("G729", &["18"]),
];

/// Attributes that begin with the number of a format.
const OF_FORMATS: &[&[u8]] = &[b"rtpmap", b"fmtp", b"rtcp-fb"];

/// The entries of a list between commas.
fn entries(list: &Str) -> Vec<Str> {
    list.split(|byte| *byte == b',')
        .map(|entry| list.slice_ref(entry).trim())
        .filter(|entry| !entry.is_empty())
        .collect()
}

/// The number that an attribute of a format begins with, and what follows.
fn format_of(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(value.len());
    let (number, rest) = value.split_at(end);
    (number, rest.trim_ascii_start())
}

/// How a script names codecs.
enum Codecs {
    Ids(Vec<Str>),
    Names(Vec<Str>),
}

impl Codecs {
    /// The numbers that are meant in one media section, for each entry of the list.
    fn in_media(&self, description: &Description, media: &Media) -> Vec<Vec<Str>> {
        match self {
            Self::Ids(ids) => ids.iter().map(|id| vec![id.clone()]).collect(),
            Self::Names(names) => names.iter().map(|name| numbers(description, media, name)).collect(),
        }
    }

    /// Leaves out names that no media section knows; false when nothing is left.
    fn keep_known(&mut self, description: &Description) -> bool {
        let Self::Names(names) = self else { return true };
        let media = description.sdp.media();
        names.retain(|name| media.iter().any(|media| !numbers(description, media, name).is_empty()));
        !names.is_empty()
    }
}

/// The numbers of a codec: the fixed ones, for others those of its `rtpmap` lines in this media section.
fn numbers(description: &Description, media: &Media, name: &Str) -> Vec<Str> {
    if let Some((_, numbers)) = STATIC.iter().find(|(known, _)| name.eq_ignore_case(known)) {
        return numbers.iter().map(|number| Str::from(*number)).collect();
    }
    let sdp = &description.sdp;
    let maps = sdp.attributes(sdp.media_lines(media)).filter(|attribute| attribute.name == b"rtpmap");
    maps.filter_map(|map| {
        let (number, encoding) = format_of(map.value?);
        let end = encoding.iter().position(|byte| *byte == b'/').unwrap_or(encoding.len());
        name.eq_ignore_case(&encoding[..end]).then(|| sdp.text().slice_ref(number))
    })
    .collect()
}

/// Takes formats out of a media section: from its `m=` line, and their attributes.
fn remove(cx: &mut RouteCx, description: &Description, media: &Media, goes: impl Fn(&[u8]) -> bool) {
    let sdp = &description.sdp;
    let offset = |text: &[u8]| sdp.text().offset_of(text);
    for format in media.format_list().filter(|format| goes(format)) {
        if let Some(at) = offset(format) {
            // With the blanks before it.
            let before = sdp.text().get(..at).unwrap_or_default();
            let start = before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
            description.delete(cx, start..at + format.len());
        }
    }
    for attribute in sdp.attributes(sdp.media_lines(media)) {
        let number = attribute.value.filter(|_| OF_FORMATS.contains(&attribute.name)).map(|value| format_of(value).0);
        // `*` stands for all formats (RFC 4585 section 4.2).
        if number.is_some_and(|number| number != b"*" && goes(number)) {
            description.delete(cx, attribute.line.range());
        }
    }
}

/// Removes the codecs from media sections of a kind, or all others.
fn edit(cx: &mut RouteCx, mut codecs: Codecs, mtype: Option<&Str>, keep: bool) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    if !codecs.keep_known(&description) {
        return Ok(Return::FALSE);
    }
    for media in description.sdp.media().iter().filter(|media| is_kind(media, mtype)) {
        let numbers = codecs.in_media(&description, media).concat();
        remove(cx, &description, media, |format| numbers.iter().any(|number| **number == *format) != keep);
    }
    Ok(Return::TRUE)
}

/// Removes codecs by their numbers (`0,8`) from the `m=` lines, with their `rtpmap`, `fmtp` and `rtcp-fb` lines; with
/// `mtype` (`audio`) only in media sections of this kind.
///
/// Returns 1, also when there are no such codecs; -1 when there is no session description.
#[function(ANY)]
pub fn sdp_remove_codecs_by_id(cx: &mut RouteCx, list: Str, mtype: Option<Str>) -> CallResult {
    edit(cx, Codecs::Ids(entries(&list)), mtype.as_ref(), false)
}

/// Removes codecs by their names (`PCMU,telephone-event`, letters of either case) from the `m=` lines, with their
/// `rtpmap`, `fmtp` and `rtcp-fb` lines; with `mtype` (`audio`) only in media sections of this kind.
///
/// Returns 1; -1 when no codec of these names is known: neither by an `rtpmap` line nor as one of the fixed numbers;
/// -1 when there is no session description.
#[function(ANY)]
pub fn sdp_remove_codecs_by_name(cx: &mut RouteCx, list: Str, mtype: Option<Str>) -> CallResult {
    edit(cx, Codecs::Names(entries(&list)), mtype.as_ref(), false)
}

/// Removes all codecs but those with these numbers (`0,8`); with `mtype` (`audio`) only in media sections of this kind.
///
/// Returns 1; -1 when there is no session description.
#[function(ANY)]
pub fn sdp_keep_codecs_by_id(cx: &mut RouteCx, list: Str, mtype: Option<Str>) -> CallResult {
    edit(cx, Codecs::Ids(entries(&list)), mtype.as_ref(), true)
}

/// Removes all codecs but those of these names (`PCMU,telephone-event`, letters of either case); with `mtype` (`audio`)
/// only in media sections of this kind.
///
/// Returns 1; -1, without any change, when none of the names is known; -1 when there is no session description.
#[function(ANY)]
pub fn sdp_keep_codecs_by_name(cx: &mut RouteCx, list: Str, mtype: Option<Str>) -> CallResult {
    edit(cx, Codecs::Names(entries(&list)), mtype.as_ref(), true)
}

/// Whether the codecs are in all media sections, in some or in none.
fn present(description: &Description, codecs: &Codecs) -> Return {
    let (mut found, mut missing) = (false, false);
    for media in description.sdp.media() {
        for numbers in codecs.in_media(description, media) {
            let mut has = numbers.iter().map(|number| media.format_list().any(|format| format == &**number)).peekable();
            missing |= has.peek().is_none();
            has.for_each(|has| if has { found = true } else { missing = true });
        }
    }
    match (found, missing) {
        (true, false) => Return::TRUE,
        (true, true) => Return(SOME),
        (false, _) => Return::FALSE,
    }
}

/// Whether codecs of these numbers (`0,8`) are there: 1 when all are in all media sections, 2 when some are, -1 when
/// none is; -2 when there is no session description.
#[function(ANY)]
pub fn sdp_with_codecs_by_id(cx: &mut RouteCx, list: Str) -> CallResult {
    match find(cx) {
        Ok(description) => Ok(present(&description, &Codecs::Ids(entries(&list)))),
        Err(Missing::Body | Missing::Sdp) => Ok(Return(-2)),
    }
}

/// Whether codecs of these names (`PCMU,telephone-event`) are there: 1 when all are in all media sections, 2 when
/// some are, -1 when none is. Names that nothing in the session description explains do not count. -1 when there is
/// none.
#[function(ANY)]
pub fn sdp_with_codecs_by_name(cx: &mut RouteCx, list: Str) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    let mut codecs = Codecs::Names(entries(&list));
    if !codecs.keep_known(&description) {
        return Ok(Return::FALSE);
    }
    Ok(present(&description, &codecs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_attributes() {
        assert_eq!(format_of(b"97 iLBC/8000"), (&b"97"[..], &b"iLBC/8000"[..]));
        assert_eq!(format_of(b"97"), (&b"97"[..], &b""[..]));
        assert_eq!(entries(&Str::from(" 0, 8 ,,3")), [Str::from("0"), Str::from("8"), Str::from("3")]);
    }
}
