//! Tests over whole configurations: what scenarios cannot say, and AKA with a card.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sip::digest::{Algorithm, Protection, ha1, ha2, response};
use testkit::Bench;

use super::milenage::{Block, Milenage, from_hex, tests::SETS};

fn try_bench(params: &str, route: &str) -> Result<Bench, String> {
    let modules =
        "loadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textops\"\nloadmodule \"auth\"";
    Bench::new(&format!("{modules}\n{params}\nrequest_route {{ {route} }}"), crate::MODULES)
}

fn bench(params: &str, route: &str) -> Bench {
    try_bench(params, route).unwrap()
}

fn register(lines: &str) -> String {
    format!(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
         From: <sip:alice@example.com>;tag=t\nTo: <sip:alice@example.com>\nCall-ID: c\nCSeq: 1 REGISTER\n{lines}\
         Content-Length: 0\n\n"
    )
}

/// The status line.
fn run(bench: &Bench, lines: &str) -> String {
    let sent = bench.receive(&register(lines));
    sent.messages[0].lines().next().unwrap().trim_start_matches("SIP/2.0 ").to_owned()
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value).unwrap()
}

/// The nonce of a new challenge.
fn challenged(bench: &Bench) -> String {
    let sent = bench.receive(&register("X: challenge\n"));
    assert!(sent.messages[0].starts_with("SIP/2.0 401 Unauthorized\n"), "{}", sent.messages[0]);
    field(&sent.messages[0], "nonce").to_owned()
}

/// An Authorization line of alice at a.org.
fn answer(nonce: &str, password: &[u8], count: u32, more: &str) -> String {
    let nc = format!("{count:08x}");
    let protection = Protection { qop: b"auth", nc: nc.as_bytes(), cnonce: b"c" };
    let hash = ha1(Algorithm::Md5, b"alice", b"a.org", password);
    let response = response(
        Algorithm::Md5,
        &hash,
        nonce.as_bytes(),
        Some(protection),
        &ha2(Algorithm::Md5, b"REGISTER", b"sip:a.org", None),
    );
    format!(
        "Authorization: Digest username=\"alice\", realm=\"a.org\", nonce=\"{nonce}\", uri=\"sip:a.org\", qop=auth, nc={nc}, \
         cnonce=\"c\", response=\"{response}\"{more}\n"
    )
}

const CHECK: &str = "if ($hdr(X) == \"challenge\") { www_challenge(\"a.org\", \"1\"); exit; }\n\
    pv_www_authenticate(\"a.org\", \"open sesame\", \"$hdr(Flags)\"); sl_send_reply(\"200\", \"$rc\");";

#[test]
fn servers_with_one_secret_take_each_others_nonces() {
    let secret = "modparam(\"auth\", \"secret\", \"our cluster's secret\")\n";
    let (first, second, other) = (bench(secret, CHECK), bench(secret, CHECK), bench("", CHECK));
    let nonce = challenged(&first);
    let line = format!("Flags: 0\n{}", answer(&nonce, b"open sesame", 1, ""));
    assert_eq!(run(&first, &line), "200 1");
    assert_eq!(run(&second, &line), "200 1");
    assert_eq!(run(&other, &line), "200 -1");
    // Every bit of it counts.
    let mut bytes = STANDARD.decode(&nonce).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        let line = format!("Flags: 0\n{}", answer(&STANDARD.encode(&bytes), b"open sesame", 1, ""));
        assert_eq!(run(&first, &line), "200 -1", "byte {at}");
        bytes[at] ^= 1;
    }
}

#[test]
fn a_nonce_from_the_future_is_stale() {
    let params =
        "modparam(\"auth\", \"secret\", \"our cluster's secret\")\nmodparam(\"auth\", \"nonce_auth_max_drift\", 2)\n";
    let (ahead, server) = (bench(params, CHECK), bench(params, CHECK));
    ahead.advance(Duration::from_secs(2));
    let line = |nonce: &str| format!("Flags: 0\n{}", answer(nonce, b"open sesame", 1, ""));
    assert_eq!(run(&server, &line(&challenged(&ahead))), "200 1");
    ahead.advance(Duration::from_secs(1));
    assert_eq!(run(&server, &line(&challenged(&ahead))), "200 -4");
}

#[test]
fn a_wrong_response_may_keep_its_count() {
    let bench = bench("modparam(\"auth\", \"nonce_count\", 1)\n", CHECK);
    for (flags, code) in [("0", "200 -4"), ("32", "200 1")] {
        let nonce = challenged(&bench);
        assert_eq!(run(&bench, &format!("Flags: {flags}\n{}", answer(&nonce, b"wrong", 1, ""))), "200 -2");
        assert_eq!(run(&bench, &format!("Flags: {flags}\n{}", answer(&nonce, b"open sesame", 1, ""))), code);
    }
}

#[test]
fn the_challenge_in_the_avp_says_what_the_flags_say() {
    let route = "pv_www_authenticate(\"a.org\", \"x\", \"$hdr(Flags)\"); xlog(\"$rc $avp(own)\"); sl_send_reply(\"200\", \"OK\");";
    let bench = bench("modparam(\"auth\", \"challenge_attr\", \"$avp(own)\")\n", route);
    for (flags, end) in
        [("1", "-5 <null>"), ("2", "\""), ("4", ", qop=\"auth\""), ("28", ", qop=\"auth-int\", stale=true")]
    {
        let log = bench.receive(&register(&format!("Flags: {flags}\n"))).log.concat();
        assert!(log.trim_end().ends_with(end), "{flags}: {log}");
    }
}

#[test]
fn passwords_are_not_logged() {
    let params = "debug=4\nmodparam(\"auth\", \"secret\", \"our cluster's secret\")\n";
    let route = CHECK.replace("\"$hdr(Flags)\"", "\"1\"");
    let hash = ha1(Algorithm::Md5, b"alice", b"a.org", b"open sesame");
    for secret in ["open sesame", hash.as_text()] {
        let bench = bench(params, &route.replace("open sesame", secret));
        let nonce = challenged(&bench);
        for line in
            [answer(&nonce, b"open sesame", 1, ""), answer(&nonce, b"wrong", 1, ""), "Authorization: Digest x\n".into()]
        {
            let log = bench.receive(&register(&line)).log.concat();
            for hidden in ["open sesame", "cluster's secret", hash.as_text()] {
                assert!(!log.contains(hidden), "{log}");
            }
        }
    }
}

#[test]
fn mistakes_are_found_at_load() {
    for (params, text) in [
        ("modparam(\"auth\", \"qop\", \"x\")", "`qop` must be"),
        ("modparam(\"auth\", \"algorithm\", \"SHA-1\")", "`SHA-1` is no algorithm"),
        ("modparam(\"auth\", \"auth_checks_no_dlg\", 16)", "must be from 0 to 15"),
        ("modparam(\"auth\", \"nc_array_size\", 0)", "must be from 1"),
        ("modparam(\"auth\", \"www_challenge_header\", \"a b\")", "name of a header"),
        ("modparam(\"auth\", \"challenge_attr\", \"x\")", "must name an AVP"),
    ] {
        let error = try_bench(params, "exit;").err().unwrap();
        assert!(error.contains(text), "{error}");
    }
    let error = try_bench("", "www_challenge(\"a.org\", \"1\", \"SHA-1\");").err().unwrap();
    assert!(error.contains("no algorithm that is supported"), "{error}");
    for key in ["465b5ce8b199b49faa5f0a2ee238a6b", "465b5ce8b199b49faa5f0a2ee238a6bg"] {
        let route = format!("aka_check(\"a.org\", \"alice\", \"{key}\", \"cd63cb71954a9f4e48a5994e37a02baf\");");
        let error = try_bench("", &route).err().unwrap();
        assert!(error.contains("32 hexadecimal digits") && !error.contains(key), "{error}");
    }
}

/// A card: takes sequence numbers as TS 33.102 annex C.2.1 says, and no nonce that the network did not make.
struct Card {
    milenage: Milenage,
    seen: [u64; 32],
}

enum Said {
    Res([u8; 8]),
    Auts(String),
}

impl Card {
    fn new() -> Self {
        let [k, _, _, _, _, opc, ..] = SETS[0];
        let key = |text: &str| from_hex::<16>(text.as_bytes()).unwrap();
        Self { milenage: Milenage::new(&key(k), &key(opc)), seen: [0; 32] }
    }

    fn take(&mut self, nonce: &str) -> Said {
        let bytes: [u8; 32] = STANDARD.decode(nonce).unwrap().try_into().unwrap();
        let rand: Block = bytes[..16].try_into().unwrap();
        let vector = self.milenage.vector(&rand);
        let sqn: [u8; 6] = std::array::from_fn(|at| bytes[16 + at] ^ vector.ak[at]);
        let (mac, _) = self.milenage.macs(&rand, &sqn, [bytes[22], bytes[23]]);
        assert_eq!(mac, bytes[24..], "the network is not who it says");
        let number = sqn.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let seen = &mut self.seen[(number % 32) as usize];
        if number >> 5 > *seen {
            *seen = number >> 5;
            return Said::Res(vector.res);
        }
        let (at, most) = self.seen.iter().enumerate().max_by_key(|(_, seen)| **seen).unwrap();
        let own: [u8; 6] = (most << 5 | at as u64).to_be_bytes()[2..].try_into().unwrap();
        let key = self.milenage.resynchronisation_key(&rand);
        let hidden: [u8; 6] = std::array::from_fn(|at| own[at] ^ key[at]);
        let (_, mac) = self.milenage.macs(&rand, &own, [0, 0]);
        Said::Auts(STANDARD.encode([&hidden[..], &mac[..]].concat()))
    }

    fn res(&mut self, nonce: &str) -> [u8; 8] {
        match self.take(nonce) {
            Said::Res(res) => res,
            Said::Auts(_) => panic!("the sequence number is too old"),
        }
    }
}

const AKA: &str = ", algorithm=AKAv1-MD5";

fn aka_bench(params: &str) -> Bench {
    let [k, _, _, _, _, opc, ..] = SETS[0];
    let route = format!(
        "if ($hdr(X) == \"challenge\") {{ aka_challenge(\"a.org\", \"alice\", \"{k}\", \"{opc}\", \"8000\"); exit; }}\n\
         aka_check(\"a.org\", \"alice\", \"{k}\", \"{opc}\"); sl_send_reply(\"200\", \"$rc\");"
    );
    bench(&format!("modparam(\"auth\", \"qop\", \"auth,auth-int\")\n{params}"), &route)
}

#[test]
fn aka_with_a_card() {
    let bench = aka_bench("");
    let mut card = Card::new();
    let reply = bench.receive(&register("X: challenge\n")).messages.concat();
    assert!(reply.contains(", qop=\"auth,auth-int\", algorithm=AKAv1-MD5\n"), "{reply}");
    assert_eq!(run(&bench, ""), "200 -5");
    for _ in 0..70 {
        let nonce = challenged(&bench);
        let res = card.res(&nonce);
        assert_eq!(run(&bench, &answer(&nonce, &res, 1, AKA)), "200 1");
        assert_eq!(run(&bench, &answer(&nonce, &res, 1, AKA)), "200 -4", "the same once more");
        assert_eq!(run(&bench, &answer(&nonce, &res, 2, AKA)), "200 1");
    }
    let nonce = challenged(&bench);
    let res = card.res(&nonce);
    assert_eq!(run(&bench, &answer(&nonce, b"guessed!", 1, AKA)), "200 -2");
    assert_eq!(run(&bench, &answer(&nonce, &res, 2, "")), "200 -1", "without its algorithm");
    assert_eq!(run(&bench, &answer(&nonce, &res, 2, AKA).replace("alice", "bob")), "200 -8");
    assert_eq!(run(&bench, &answer(&STANDARD.encode([7; 32]), &res, 2, AKA)), "200 -4", "not our challenge");
    assert_eq!(run(&bench, &answer("", &res, 2, AKA)), "200 -4", "the first REGISTER of a phone");
    bench.advance(Duration::from_secs(301));
    assert_eq!(run(&bench, &answer(&nonce, &res, 2, AKA)), "200 -4", "too old");
}

#[test]
fn a_card_that_is_ahead_or_behind_gets_its_numbers() {
    let bench = aka_bench("");
    let mut card = Card::new();
    card.seen[9] = (1 << 40) + 5;
    card.seen.fill(1 << 40);
    let nonce = challenged(&bench);
    let Said::Auts(auts) = card.take(&nonce) else { panic!("the number was taken") };
    let line = answer(&nonce, b"", 1, &format!("{AKA}, auts=\"{auts}\""));
    let first = if auts.starts_with('A') { "B" } else { "A" };
    let forged = format!("{first}{}", &auts[1..]);
    assert_eq!(run(&bench, &answer(&nonce, b"", 1, &format!("{AKA}, auts=\"{forged}\""))), "200 -2");
    assert_eq!(run(&bench, &answer(&nonce, b"", 2, &format!("{AKA}, auts=\"x\""))), "200 -1");
    assert_eq!(run(&bench, &line.replace("nc=00000001", "nc=00000003")), "200 -9");
    assert_eq!(run(&bench, &line.replace("nc=00000001", "nc=00000004")), "200 -4", "once only");
    for _ in 0..40 {
        let nonce = challenged(&bench);
        let res = card.res(&nonce);
        assert_eq!(run(&bench, &answer(&nonce, &res, 1, AKA)), "200 1");
        bench.advance(Duration::from_millis(50));
    }
}
