//! The Route headers of a message as one list, and taking values out of it.

use std::ops::Range;

use engine::{RouteCx, Str};
use sip::{Header, HeaderName, Message, NameAddr, scan};

/// A Route header that cannot be read: no value, or one without angle brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A value of a Route header; of a header that cannot be read, what stands for all of it.
#[derive(Debug)]
struct Value {
    uri: Result<Str, Malformed>,
    /// Where it stands in the message.
    range: Range<usize>,
    /// The header it is of.
    header: Header,
    removed: bool,
}

/// The values of all Route headers. Places count them; a header that cannot be read counts as one.
#[derive(Debug)]
pub(super) struct RouteSet {
    values: Vec<Value>,
}

/// The URI of a value. RFC 3261 20.34: always with brackets. Without them it would be unclear whose `lr` it is.
fn uri_of(value: Str) -> Result<Str, Malformed> {
    NameAddr::parse(value).filter(|route| route.bracketed).map(|route| route.uri).ok_or(Malformed)
}

/// The URI of the first Route; `None` without Route.
pub(super) fn first(message: &Message) -> Option<Result<Str, Malformed>> {
    let body = message.body_named(HeaderName::Route)?;
    let first = scan::split_commas(&body).next().ok_or(Malformed);
    Some(first.and_then(|(from, to)| uri_of(body.slice(from..to))))
}

impl RouteSet {
    pub(super) fn of(message: &Message) -> Self {
        let mut set = Self { values: Vec::new() };
        for header in message.headers_named(HeaderName::Route) {
            set.add(&message.body_of(header), header);
        }
        set
    }

    /// Adds the values of a header.
    fn add(&mut self, body: &Str, header: &Header) {
        let before = self.values.len();
        let value = |uri, range| Value { uri, range, header: *header, removed: false };
        let start = header.body_range().start;
        for (from, to) in scan::split_commas(body) {
            match uri_of(body.slice(from..to)) {
                Ok(uri) => self.values.push(value(Ok(uri), start + from..start + to)),
                Err(Malformed) => {
                    self.values.truncate(before);
                    break;
                }
            }
        }
        if self.values.len() == before {
            self.values.push(value(Err(Malformed), header.body_range()));
        }
    }

    /// The URI at a place; `None` behind the end.
    pub(super) fn uri(&self, place: usize) -> Option<Result<Str, Malformed>> {
        self.values.get(place).map(|value| value.uri.clone())
    }

    /// Takes the value at a place away.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(value) = self.values.get_mut(place) {
            value.removed = value.uri.is_ok();
        }
    }

    /// Takes the last value away and tells its URI.
    pub(super) fn remove_last(&mut self) -> Result<Str, Malformed> {
        let value = self.values.last_mut().ok_or(Malformed)?;
        value.removed = value.uri.is_ok();
        value.uri.clone()
    }

    /// Queues what was taken away. Values are only taken from the start and the end of the list.
    pub(super) fn queue_edits(&self, cx: &mut RouteCx) {
        let edits = cx.message.edits_mut();
        for values in self.values.chunk_by(|one, next| one.header == next.header) {
            let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
            let mut kept = values.iter().filter(|value| !value.removed);
            let Some(first_kept) = kept.next() else {
                edits.delete(first.header.range());
                continue;
            };
            let last_kept = kept.next_back().unwrap_or(first_kept);
            let body = first.header.body_range();
            if first.removed {
                edits.delete(body.start..first_kept.range.start);
            }
            if last.removed {
                edits.delete(last_kept.range.end..body.end);
            }
        }
    }
}
