//! What every input has to survive. The fuzz targets and the corpus tests share this.

use sip::{
    Addresses, ContentLength, Endpoint, Frame, Framer, FramingError, HeaderName, Limits, Message, PrintOptions,
    Protocol, ReplyBuilder, Scheme, Str, Uri, ViaAddition,
};

/// Parses a message, asks for everything and prints it in several ways.
pub(crate) fn message(data: &[u8]) {
    let _ = sip::sdp::Sdp::parse(Str::from(data)).map(|sdp| sdp_parts(&sdp));
    let Ok(mut message) = Message::parse(Str::from(data)) else { return };
    let getters = getters(&message);
    assert_eq!(message.print(&PrintOptions::default()), message.buffer().to_vec());
    assert_eq!(Message::parse(message.buffer().clone()).as_ref(), Ok(&message));
    for header in message.headers() {
        assert!(header.start < header.name_end && header.name_end < header.body_start);
        assert!(header.body_start <= header.body_end && header.body_end < header.end);
        let name = message.name_of(header);
        assert!(message.headers_with_name(&name).any(|found| found == header));
    }
    print_variants(&message);
    reply(&message);
    bodies(&message);
    edits(&mut message, getters);
}

fn getters(message: &Message) -> usize {
    let mut texts = vec![
        format!("{message:?} {:?} {:?}", message.start_line(), message.method_name()),
        format!("{:?} {:?} {:?}", message.via(), message.vias(), message.from()),
        format!("{:?} {:?} {:?}", message.to(), message.cseq(), message.call_id()),
        format!("{:?} {:?} {:?}", message.max_forwards(), message.expires(), message.min_expires()),
        format!("{:?} {:?} {:?}", message.content_length(), message.rseq(), message.content_type()),
        format!("{:?} {:?} {:?}", message.contacts(), message.routes(), message.record_routes()),
        format!("{:?} {:?}", message.paths(), message.service_routes()),
        format!("{:?} {:?}", message.authorization(), message.proxy_authorization()),
        format!("{:?} {:?}", message.www_authenticate(), message.proxy_authenticate()),
        format!("{:?} {:?}", message.p_asserted_identity(), message.p_preferred_identity()),
        format!("{:?} {:?} {:?}", message.diversion(), message.remote_party_id(), message.refer_to()),
        format!("{:?} {:?} {:?}", message.referred_by(), message.event(), message.rack()),
        format!("{:?} {:?} {:?}", message.retry_after(), message.require(), message.supported()),
        format!("{:?} {:?} {:?}", message.proxy_require(), message.unsupported(), message.allow()),
        format!("{:?} {:?} {:?}", message.user_agent(), message.server(), message.subject()),
        format!("{:?} {:?}", message.start_line_text(), message.declared_body()),
    ];
    if let Ok(Some(contacts)) = message.contacts() {
        for contact in &contacts.list {
            texts.push(format!("{contact} {:?} {:?} {:?}", contact.q(), contact.expires(), contact.instance()));
            texts.push(format!("{:?} {:?} {:?}", contact.reg_id(), contact.received(), contact.ob()));
        }
    }
    for address in [message.from(), message.to()].into_iter().flatten().flatten() {
        texts.push(format!("{} {:?} {:?}", address.display_name(), address.tag(), address.parsed_uri()));
    }
    for via in message.vias().unwrap_or_default() {
        texts.push(format!("{via} {:?} {:?} {:?}", via.branch(), via.rport(), via.received()));
        assert!(via.params.iter().all(|param| via.params.range_of(param.name).is_some()));
    }
    for credentials in message.authorization().unwrap_or_default() {
        let known = sip::digest::is_right(credentials, b"ha1", b"INVITE", b"");
        texts.push(format!("{credentials} {:?} {known}", credentials.nonce_count()));
    }
    texts.iter().map(String::len).sum()
}

fn print_variants(message: &Message) {
    let endpoint =
        Endpoint { protocol: Protocol::Tcp, address: Str::from("[::1]"), port: 5080, socket: 0, name: Str::EMPTY };
    let addresses = Addresses { received: Some(endpoint), sent: None };
    let vias = message.vias().map(<[_]>::len);
    let options = PrintOptions {
        request_uri: Some(b"sip:new@example.com"),
        add_via: Some(b"SIP/2.0/TCP me;branch=z9hG4bKme"),
        via_addition: ViaAddition { received: Some(b"::1"), rport: Some(9) },
        content_length: ContentLength::Required,
        addresses: Some(&addresses),
        ..Default::default()
    };
    let printed = message.print(&options);
    assert_eq!(printed.len(), printed.capacity());
    let printed = Message::parse(Str::from(printed)).expect("what is printed can be read");
    assert!(printed.has_header(HeaderName::ContentLength));
    if message.is_request() {
        assert!(printed.request_uri().is_some_and(|uri| *uri == "sip:new@example.com"));
    }
    if let Ok(count) = vias {
        assert_eq!(printed.vias().map(<[_]>::len), Ok(count + 1));
        let second = &printed.vias().expect("counted")[1..];
        assert!(second.first().is_none_or(|via| via.received().is_some_and(|text| text == "::1")));
    }
    let fewer = message.print(&PrintOptions { remove_first_via: true, ..Default::default() });
    let fewer = Message::parse(Str::from(fewer)).expect("what is printed can be read");
    if let Ok(count @ 1..) = vias {
        assert_eq!(fewer.vias().map(<[_]>::len), Ok(count - 1));
    }
}

fn reply(message: &Message) {
    let extra = [Str::from("X-Extra: 1\r\n")];
    let builder = ReplyBuilder {
        status: 200,
        reason: b"OK",
        to_tag: Some(b"totag"),
        extra_headers: &extra,
        via_addition: ViaAddition { received: Some(b"192.0.2.1"), rport: Some(9) },
        ..Default::default()
    };
    let reply = Message::parse(Str::from(builder.build(message))).expect("a reply can be read");
    assert_eq!(reply.status(), Some(200));
    if let Ok(vias) = message.vias() {
        assert_eq!(reply.vias().map(<[_]>::len), Ok(vias.len()));
    }
}

fn bodies(message: &Message) {
    let body = message.body();
    if let Some(sdp) = sip::sdp::Sdp::parse(body.clone()) {
        sdp_parts(&sdp);
    }
    let boundary = message.content_type().ok().flatten().and_then(sip::ContentType::boundary);
    for part in sip::multipart::split(&body, &boundary.unwrap_or(Str::from("b"))).unwrap_or_default() {
        assert!(part.text.is_empty() || body.offset_of(&part.text).is_some());
    }
}

fn sdp_parts(sdp: &sip::sdp::Sdp) {
    for media in sdp.media() {
        let _ = (sdp.media_connection(media), sdp.direction(sdp.media_lines(media)), media.format_list().count());
        let _ = sdp.attributes(sdp.media_lines(media)).count();
    }
    for line in sdp.lines() {
        let _ = (sdp.value(line), sdp.address_range(line));
    }
    let _ = sdp.origin();
}

/// Queues overlapping edits at places the message itself determines, and applies them.
fn edits(message: &mut Message, seed: usize) {
    let length = message.buffer().len();
    let at = |number: usize| (seed.wrapping_mul(number).wrapping_add(number)) % (length + 1);
    let edits = message.edits_mut();
    edits.delete(at(3)..at(5));
    let mark = edits.mark();
    edits.replace(at(7)..at(11), "new");
    edits.insert_before(at(13), "before");
    edits.insert_after(at(13), "after");
    edits.insert_first(at(17), "first");
    edits.delete(at(19)..length + 100);
    let printed = message.print(&PrintOptions::default());
    assert!(["new", "before", "after", "first"].into_iter().all(|text| contains(&printed, text.as_bytes())));
    let _ = message.apply_edits(&PrintOptions::default());
    message.edits_mut().truncate(mark);
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Parses a URI, asks for everything and makes new ones of it.
pub(crate) fn uri(data: &[u8]) {
    let Ok(uri) = Uri::parse(Str::from(data)) else { return };
    let _ = format!("{uri:?} {uri} {:?} {:?} {}", uri.params(), uri.headers(), uri.port_or_default());
    assert!(uri.equals(&uri));
    let _ = sip::escape::unescape(uri.user_bytes().unwrap_or_default());
    let again = |text: Str| Uri::parse(text.clone()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(again(uri.aor()).aor(), uri.aor());
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
        let _ = (uri.with_host(b"h"), uri.with_user(None), uri.with_param("a", None));
        return;
    }
    assert_eq!(again(uri.with_user(Some(b"u"))).user().as_deref(), Some(&b"u"[..]));
    assert_eq!(again(uri.with_user(None)).user(), None);
    assert_eq!(again(uri.with_host(b"h")).host(), "h");
    assert_eq!(again(uri.with_port(Some(7))).port(), Some(7));
    assert_eq!(again(uri.with_host_port(b"h", None)).port(), None);
    assert_eq!(again(uri.with_param("zz", Some(b"1"))).param("zz"), Some(Str::from("1")));
    assert_eq!(again(uri.with_param("zz", Some(b"1")).clone()).host(), uri.host());
    assert!(!again(uri.without_param("lr")).has_param("lr"));
    assert!(again(uri.without_params()).params().is_empty());
}

/// Frames the stream in one piece and in pieces whose sizes the first byte decides: the frames are the same.
pub(crate) fn framing(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let limits = Limits { header: 4096, body: 4096, headers: 64, accept_no_content_length: first & 1 == 1 };
    let whole = frames(limits, std::iter::once(stream));
    let step = usize::from(first >> 1) % 23 + 1;
    assert_eq!(frames(limits, stream.chunks(step)), whole, "in pieces of {step}");
    let mut state = u32::from(first);
    let mut rest = stream;
    let random = std::iter::from_fn(|| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
        let (piece, next) = rest.split_at_checked((state >> 16) as usize % 37 + 1).unwrap_or((rest, &[]));
        rest = next;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(frames(limits, random), whole, "in pieces of random size");
    for frame in whole.iter().flatten() {
        if let Frame::Message(text) = frame {
            let _ = Message::parse(text.clone());
        }
    }
}

fn frames<'a>(limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Frame, FramingError>> {
    let mut framer = Framer::new(limits);
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.next() {
            frames.push(frame);
        }
        assert!(framer.buffered() <= limits.header + limits.body);
    }
    frames
}
