//! Tests of the table, the timer, the commands and the keep-alive.

use std::sync::Arc;
use std::time::Duration;

use engine::{RpcValue, Str};
use testkit::Bench;

use super::{Contact, EventKind, Usrloc};

/// When the clock of a bench starts.
const START: i64 = 1_767_225_600;

fn bench(params: &str) -> (Bench, Arc<Usrloc>) {
    let config = format!(
        "loadmodule \"usrloc\"\n{params}\nmodparam(\"usrloc\", \"preload\", \"location\")\nrequest_route {{ exit; }}"
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    let usrloc = bench.loaded().modules.get::<Usrloc>().unwrap();
    (bench, usrloc)
}

fn contact(me: &Usrloc, uri: &str, q: Option<u16>, seconds: u32) -> Contact {
    Contact {
        uri: uri.into(),
        call_id: "id".into(),
        ruid: me.unique_id("uloc"),
        q,
        expires: if seconds == 0 { 0 } else { START as u32 + seconds },
        ..Contact::default()
    }
}

/// What is found some seconds after the start (the clock of the test stands still outside of the bench).
fn uris_at(me: &Usrloc, aor: &str, seconds: i64) -> Vec<String> {
    let table = me.find_table(b"location").unwrap();
    table.contacts_of(aor.as_bytes(), START + seconds).iter().map(|contact| contact.uri.to_string()).collect()
}

fn uris(me: &Usrloc, aor: &str) -> Vec<String> {
    uris_at(me, aor, 0)
}

#[test]
fn order_update_and_removal() {
    let (_bench, me) = bench("");
    let table = me.table("location");
    table.edit(b"bob", |editor| {
        for (uri, q) in [("sip:1", None), ("sip:2", Some(500)), ("sip:3", Some(900)), ("sip:4", Some(500))] {
            editor.insert(contact(&me, uri, q, 60));
        }
    });
    assert_eq!(uris(&me, "bob"), ["sip:3", "sip:2", "sip:4", "sip:1"]);
    table.edit(b"bob", |editor| {
        let new = contact(&me, "sip:1", Some(1000), 60);
        let at = editor.find(&new).unwrap();
        editor.update(at, new);
        editor.remove(editor.find_uri(b"sip:2").unwrap());
    });
    assert_eq!(uris(&me, "bob"), ["sip:1", "sip:3", "sip:4"]);
    assert_eq!((table.users(), table.contacts()), (1, 3));
    table.edit(b"bob", |editor| editor.clear());
    assert_eq!((table.users(), table.contacts(), uris(&me, "bob").len()), (0, 0, 0));
}

#[test]
fn contacts_expire() {
    let (bench, me) = bench("modparam(\"usrloc\", \"timer_interval\", 10)");
    let table = me.table("location");
    let events = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let seen = events.clone();
    me.on(EventKind::Expire, Arc::new(move |event| seen.lock().push(format!("{} {}", event.aor, event.contact.uri))));
    table.edit(b"bob", |editor| {
        editor.insert(contact(&me, "sip:1", None, 5));
        editor.insert(contact(&me, "sip:2", None, 100));
        editor.insert(contact(&me, "sip:3", None, 0));
    });
    bench.advance(Duration::from_secs(6));
    // Not removed yet, but not found any more either.
    assert_eq!((uris_at(&me, "bob", 6), table.contacts()), (vec!["sip:2".to_owned(), "sip:3".to_owned()], 3));
    bench.advance(Duration::from_secs(6));
    assert_eq!((table.contacts(), table.expired.get(), events.lock().clone()), (2, 1, vec!["bob sip:1".to_owned()]));
    bench.advance(Duration::from_secs(100));
    assert_eq!((table.users(), uris_at(&me, "bob", 112)), (1, vec!["sip:3".to_owned()]));
}

#[test]
fn ended_contacts_may_be_kept_for_a_while() {
    let (bench, me) =
        bench("modparam(\"usrloc\", \"timer_interval\", 1)\nmodparam(\"usrloc\", \"rm_expired_delay\", 20)");
    let table = me.table("location");
    table.edit(b"bob", |editor| editor.insert(contact(&me, "sip:1", None, 5)));
    bench.advance(Duration::from_secs(20));
    assert_eq!((uris_at(&me, "bob", 20), table.contacts()), (Vec::new(), 1));
    bench.advance(Duration::from_secs(8));
    assert_eq!(table.contacts(), 0);
}

#[test]
fn commands() {
    let (bench, me) = bench("");
    let args = |list: &[&str]| list.iter().map(|text| RpcValue::from(*text)).collect::<Vec<_>>();
    let call = |name: &str, list: &[&str]| bench.rpc(name, &args(list)).map_err(|fault| fault.to_string());
    assert_eq!(call("ul.lookup", &["location", "x"]), Err("500 AOR not found in location table".into()));
    assert_eq!(call("ul.lookup", &["loc", "x"]), Err("500 Domain table not found".into()));
    assert_eq!(call("ul.lookup", &["x"]), Err("500 Not enough parameters (table and AOR to lookup)".into()));
    assert_eq!(call("ul.rm_contact", &["location", "x", "y"]), Err("404 AOR not found".into()));
    assert_eq!(call("ul.add", &["location", "c", "sip:c"]), Err("500 Not enough parameters or wrong format".into()));
    let add =
        ["location", "Carl@x", "sip:c@9.9.9.9", "100", "0.5", ".", "1", "2", "31", "sip:1.1.1.1", "udp:127.0.0.1:5060"];
    let mut values = args(&add);
    values[4] = RpcValue::Double(0.5);
    assert_eq!(bench.rpc("ul.add", &values), Ok(vec![]));
    let found = call("ul.lookup", &["location", "CARL"]).unwrap();
    let RpcValue::Struct(members) = &found[0] else { panic!("{found:?}") };
    let RpcValue::Array(contacts) = &members[1].1 else { panic!("{found:?}") };
    let RpcValue::Struct(outer) = &contacts[0] else { panic!("{found:?}") };
    let RpcValue::Struct(fields) = &outer[0].1 else { panic!("{found:?}") };
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "Address Expires Q Call-ID CSeq User-Agent Received Path State Flags CFlags Socket Methods Ruid Instance Reg-Id Server-Id Tcpconn-Id Keepalive Last-Keepalive KA-Roundtrip Last-Modified"
    );
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).unwrap().1.to_text().unwrap();
    assert_eq!(
        (field("Expires"), field("Q"), field("Socket")),
        ("100".into(), "0.5".into(), "udp:127.0.0.1:5060".into())
    );
    assert!(field("Ruid").starts_with("ulcx-") && field("Path") == "[not set]" && field("Methods") == "31");
    assert_eq!(call("ul.rm_contact", &["location", "carl", "sip:x"]), Err("404 Contact not found".into()));
    assert_eq!(call("ul.rm_contact", &["location", "carl", "sip:c@9.9.9.9"]), Ok(vec![]));
    assert_eq!((me.table("location").users(), call("ul.rm", &["location", "carl"])), (0, Ok(vec![])));
    assert!(call("ul.flush", &[]).is_err());
    assert_eq!(call("ul.dump", &["brief"]).unwrap().len(), 1);
}

#[test]
fn wrong_parameters() {
    let error = |text: &str| {
        Bench::new(
            &format!("loadmodule \"usrloc\"\nmodparam(\"usrloc\", {text})\nrequest_route {{ exit; }}"),
            crate::MODULES,
        )
        .err()
        .unwrap()
    };
    assert!(error("\"db_mode\", 5").contains("from 0 to 4"));
    assert!(error("\"db_mode\", 1").contains("db_mysql"), "the default is a MySQL database");
    assert!(error("\"expires_type\", 2").contains("0 or 1"));
    assert!(error("\"matching_mode\", 4").contains("from 0 to 3"));
    assert!(error("\"nat_bflag\", 32").contains("0 to 31"));
    assert!(error("\"ka_reply_codes\", \"2,x\"").contains("codes"));
    let _ = bench("modparam(\"usrloc\", \"db_url\", \"sqlite:///x\")\nmodparam(\"usrloc\", \"db_mode\", 0)");
}

#[test]
fn pings_and_their_replies() {
    let (bench, me) = bench(
        "modparam(\"usrloc\", \"timer_interval\", 5)\nmodparam(\"usrloc\", \"ka_mode\", 1)\nmodparam(\"usrloc\", \"ka_timeout\", 100)\n\
         modparam(\"usrloc\", \"ka_randomize\", 0)\nmodparam(\"usrloc\", \"ka_loglevel\", -1)\nmodparam(\"usrloc\", \"ka_logmsg\", \" done\")",
    );
    let table = me.table("location");
    let now = START as u32;
    let fresh = |uri| Contact { last_keepalive: now, ..contact(&me, uri, None, 1000) };
    table.edit(b"bob", |editor| editor.insert(fresh("sip:b@127.0.0.9:5099")));
    bench.advance(Duration::from_secs(6));
    // What the timer sent comes with the next message.
    let sent = bench.receive("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP 1.1.1.1\n\n");
    let ping = sent.messages.iter().find(|text| text.starts_with("OPTIONS sip:b@127.0.0.9:5099 SIP/2.0\n")).unwrap();
    assert!(ping.contains("To: <sip:bob@kamailio.org>\n") && ping.contains("\nCSeq: 80 OPTIONS\n"), "{ping}");
    let lines: Vec<&str> = ping
        .lines()
        .filter(|line| {
            ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(&format!("{name}:")))
        })
        .collect();
    let reply = format!("SIP/2.0 200 OK\n{}\nContent-Length: 0\n\n", lines.join("\n"));
    let got = bench.receive(&reply);
    assert_eq!(got.messages.len(), 0);
    assert!(
        got.log.iter().any(|line| line.contains("keepalive roundtrip: ") && line.ends_with(" done")),
        "{:?}",
        got.log
    );
    let kept = table.contacts_of(b"bob", START);
    assert!(kept[0].keepalive && kept[0].last_keepalive > now);
    bench.advance(Duration::from_secs(120));
    assert_eq!(table.contacts(), 0, "silent for longer than ka_timeout");
}

/// Prints how much memory a contact takes, as the kernel counts it. A typical registration: 260 bytes of text.
#[test]
fn memory_per_contact() {
    const COUNT: usize = 100_000;
    let (_bench, me) = bench("");
    let table = me.table("location");
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
    };
    let before = resident();
    let begin = std::time::Instant::now();
    for number in 0..COUNT {
        let aor = format!("user{number:07}");
        let new = Contact {
            uri: Str::from(format!("sip:{aor}@192.168.100.77:5060;transport=udp")),
            call_id: Str::from(format!("3c26701a4a27-{number:010}@192.168.100.77")),
            user_agent: "snom370/8.7.5.35".into(),
            received: Some("sip:203.0.113.77:40123".into()),
            cseq: 1,
            ..contact(&me, "", None, 3600)
        };
        table.edit(aor.as_bytes(), |editor| editor.insert(new));
    }
    let took = begin.elapsed();
    let each = resident().saturating_sub(before) / COUNT;
    let line = format!("{COUNT} contacts: {each} bytes each, {:?} for each insertion", took / COUNT as u32);
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
    assert_eq!(table.contacts(), COUNT as i64);
    assert!(std::mem::size_of::<super::contact::Stored>() <= 112);
}
