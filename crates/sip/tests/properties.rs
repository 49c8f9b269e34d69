//! Properties that hold for messages and URIs of any shape.

// Helper functions are part of the tests.
#![allow(clippy::unwrap_used)]

mod exercise;

use proptest::prelude::*;
use sip::{ContentLength, Message, PrintOptions, Str, Uri};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Via".to_owned()),
        Just("f".to_owned()),
        Just("To".to_owned()),
        Just("CONTACT".to_owned()),
        Just("Content-Length".to_owned()),
        "[A-Za-z0-9.!%*_+`'~-]{1,12}",
    ]
}

/// A header line: blanks around the colon, folds inside of the value.
fn header() -> impl Strategy<Value = String> {
    let blank = prop_oneof![Just(""), Just(" "), Just("\t "), Just("  ")];
    let value = prop_oneof![
        "[ -~]{0,40}",
        Just("SIP/2.0/UDP a:5060;branch=z9hG4bKx;rport, SIP/2.0/TCP b".to_owned()),
        Just("\"A\" <sip:a@b;lr>;tag=1, <sip:c@d>".to_owned()),
        "[ -~]{0,20}\r\n [ -~]{0,20}",
        "[0-9]{0,12}",
    ];
    (name(), blank.clone(), blank, value)
        .prop_map(|(name, before, after, value)| format!("{name}{before}:{after}{value}"))
}

prop_compose! {
    fn message()(
        method in "[A-Z]{1,10}",
        headers in prop::collection::vec(header(), 0..12),
        body in prop::collection::vec(any::<u8>(), 0..60),
        bare in any::<bool>(),
        reply in any::<bool>(),
    ) -> Vec<u8> {
        let end = if bare { "\n" } else { "\r\n" };
        let mut text = if reply { format!("SIP/2.0 180 Ringing{end}") } else { format!("{method} sip:u@h SIP/2.0{end}") };
        for header in &headers {
            text.push_str(header);
            text.push_str(end);
        }
        text.push_str(end);
        let mut bytes = text.into_bytes();
        bytes.extend(body);
        bytes
    }
}

proptest! {
    /// What is printed without edits is what was received, and reads as the same message.
    #[test]
    fn print_is_the_identity(bytes in message()) {
        let message = Message::parse(Str::from(bytes.clone())).unwrap();
        let printed = message.print(&PrintOptions::default());
        prop_assert_eq!(&printed, &bytes);
        let again = Message::parse(Str::from(printed)).unwrap();
        prop_assert_eq!(again.headers(), message.headers());
        prop_assert_eq!(&again, &message);
    }

    /// An appended header and a new body are there once the edits are applied, and nothing else changed.
    #[test]
    fn edits_show_after_they_are_applied(bytes in message(), body in "[a-z]{0,30}", value in "[!-~]{1,20}") {
        let mut message = Message::parse(Str::from(bytes)).unwrap();
        let before: Vec<Str> = message.headers().iter().map(|header| message.name_of(header)).collect();
        let (end, start, length) = (message.headers_end(), message.body_start(), message.buffer().len());
        message.edits_mut().insert_before(end, format!("X-New: {value}\r\n"));
        message.edits_mut().replace(start..length, body.clone());
        prop_assert!(message.headers_with_name(b"X-New").next().is_none() || before.iter().any(|name| name.eq_ignore_case("X-New")));
        let had_length = message.has_header(sip::HeaderName::ContentLength);
        message.apply_edits(&PrintOptions { content_length: ContentLength::Required, ..Default::default() }).unwrap();
        prop_assert_eq!(message.body(), body.as_str());
        let last = message.headers_with_name(b"X-New").next_back().map(|header| message.body_of(header));
        prop_assert_eq!(last.unwrap(), value.as_str());
        prop_assert_eq!(message.headers().len(), before.len() + if had_length { 1 } else { 2 });
        if !had_length || body.len() != length - start {
            prop_assert_eq!(message.content_length(), Ok(Some(body.len() as u32)));
        }
    }

    /// Deleting a header's line takes that header and no other.
    #[test]
    fn a_deleted_header_is_gone(bytes in message(), which in any::<prop::sample::Index>()) {
        let mut message = Message::parse(Str::from(bytes)).unwrap();
        prop_assume!(!message.headers().is_empty());
        let mut lines: Vec<Str> = message.headers().iter().map(|header| message.raw_of(header)).collect();
        let index = which.index(lines.len());
        lines.remove(index);
        let range = message.headers()[index].range();
        message.edits_mut().delete(range);
        message.apply_edits(&PrintOptions::default()).unwrap();
        let after: Vec<Str> = message.headers().iter().map(|header| message.raw_of(header)).collect();
        prop_assert_eq!(after, lines);
    }

    /// Messages of sensible shape survive everything the fuzz target does.
    #[test]
    fn messages_survive(bytes in message()) {
        exercise::message(&bytes);
    }

    /// So do random bytes.
    #[test]
    fn bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise::message(&bytes);
        exercise::uri(&bytes);
        exercise::framing(&bytes);
    }

    /// A stream of messages is framed the same in pieces of any size.
    #[test]
    fn streams_survive(first in any::<u8>(), messages in prop::collection::vec(message(), 0..4), pings in "(\r\n){0,3}") {
        let mut stream = vec![first];
        for message in messages {
            stream.extend(message);
            stream.extend(pings.as_bytes());
        }
        exercise::framing(&stream);
    }

    /// The parts a URI was made of come out again.
    #[test]
    fn uri_parts(
        user in proptest::option::of("[a-zA-Z0-9_.!~*'()&=+$,;?/%-]{1,12}"),
        host in "[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,8}){0,3}",
        port in proptest::option::of(any::<u16>()),
        params in prop::collection::vec(("[a-z]{1,6}", proptest::option::of("[a-z0-9.-]{1,8}")), 0..4),
    ) {
        let mut text = "sip:".to_owned();
        if let Some(user) = &user {
            text += &format!("{user}@");
        }
        text += &host;
        if let Some(port) = port {
            text += &format!(":{port}");
        }
        for (name, value) in &params {
            text += &match value {
                Some(value) => format!(";{name}={value}"),
                None => format!(";{name}"),
            };
        }
        let uri = Uri::parse(Str::from(text.as_str())).unwrap();
        prop_assert_eq!(uri.user().map(|user| user.to_string()), user);
        prop_assert_eq!(uri.host(), host.as_str());
        prop_assert_eq!(uri.port(), port);
        prop_assert_eq!(uri.params().len(), params.len());
        exercise::uri(text.as_bytes());
    }

    /// Percent escapes go both ways.
    #[test]
    fn escapes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(sip::escape::unescape(&sip::escape::escape_user(&bytes)).unwrap().into_owned(), bytes.clone());
        prop_assert_eq!(sip::escape::unescape(&sip::escape::escape_param(&bytes)).unwrap().into_owned(), bytes);
    }
}
