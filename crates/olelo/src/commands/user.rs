//! `olelo user`: users and their passwords, in table `subscriber`.

use std::process::ExitCode;

use database::{Change, Database, Error, Filter, Select, Value};
use sip::digest::{Algorithm, ha1};

use super::db::{self, with_runtime};
use super::password;
use crate::arguments::{Stored, User, UserTask, Where};
use crate::state;

const TABLE: &str = "subscriber";
/// What the columns hold, in characters.
const MOST_CHARACTERS: usize = 64;

/// Does what is asked; the exit code is 1 when that is not possible.
#[allow(clippy::print_stderr)]
pub(crate) fn run(arguments: &User) -> ExitCode {
    match with_runtime(task(arguments, &password::ask)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The database that a command works on.
pub(crate) struct Place {
    pub(crate) database: Database,
    /// It is that of the default configuration.
    pub(crate) is_default: bool,
}

impl Place {
    pub(crate) async fn open(place: &Where) -> Result<Self, String> {
        let chosen = place.db.clone().or_else(|| std::env::var("OLELO_DB").ok().filter(|url| !url.is_empty()));
        let default = state::url();
        match chosen {
            Some(url) if Ok(&url) != default.as_ref() => {
                Ok(Self { database: db::open(&url, false)?, is_default: false })
            }
            _ => Ok(Self { database: state::open(&default?).await?, is_default: true }),
        }
    }

    /// What the database said, with the way out when the table is missing.
    pub(crate) fn failed(&self, table: &str, error: &Error) -> String {
        let url = self.database.url();
        format!("table `{table}` of {url}: {error} (`olelo db show` tells whether the table is as it should be)")
    }
}

/// A user as named on the command line.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    user: &'a str,
    domain: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (user, domain) = text.rsplit_once('@').map_or((text, None), |(user, domain)| (user, Some(domain)));
        let wrong = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\\' | '<' | '>' | '@');
        let fits = |part: &str| !part.is_empty() && part.chars().count() <= MOST_CHARACTERS && !part.contains(wrong);
        // A colon is the border between the parts of what is hashed; in a domain it can be that of an IPv6 address.
        if !fits(user) || user.contains(':') || !domain.is_none_or(fits) {
            return Err(format!("`{text}` is no user: NAME or NAME@DOMAIN, each of at most 64 characters"));
        }
        Ok(Self { user, domain })
    }
}

async fn task(arguments: &User, ask: &dyn Fn(&str) -> Result<String, String>) -> Result<(), String> {
    let place = Place::open(&arguments.place).await?;
    let json = arguments.place.json;
    let done = match &arguments.task {
        UserTask::List => list(&place, json).await,
        UserTask::Add { user, stored } => add(&place, &Name::parse(user)?, *stored, ask, json).await,
        UserTask::Passwd { user, stored } => passwd(&place, &Name::parse(user)?, *stored, ask, json).await,
        UserTask::Remove { user } => remove(&place, &Name::parse(user)?, json).await,
    };
    place.database.close().await;
    done
}

fn say_done(user: &str, domain: &str, what: &str, json: bool) {
    if json {
        db::print(&["username", "domain", "done"], &[vec![user.into(), domain.into(), what.into()]], true);
    } else {
        say!("{user}@{domain}: {what}");
    }
}

async fn list(place: &Place, json: bool) -> Result<(), String> {
    let columns = ["username", "domain", "password", "ha1"];
    let select = Select { table: TABLE, columns: &columns, order: Some("username"), ..Select::default() };
    let found = place.database.select(&select).await.map_err(|error| place.failed(TABLE, &error))?;
    let lines: Vec<Vec<String>> = found.rows.iter().map(|row| line(row)).collect();
    db::print(&["username", "domain", "stored"], &lines, json);
    Ok(())
}

/// Name, domain, and what is known of the password; never the password.
fn line(row: &[Value]) -> Vec<String> {
    let text = |at: usize| row.get(at).and_then(Value::to_text).unwrap_or_default().into_owned();
    let hash = match text(3).len() {
        0 => "",
        length if length == Algorithm::Sha256.hex_len() => "SHA-256",
        _ => "MD5",
    };
    let stored = match (text(2).is_empty(), hash) {
        (true, "") => "nothing".to_owned(),
        (true, hash) => hash.to_owned(),
        (false, "") => "plaintext".to_owned(),
        (false, hash) => format!("{hash}, plaintext"),
    };
    vec![text(0), text(1), stored]
}

/// What goes into `password`, `ha1` and `ha1b`.
fn secrets(user: &str, domain: &str, password: &str, stored: Stored) -> Result<[(&'static str, Value); 3], String> {
    if stored.plaintext && password.chars().count() > MOST_CHARACTERS {
        return Err("a password of more than 64 characters cannot be stored itself".into());
    }
    let algorithm = if stored.sha256 { Algorithm::Sha256 } else { Algorithm::Md5 };
    let hash = |user: &str| {
        let hash = ha1(algorithm, user.as_bytes(), domain.as_bytes(), password.as_bytes());
        Value::text(&hash)
    };
    let plain = if stored.plaintext { password } else { "" };
    Ok([("password", plain.into()), ("ha1", hash(user)), ("ha1b", hash(&format!("{user}@{domain}")))])
}

/// The domains that the user has rows for.
async fn domains(place: &Place, name: &Name<'_>) -> Result<Vec<String>, String> {
    let mut filter = vec![Filter::equal("username", name.user)];
    filter.extend(name.domain.map(|domain| Filter::equal("domain", domain)));
    let select = Select { table: TABLE, columns: &["domain"], filter: &filter, ..Select::default() };
    let found = place.database.select(&select).await.map_err(|error| place.failed(TABLE, &error))?;
    Ok(found.rows.iter().filter_map(|row| row.first()?.to_text()).map(Into::into).collect())
}

/// The domain of a user that exists.
async fn existing(place: &Place, name: &Name<'_>) -> Result<String, String> {
    let mut found = domains(place, name).await?;
    match (found.pop(), found.is_empty(), name.domain) {
        (Some(domain), true, _) => Ok(domain),
        (Some(last), false, _) => Err(format!(
            "there are several users `{0}`: {0}@{last}, {0}@{1}; name the domain, too",
            name.user,
            found.join(&format!(", {}@", name.user))
        )),
        (None, _, Some(domain)) => Err(format!("there is no user `{}@{domain}`", name.user)),
        (None, _, None) => Err(format!("there is no user `{}`", name.user)),
    }
}

#[allow(clippy::print_stderr)]
async fn add(
    place: &Place,
    name: &Name<'_>,
    stored: Stored,
    ask: &dyn Fn(&str) -> Result<String, String>,
    json: bool,
) -> Result<(), String> {
    let user = name.user;
    let domain = match name.domain {
        Some(domain) => domain,
        None if place.is_default => state::REALM,
        None => return Err(format!("write {user}@DOMAIN: the hashes are good for one realm only")),
    };
    if place.is_default && (domain != state::REALM || stored.sha256) {
        let realm = state::REALM;
        eprintln!("warning: the default configuration asks for the realm `{realm}` and MD5: it will not let {user} in");
    }
    let exists = || format!("{user}@{domain} exists: `olelo user passwd` changes the password");
    if !domains(place, &Name { user, domain: Some(domain) }).await?.is_empty() {
        return Err(exists());
    }
    let password = ask(&format!("{user}@{domain}"))?;
    let mut columns = vec!["username", "domain"];
    let mut row = vec![Value::from(user), Value::from(domain)];
    for (column, value) in secrets(user, domain, &password, stored)? {
        columns.push(column);
        row.push(value);
    }
    match place.database.insert(TABLE, &columns, row).await {
        Ok(()) => say_done(user, domain, "added", json),
        Err(Error::Duplicate(_)) => return Err(exists()),
        Err(error) => return Err(place.failed(TABLE, &error)),
    }
    Ok(())
}

async fn passwd(
    place: &Place,
    name: &Name<'_>,
    stored: Stored,
    ask: &dyn Fn(&str) -> Result<String, String>,
    json: bool,
) -> Result<(), String> {
    let (user, domain) = (name.user, existing(place, name).await?);
    let password = ask(&format!("{user}@{domain}"))?;
    let set = secrets(user, &domain, &password, stored)?.into();
    let filter = vec![Filter::equal("username", user), Filter::equal("domain", domain.as_str())];
    apply(place, Change::Update { table: TABLE, set, filter }).await?;
    say_done(user, &domain, "password changed", json);
    Ok(())
}

async fn remove(place: &Place, name: &Name<'_>, json: bool) -> Result<(), String> {
    let (user, domain) = (name.user, existing(place, name).await?);
    let filter = vec![Filter::equal("username", user), Filter::equal("domain", domain.as_str())];
    apply(place, Change::Delete { table: TABLE, filter }).await?;
    say_done(user, &domain, "removed", json);
    Ok(())
}

async fn apply(place: &Place, change: Change<'_>) -> Result<(), String> {
    place.database.apply(vec![change]).await.map(drop).map_err(|error| place.failed(TABLE, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: Stored = Stored { plaintext: false, sha256: false };

    /// A file with the tables, and a command on it.
    fn on_a_file(work: impl AsyncFn(&Place)) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/k.sqlite", folder.path().display());
        with_runtime(async {
            let place = Place { database: state::open(&url).await?, is_default: false };
            work(&place).await;
            place.database.close().await;
            Ok(())
        })
        .unwrap();
    }

    async fn cells(place: &Place) -> Vec<Vec<String>> {
        let columns = ["username", "domain", "password", "ha1", "ha1b"];
        let select = Select { table: TABLE, columns: &columns, order: Some("username"), ..Select::default() };
        let found = place.database.select(&select).await.unwrap();
        found.rows.iter().map(|row| row.iter().map(|cell| cell.to_text().unwrap().into_owned()).collect()).collect()
    }

    #[test]
    fn names() {
        assert_eq!(Name::parse("a@b"), Ok(Name { user: "a", domain: Some("b") }));
        assert_eq!(Name::parse("106"), Ok(Name { user: "106", domain: None }));
        assert!(Name::parse("a@[2001:db8::1]").is_ok());
        for wrong in ["", "@b", "a@", "a b", "a:b", "a\"", "a\n", "a@b@c", &"x".repeat(65)] {
            assert!(Name::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn added_changed_removed() {
        on_a_file(async |place| {
            let bob = Name::parse("bob@example.com").unwrap();
            let bare = Name::parse("bob").unwrap();
            let ask = |_: &str| Ok("secret".to_owned());
            assert!(add(place, &bare, HASHES, &ask, true).await.unwrap_err().contains("bob@DOMAIN"));
            add(place, &bob, HASHES, &ask, true).await.unwrap();
            // The hash as md5sum makes it of bob:example.com:secret.
            let ha1 = "2664cba6663a734ef3a6fefc0c0d0821";
            let row = &cells(place).await[0];
            assert_eq!(row[..3], ["bob", "example.com", ""]);
            assert_eq!((row[3].as_str(), row[4].len()), (ha1, 32));
            assert_ne!(row[3], row[4]);
            let never = |_: &str| -> Result<String, String> { panic!("asked for nothing") };
            assert!(add(place, &bob, HASHES, &never, true).await.unwrap_err().contains("exists"));
            let all = Stored { plaintext: true, sha256: true };
            passwd(place, &bare, all, &|_| Ok("new".into()), true).await.unwrap();
            let row = &cells(place).await[0];
            assert_eq!((row[2].as_str(), row[3].len(), row[4].len()), ("new", 64, 64));
            remove(place, &bob, true).await.unwrap();
            assert_eq!(cells(place).await, Vec::<Vec<String>>::new());
            assert_eq!(remove(place, &bare, true).await.unwrap_err(), "there is no user `bob`");
            assert!(passwd(place, &bob, all, &never, true).await.unwrap_err().contains("no user `bob@example.com`"));
        });
    }

    #[test]
    fn one_name_in_two_domains() {
        on_a_file(async |place| {
            let ask = |_: &str| Ok("secret".to_owned());
            for name in ["bob@a", "bob@b", "x' OR '1'='1@a"] {
                let name = name.replace(' ', "_");
                add(place, &Name::parse(&name).unwrap(), HASHES, &ask, true).await.unwrap();
            }
            let error = remove(place, &Name::parse("bob").unwrap(), true).await.unwrap_err();
            assert!(error.contains("bob@a") && error.contains("bob@b"), "{error}");
            remove(place, &Name::parse("bob@a").unwrap(), true).await.unwrap();
            remove(place, &Name::parse("bob").unwrap(), true).await.unwrap();
            assert_eq!(cells(place).await.len(), 1);
        });
    }

    #[test]
    fn lists_tell_what_is_stored_not_the_secret() {
        let row = |password: &str, ha1: &str| line(&["bob".into(), "a".into(), password.into(), ha1.into()])[2].clone();
        assert_eq!(row("", &"0".repeat(32)), "MD5");
        assert_eq!(row("x", &"0".repeat(64)), "SHA-256, plaintext");
        assert_eq!(row("x", ""), "plaintext");
    }

    #[test]
    fn a_missing_table_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/empty.sqlite", folder.path().display());
        std::fs::write(folder.path().join("empty.sqlite"), "").unwrap();
        let arguments = User { task: UserTask::List, place: Where { db: Some(url), json: false } };
        let error = with_runtime(task(&arguments, &password::ask)).unwrap_err();
        assert!(error.contains("table `subscriber`") && error.contains("olelo db"), "{error}");
    }
}
