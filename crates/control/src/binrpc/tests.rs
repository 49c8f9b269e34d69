//! The codec: bytes seen on the wire, malformed ones, and every value there and back.

use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn decode(packet: &[u8], limits: Limits) -> Result<(Head, Vec<RpcValue>), DecodeError> {
    let head = decode_head(packet, limits)?.ok_or(DecodeError::Truncated)?;
    assert_eq!(packet.len(), head.head_length + head.body_length);
    Ok((head, decode_body(&packet[head.head_length..], limits)?))
}

#[test]
fn what_kamcmd_sent() {
    let request = bytes("a10310 1bfeb8d6 91086366672e67657400 51636f726500");
    assert_eq!(encode_request(Cookie::new(0x1bfe_b8d6), "cfg.get", &["core".into()]), request);
    let arguments = bytes(
        "41616263001005312d3700313132002205dc404876e7ff110040ffffffff408000000022791840fffffffb1005100a2203e82201f4
         82fffffffffffffa244205f5e10031356100004122712200416120620041733a7800",
    );
    let values = decode_body(&arguments, Limits::REQUEST).unwrap();
    let text = |text: &str| RpcValue::from(text);
    assert_eq!(
        values,
        [
            text("abc"),
            RpcValue::Int(5),
            text("-7"),
            text("12"),
            RpcValue::Double(1.5),
            RpcValue::Int(0x4876_e7ff),
            text(""),
            RpcValue::Int(-1),
            RpcValue::Int(i64::from(i32::MIN)),
            RpcValue::Double(31.0),
            RpcValue::Int(-5),
            RpcValue::Int(5),
            RpcValue::Int(10),
            RpcValue::Double(1.0),
            RpcValue::Double(0.5),
            RpcValue::Double(-1.5),
            RpcValue::Double(100_000.0),
            text("5a"),
            RpcValue::Int(0),
            text("\"q\""),
            text("a b"),
            text("s:x"),
        ]
    );
}

#[test]
fn what_kamailio_answered() {
    let answer = bytes(
        "a1135004ae90ac0365746f74616c0040040000005566726565004003d65c985575736564003025f548950a7265616c5f75736564
         003029a36895096d61785f75736564003029a368950a667261676d656e747300100183",
    );
    let number = |name: &str, number: i64| (name.to_owned(), RpcValue::Int(number));
    let members = vec![
        number("total", 67_108_864),
        number("free", 64_380_056),
        number("used", 2_487_624),
        number("real_used", 2_728_808),
        number("max_used", 2_728_808),
        number("fragments", 1),
    ];
    let values = vec![RpcValue::Struct(members)];
    let (head, decoded) = decode(&answer, Limits::REPLY).unwrap();
    assert_eq!((head.kind, head.cookie), (PacketKind::Reply, Cookie::new(0x04ae_90ac)));
    assert_eq!(decoded, values);
    assert_eq!(encode_answer(head.cookie, &Ok(values)), answer);
    let fault = bytes("a1331e1aa8305b2001f49119636f6d6d616e64206e6f73756368206e6f7420666f756e6400");
    let expected = RpcFault::new(500, "command nosuch not found");
    assert_eq!(encode_answer(Cookie::new(0x1aa8_305b), &Err(expected)), fault);
    assert_eq!(encode_answer(Cookie::new(0x3959_bef6), &Ok(vec![])), bytes("a113003959bef6"));
}

#[test]
fn named_items_of_a_list_are_a_struct_with_a_repeated_name() {
    let socket = |number: i64| RpcValue::structure([("socket", RpcValue::structure([("n", number.into())]))]);
    let list = RpcValue::Array(vec![socket(1), socket(2)]);
    let encoded = encode_answer(Cookie::new(1), &Ok(vec![list]));
    let (_, decoded) = decode(&encoded, Limits::REPLY).unwrap();
    let inner = |number: i64| ("socket".to_owned(), RpcValue::structure([("n", number.into())]));
    assert_eq!(decoded, [RpcValue::Struct(vec![inner(1), inner(2)])]);
}

#[test]
fn numbers_that_do_not_fit_are_sent_as_digits() {
    let values = vec![
        RpcValue::Int(1 << 40),
        RpcValue::Int(i64::MIN),
        RpcValue::Double(1e14),
        RpcValue::Double(-0.25),
        RpcValue::Double(f64::NAN),
        RpcValue::Null,
    ];
    let (_, decoded) = decode(&encode_answer(Cookie::default(), &Ok(values)), Limits::REPLY).unwrap();
    let expected =
        ["1099511627776", "-9223372036854775808", "100000000000000.000000", "-0.250000", "NaN", "<null string>"];
    assert_eq!(decoded, expected.map(RpcValue::from));
}

#[test]
fn malformed_packets_are_refused() {
    let limits = Limits { body: 100, values: 5 };
    for (packet, error) in [
        ("b1", DecodeError::BadHead),
        ("a2", DecodeError::BadHead),
        ("a12300", DecodeError::BadHead),
        ("a1006501", DecodeError::TooLong),
        ("a10cffffffff01", DecodeError::TooLong),
    ] {
        assert_eq!(decode_head(&bytes(packet), limits), Err(error), "{packet}");
    }
    for packet in ["", "a1", "a10f000000", "a103000102"] {
        assert_eq!(decode_head(&bytes(packet), limits), Ok(None), "{packet}");
    }
    for (body, error) in [
        ("10", DecodeError::Truncated),
        ("9105 6100", DecodeError::Truncated),
        ("03 1001", DecodeError::Truncated),
        ("83", DecodeError::BadRecord),
        ("03 84", DecodeError::BadRecord),
        ("03 256100 83", DecodeError::BadRecord),
        ("256100 00", DecodeError::BadRecord),
        ("07", DecodeError::BadRecord),
        ("13 00", DecodeError::BadRecord),
        ("f1 00000000000001", DecodeError::BadRecord),
        ("90 09 000000000000000000", DecodeError::BadRecord),
        ("00 00 00 00 00 00", DecodeError::TooMany),
        ("c1 ffffffff", DecodeError::Truncated),
    ] {
        assert_eq!(decode_body(&bytes(body), limits), Err(error), "{body}");
    }
    let deep = [vec![KIND_STRUCT; MAX_DEPTH + 1], vec![0x83; MAX_DEPTH + 1]].concat();
    assert_eq!(decode_body(&deep, Limits::REQUEST), Err(DecodeError::TooDeep));
    assert!(decode_body(&deep[1..deep.len() - 1], Limits::REQUEST).is_ok());
}

#[test]
fn deep_values_are_cut() {
    let mut deep = RpcValue::Int(1);
    for _ in 0..40 {
        deep = RpcValue::structure([("a", deep)]);
    }
    assert!(decode(&encode_answer(Cookie::default(), &Ok(vec![deep])), Limits::REPLY).is_ok());
}

/// Values that come back as they were sent.
fn any_value() -> impl Strategy<Value = RpcValue> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|number| RpcValue::Int(i64::from(number))),
        (0..u32::MAX).prop_map(|number| RpcValue::Double(f64::from(number) / 1000.0)),
        // A NUL at the end would be taken for the one that ends each text.
        prop::collection::vec(1..=255_u8, 0..300).prop_map(RpcValue::Text),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(("[a-z]{0,12}", inner.clone()), 0..5).prop_map(RpcValue::Struct),
            prop::collection::vec(inner, 1..5)
                .prop_filter("such items become members", |items| {
                    !items.iter().any(|item| matches!(item, RpcValue::Struct(members) if members.len() == 1))
                })
                .prop_map(RpcValue::Array),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back(values in prop::collection::vec(any_value(), 0..6), cookie: u32) {
        let encoded = encode_answer(Cookie::new(cookie), &Ok(values.clone()));
        let (head, decoded) = decode(&encoded, Limits::REPLY).unwrap();
        prop_assert_eq!(head.cookie, Cookie::new(cookie));
        prop_assert_eq!(decoded, values);
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_head(&body, Limits::REQUEST);
        let _ = decode_body(&body, Limits::REQUEST);
    }

    #[test]
    fn no_cut_packet_panics(values in prop::collection::vec(any_value(), 0..4), cut: prop::sample::Index) {
        let encoded = encode_answer(Cookie::new(7), &Ok(values));
        let cut = &encoded[..cut.index(encoded.len())];
        if let Ok(Some(head)) = decode_head(cut, Limits::REPLY) {
            let _ = decode_body(&cut[head.head_length..], Limits::REPLY);
        }
    }
}
