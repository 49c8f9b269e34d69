//! The Debian packages that the tests use.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::servers;

/// A program, and the package that brings it.
const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/sbin/kamailio", "kamailio"),
    ("/usr/lib/x86_64-linux-gnu/kamailio/modules/sanity.so", "kamailio"),
    ("/usr/lib/x86_64-linux-gnu/kamailio/modules/db_sqlite.so", "kamailio-sqlite-modules"),
    ("/usr/lib/x86_64-linux-gnu/kamailio/modules/db_mysql.so", "kamailio-mysql-modules"),
    ("/usr/lib/x86_64-linux-gnu/kamailio/modules/db_postgres.so", "kamailio-postgres-modules"),
    ("/usr/sbin/mariadbd", "mariadb-server"),
    ("/usr/bin/mariadb", "mariadb-client"),
    ("/usr/bin/sqlite3", "sqlite3"),
    ("/usr/bin/sipsak", "sipsak"),
    ("/usr/bin/sipp", "sip-tester"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/ip", "iproute2"),
    ("/usr/bin/baresip", "baresip-core"),
];

/// Installs the packages that are missing (as root), or says what to install.
pub(crate) fn install() -> Result<(), String> {
    install_all(PROGRAMS)?;
    // The folder has the version in its name.
    if servers::postgres_programs().is_none() { install_all(&[("", "postgresql")]) } else { Ok(()) }
}

/// Installs the package of one program when it is missing.
pub(crate) fn install_program(file: &str, package: &str) -> Result<(), String> {
    install_all(&[(file, package)])
}

fn install_all(programs: &[(&str, &str)]) -> Result<(), String> {
    let mut missing: Vec<&str> =
        programs.iter().filter(|(file, _)| !Path::new(file).exists()).map(|(_, package)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        return Err(format!("the tests need Debian packages; install them: sudo apt-get install {packages}"));
    }
    println!("installing {packages}");
    let run = |arguments: &[&str]| {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !run(&["update"]) {
        return Err("apt-get update failed".into());
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&missing);
    if run(&arguments) { Ok(()) } else { Err(format!("apt-get install {packages} failed")) }
}
