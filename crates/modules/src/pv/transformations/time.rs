//! `{s.ftime}`.

use engine::{Value, transformation};
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{Timestamp, tz::TimeZone};

use super::{Rest, map};

/// Seconds since 1970 written as `format` says (that of `strftime`), in the local time zone. `$null` when the value is no
/// number.
#[transformation("s.ftime")]
pub(super) fn ftime(input: Value, format: Rest) -> Value {
    map(&input, |text| {
        let time = Timestamp::from_second(text.parse_int()?).ok()?.to_zoned(TimeZone::system());
        let mut out = String::new();
        // Lenient: what strftime does not know stays as it is.
        let config = Config::new().lenient(true);
        BrokenDownTime::from(&time).format_with_config(&config, format.0.to_text().as_bytes(), &mut out).ok()?;
        Some(out)
    })
}
