//! `hdr_date_check`.

use engine::{CallResult, Return, RouteCx, ScriptError, function};
use sip::HeaderName;

/// True when the Date header is not older than `seconds`.
///
/// Returns 1 (young enough), -1 (missing or malformed), -4 (too old).
#[function(ANY)]
pub fn hdr_date_check(cx: &mut RouteCx, seconds: i64) -> CallResult {
    let Some(text) = cx.message.body_named(HeaderName::Date) else {
        return Err(ScriptError::new("the message has no Date"));
    };
    let Some(date) = parse(&text.to_text()) else { return Err(ScriptError::new(format!("wrong Date `{text}`"))) };
    let age = cx.core.unix_time().saturating_sub(date);
    Ok(if age > seconds { Return(-4) } else { Return::TRUE })
}

/// `Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 section 20.17) as seconds since 1970.
fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let day = text.get(..3)?;
    let known = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&day);
    if !known || text.get(3..5)? != ", " || !text.ends_with(" GMT") {
        return None;
    }
    jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S", text.get(5..text.len() - 4)?)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|date| date.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        assert_eq!(super::parse("Thu, 01 Jan 2026 00:00:00 GMT"), Some(1_767_225_600));
        for bad in [
            "",
            "garbage",
            "01 Jan 2026 00:00:00 GMT",
            "Thu, 01 Jan 2026 00:00:00 +0200",
            "Thu, 41 Jan 2026 00:00:00 GMT",
            "Thu, é GMT",
        ] {
            assert_eq!(super::parse(bad), None, "{bad}");
        }
    }
}
