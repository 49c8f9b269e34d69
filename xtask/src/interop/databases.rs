//! The secured PBX of the tutorial (parts 8 and 9) on MariaDB, and Debian's kamctl and kamdbctl on databases of ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::calls::Callee;
use super::server::{Server, check, output, text};
use crate::servers::Servers;

/// The carrier's address; users are at 127.0.0.1.
const CARRIER: &str = "127.0.0.9";

/// A folder that goes away with this.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("olelo-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `olelo db ..`
fn db(binary: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new(binary).arg("db").args(words).output().map_err(|error| error.to_string())?;
    check(&format!("olelo db {}", words.join(" ")), output.status.success(), || text(&output))?;
    Ok(text(&output))
}

/// Statements for MariaDB's client.
fn sql(servers: &Servers, database: &str, statements: &str) -> Result<String, String> {
    let (port, password) = (servers.mysql_port.to_string(), format!("-p{}", crate::servers::PASSWORD));
    let connect = ["--no-defaults", "-N", "-h127.0.0.1", "-uroot", &password, "-P", &port, database, "-e", statements];
    let output = output("mariadb", &connect)?;
    check(statements, output.status.success(), || text(&output))?;
    Ok(text(&output))
}

fn sipsak_register(server: &Server, user: &str, password: &str, contact: &str) -> Result<String, String> {
    let uri = format!("sip:{user}@{}", server.address);
    let words = ["-vv", "-U", "-C", contact, "-x", "300", "-u", user, "-a", password, "-s", &uri];
    Ok(text(&output("sipsak", &words)?))
}

/// What sipsak says when it got a 200.
fn registered(answer: &str) -> bool {
    answer.contains("All usrloc tests completed successful")
}

fn sipp(server: &Server, scenario: &str, from: &str, service: &str) -> Result<(), String> {
    let (file, remote) = (format!("tests/interop/{scenario}"), server.address.to_string());
    let words = [
        "-sf", &file, "-m", "20", "-r", "20", "-d", "100", "-i", from, "-s", service, "-nostdin", "-timeout", "30",
        &remote,
    ];
    let output = output("sipp", &words)?;
    check(&format!("sipp {scenario} to {service} from {from}"), output.status.success(), || {
        format!("{}\n{}", text(&output), server.log())
    })
}

/// A server with the tutorial's configuration.
fn tutorial_server(binary: &Path, folder: &Folder, database: &str, carrier: &str) -> Result<Server, String> {
    let config = std::fs::read_to_string("tests/interop/tutorial_9.cfg").map_err(|error| error.to_string())?;
    let config = config.replace("{database}", database).replace("{carrier}", carrier);
    let file = folder.0.join("tutorial_9.cfg");
    std::fs::write(&file, config).map_err(|error| error.to_string())?;
    Server::start(binary, &file.to_string_lossy())
}

/// Part 9: users register and call with a password, the carrier by its address.
pub(super) fn part_9(binary: &Path) -> Result<(), String> {
    let servers = Servers::start()?;
    let folder = Folder::new("tutorial-9")?;
    let url = servers.mysql("tutorial");
    db(binary, &["create", &url])?;
    sql(
        &servers,
        "tutorial",
        &format!(
            "INSERT INTO subscriber (username, domain, password) VALUES ('106', '127.0.0.1', 'secret'), \
             ('108', '127.0.0.1', 'hidden'); INSERT INTO address (grp, ip_addr, mask) VALUES (200, '{CARRIER}', 32)"
        ),
    )?;
    let (phone, carrier) = (Callee::at("127.0.0.1")?, Callee::at(CARRIER)?);
    let server = tutorial_server(binary, &folder, &url, &format!("{CARRIER}:{}", carrier.port()))?;
    let contact = format!("sip:108@127.0.0.1:{}", phone.port());
    let answer = sipsak_register(&server, "108", "guess", &contact)?;
    check("wrong password", !registered(&answer), || answer.clone())?;
    let rows = sql(&servers, "tutorial", "SELECT count(*) FROM location")?;
    check("nobody is registered", rows.trim() == "0", || rows.clone())?;
    let answer = sipsak_register(&server, "108", "hidden", &contact)?;
    check("challenge", answer.contains("authorizing"), || answer.clone())?;
    check("right password", registered(&answer), || answer.clone())?;
    let rows = sql(&servers, "tutorial", "SELECT username, contact FROM location")?;
    check("the contact is in the database", rows.contains(&contact), || rows.clone())?;
    sipp(&server, "invite_auth.xml", "127.0.0.1", "108")?;
    sipp(&server, "invite_auth.xml", "127.0.0.1", "0049123456")?;
    sipp(&server, "call_uac.xml", CARRIER, "108")?;
    sipp(&server, "invite_404.xml", CARRIER, "0049123456")
}

/// While the database takes two seconds for an answer, other requests are answered at once.
pub(super) fn slow_database(binary: &Path) -> Result<(), String> {
    let servers = Servers::start()?;
    let folder = Folder::new("slow")?;
    let url = servers.mysql("slow");
    db(binary, &["create", &url])?;
    // A view in the place of the table: whoever reads it waits.
    sql(
        &servers,
        "slow",
        "RENAME TABLE subscriber TO quick; CREATE VIEW subscriber AS SELECT q.* FROM quick q \
         WHERE SLEEP(2) = 0; INSERT INTO quick (username, domain, password) VALUES ('106', '127.0.0.1', 'secret')",
    )?;
    let server = tutorial_server(binary, &folder, &url, "127.0.0.1:9")?;
    let address = server.address;
    let registering = std::thread::spawn(move || {
        let uri = format!("sip:106@{address}");
        let words = ["-vv", "-U", "-C", "sip:106@127.0.0.1:7777", "-x", "300", "-u", "106", "-a", "secret", "-s", &uri];
        let began = Instant::now();
        output("sipsak", &words).map(|output| (text(&output), began.elapsed()))
    });
    std::thread::sleep(Duration::from_millis(300));
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..200 {
        times.push(super::tutorial::ping(&server, number)?);
        std::thread::sleep(Duration::from_millis(5));
    }
    let (answer, took) = registering.join().map_err(|_| "sipsak's thread failed")??;
    check("REGISTER with a slow database", registered(&answer), || answer.clone())?;
    check("the database was slow", took >= Duration::from_secs(2), || format!("{took:?}"))?;
    times.sort();
    let median = times[times.len() / 2];
    println!("interop: a slow database: OPTIONS answered in {median:?} (longest {:?})", times[times.len() - 1]);
    // The median says what the server does; single ones say what else this machine does.
    check("OPTIONS meanwhile", median < Duration::from_millis(5), || format!("{times:?}"))
}

/// kamctl or kamdbctl with these settings (`NAME=value`) instead of those of its file.
fn control(program: &str, words: &[&str], settings: &[String]) -> Result<std::process::Output, String> {
    Command::new(program)
        .args(words)
        .envs(settings.iter().filter_map(|line| line.split_once('=')))
        .current_dir(std::env::temp_dir())
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))
}

/// Settings that both need.
fn settings(engine: &str, database: &str, user: &str, password: &str) -> Vec<String> {
    [
        ("DBENGINE", engine),
        ("DBHOST", "127.0.0.1"),
        ("DBNAME", database),
        ("DBRWUSER", user),
        ("DBRWPW", password),
        ("DBROUSER", "kamailioro"),
        ("DBROPW", "kamailioro"),
        ("DBROOTPW", crate::servers::PASSWORD),
        ("DBINITASK", "no"),
        ("CHARSET", "latin1"),
        ("INSTALL_EXTRA_TABLES", "yes"),
        ("INSTALL_PRESENCE_TABLES", "yes"),
        ("INSTALL_DBUID_TABLES", "no"),
        ("SIP_DOMAIN", "127.0.0.1"),
    ]
    .into_iter()
    .map(|(name, value)| format!("{name}={value}"))
    .collect()
}

/// Debian's kamctl on a running server and its database.
pub(super) fn kamctl_works(binary: &Path) -> Result<(), String> {
    let servers = Servers::start()?;
    let folder = Folder::new("kamctl")?;
    let url = servers.mysql("kamctl");
    db(binary, &["create", &url])?;
    let server = tutorial_server(binary, &folder, &url, "127.0.0.1:9")?;
    let mut settings = settings("MYSQL", "kamctl", "root", crate::servers::PASSWORD);
    settings.push(format!("DBPORT={}", servers.mysql_port));
    settings.extend(["DBROUSER=root".into(), format!("DBROPW={}", crate::servers::PASSWORD)]);
    settings.push(format!("RPCFIFOPATH={}", server.folder.join("kamailio_rpc.fifo").display()));
    let kamctl = |words: &[&str]| {
        let output = control("kamctl", words, &settings)?;
        check(&format!("kamctl {}", words.join(" ")), output.status.success(), || text(&output))?;
        Ok::<_, String>(text(&output))
    };
    kamctl(&["add", "106", "secret"])?;
    let answer = sipsak_register(&server, "106", "secret", "sip:106@127.0.0.1:7777")?;
    check("a user of kamctl registers", registered(&answer), || answer.clone())?;
    let shown = kamctl(&["ul", "show"])?;
    check("kamctl ul show", shown.contains("sip:106@127.0.0.1:7777"), || shown.clone())?;
    kamctl(&["passwd", "106", "other"])?;
    let answer = sipsak_register(&server, "106", "secret", "sip:106@127.0.0.1:7777")?;
    check("the old password", !registered(&answer), || answer.clone())?;
    kamctl(&["alias_db", "add", "100@127.0.0.1", "106@127.0.0.1"])?;
    kamctl(&["acl", "grant", "106@127.0.0.1", "int"])?;
    kamctl(&["address", "add", "200", CARRIER])?;
    kamctl(&["address", "reload"])?;
    let dump = server.kamcmd(&["permissions.addressDump"])?;
    check("kamctl address", dump.contains(CARRIER), || dump.clone())?;
    let gateway = "sip:192.0.2.1:5060";
    kamctl(&["dispatcher", "add", "1", gateway, "0", "5", "weight=50", "first"])?;
    let shown = kamctl(&["dispatcher", "show"])?;
    check("kamctl dispatcher show", shown.contains(gateway), || shown.clone())?;
    kamctl(&["dispatcher", "reload"])?;
    let shown = kamctl(&["dispatcher", "dump"])?;
    check("kamctl dispatcher dump", shown.contains(gateway) && shown.contains("weight=50"), || shown.clone())?;
    kamctl(&["dispatcher", "rm", "1"])?;
    kamctl(&["dispatcher", "reload"])?;
    let shown = server.kamcmd(&["dispatcher.list"])?;
    check("kamctl dispatcher rm", !shown.contains(gateway), || shown.clone())?;
    let shown = kamctl(&["db", "show", "subscriber"])?;
    check("kamctl db show", shown.contains("106"), || shown.clone())?;
    let shown = kamctl(&["rpc", "core.version"])?;
    check("kamctl rpc", shown.contains("olelo") || shown.contains("result"), || shown.clone())?;
    kamctl(&["rm", "106"])?;
    let rows = sql(&servers, "kamctl", "SELECT count(*) FROM subscriber")?;
    check("kamctl rm", rows.trim() == "0", || rows.clone())
}

/// Databases that Debian's kamdbctl makes are as wanted here.
pub(super) fn kamdbctl_databases(binary: &Path) -> Result<(), String> {
    let servers = Servers::start()?;
    let folder = Folder::new("kamdbctl")?;
    let sqlite = folder.0.join("kamailio.sqlite");
    for (engine, more, url) in [
        ("MYSQL", vec!["DBROOTUSER=root".into(), format!("DBPORT={}", servers.mysql_port)], servers.mysql("kamailio")),
        (
            "PGSQL",
            vec!["DBROOTUSER=postgres".into(), format!("DBPORT={}", servers.postgres_port)],
            servers.postgres("kamailio"),
        ),
        ("SQLITE", vec![format!("DB_PATH={}", sqlite.display())], format!("sqlite://{}", sqlite.display())),
    ] {
        let mut settings = settings(engine, "kamailio", "kamailio", "kamailiorw");
        settings.extend(more);
        let made = control("kamdbctl", &["create"], &settings)?;
        db(binary, &["show", &url]).map_err(|error| format!("{engine}: {error}\n--- kamdbctl:\n{}", text(&made)))?;
    }
    Ok(())
}
