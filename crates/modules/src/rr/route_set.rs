//! The Route headers of a message as one list, and taking values out of it.

use std::ops::Range;

use engine::{RouteCx, Str};
use sip::{HeaderName, Message, NameAddr, scan};

/// A Route header that cannot be read: no value, or one without angle brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A value of a Route header.
#[derive(Debug)]
struct Value {
    uri: Str,
    /// Where it stands in the message.
    range: Range<usize>,
    removed: bool,
}

/// A Route header.
#[derive(Debug)]
struct Line {
    range: Range<usize>,
    body: Range<usize>,
    values: Result<Vec<Value>, Malformed>,
}

/// All Route headers. Places count values; a header that cannot be read counts as one.
#[derive(Debug)]
pub(super) struct RouteSet {
    lines: Vec<Line>,
}

/// The values of the header body that starts at `start`.
fn values(body: &Str, start: usize) -> Result<Vec<Value>, Malformed> {
    let mut values = Vec::new();
    for (from, to) in scan::split_commas(body) {
        // RFC 3261 20.34: always with brackets. Without them it would be unclear whose `lr` it is.
        let route = NameAddr::parse(body.slice(from..to)).filter(|route| route.bracketed).ok_or(Malformed)?;
        values.push(Value { uri: route.uri, range: start + from..start + to, removed: false });
    }
    if values.is_empty() { Err(Malformed) } else { Ok(values) }
}

/// The URI of the first Route; `None` without Route.
pub(super) fn first(message: &Message) -> Option<Result<Str, Malformed>> {
    let body = message.body_named(HeaderName::Route)?;
    let first = scan::split_commas(&body).next();
    let route = first.and_then(|(from, to)| NameAddr::parse(body.slice(from..to))).filter(|route| route.bracketed);
    Some(route.map(|route| route.uri).ok_or(Malformed))
}

impl RouteSet {
    pub(super) fn of(message: &Message) -> Self {
        let lines = message.headers_named(HeaderName::Route).map(|header| Line {
            range: header.range(),
            body: header.body_range(),
            values: values(&message.body_of(header), header.body_range().start),
        });
        Self { lines: lines.collect() }
    }

    fn all(&mut self) -> impl DoubleEndedIterator<Item = Result<&mut Value, Malformed>> {
        self.lines.iter_mut().flat_map(|line| {
            let (values, error) = match &mut line.values {
                Ok(values) => (&mut values[..], None),
                Err(error) => (&mut [][..], Some(Err(*error))),
            };
            values.iter_mut().map(Ok).chain(error)
        })
    }

    /// The URI at a place; `None` behind the end.
    pub(super) fn uri(&mut self, place: usize) -> Option<Result<Str, Malformed>> {
        self.all().nth(place).map(|value| value.map(|value| value.uri.clone()))
    }

    /// Takes the value at a place away.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(Ok(value)) = self.all().nth(place) {
            value.removed = true;
        }
    }

    /// Takes the last value away and tells its URI.
    pub(super) fn remove_last(&mut self) -> Result<Str, Malformed> {
        let value = self.all().next_back().ok_or(Malformed)??;
        value.removed = true;
        Ok(value.uri.clone())
    }

    /// Queues what was taken away. Values are only taken from the start and the end of the list.
    pub(super) fn queue_edits(&self, cx: &mut RouteCx) {
        for line in &self.lines {
            let Ok(values) = &line.values else { continue };
            let edits = cx.message.edits_mut();
            let mut kept = values.iter().filter(|value| !value.removed);
            let Some(first) = kept.next() else {
                edits.delete(line.range.clone());
                continue;
            };
            let last = kept.next_back().unwrap_or(first);
            let is_removed = |value: Option<&Value>| value.is_some_and(|value| value.removed);
            if is_removed(values.first()) {
                edits.delete(line.body.start..first.range.start);
            }
            if is_removed(values.last()) {
                edits.delete(last.range.end..line.body.end);
            }
        }
    }
}
