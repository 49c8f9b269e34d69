//! What the program keeps for the default configuration: one SQLite file with the tables of all modules.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use database::Database;

use crate::commands::db;

/// The realm of the default configuration: the domain of its users.
pub(crate) const REALM: &str = "olelo";
/// The file in the folder.
const FILE: &str = "olelo.sqlite";

/// The folder: `$OLELO_STATE`, else /var/lib/olelo for root, else ~/.local/share/olelo, else the working directory.
fn folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    choose_folder(variable("OLELO_STATE"), nix::unistd::geteuid().is_root(), variable("HOME"))
}

fn choose_folder(chosen: Option<OsString>, root: bool, home: Option<OsString>) -> PathBuf {
    match (chosen, root, home) {
        (Some(chosen), _, _) => chosen.into(),
        (None, true, _) => "/var/lib/olelo".into(),
        (None, false, Some(home)) => Path::new(&home).join(".local/share/olelo"),
        (None, false, None) => ".".into(),
    }
}

/// The `db_url` of the default configuration.
pub(crate) fn url() -> Result<String, String> {
    let path = std::path::absolute(folder().join(FILE)).map_err(|error| format!("no path of the database: {error}"))?;
    url_of(&path)
}

/// The path goes into a text of the configuration.
fn url_of(path: &Path) -> Result<String, String> {
    match path.to_str() {
        Some(text) if !text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) => {
            Ok(format!("sqlite://{text}"))
        }
        _ => Err(format!("{}: quotes, backslashes and control characters cannot be in this path", path.display())),
    }
}

/// The database at `url`, with all tables; file and folder are made when they are missing, for this user's eyes only:
/// hashes of passwords are in it.
pub(crate) async fn open(url: &str) -> Result<Database, String> {
    let path = Path::new(url.strip_prefix("sqlite://").unwrap_or(url));
    prepare(path)?;
    let database = db::open(url, false)?;
    let created = database.create(&db::tables()).await;
    created.map_err(|error| format!("{}: the tables cannot be created: {error}", path.display()))?;
    Ok(database)
}

fn prepare(path: &Path) -> Result<(), String> {
    let hint = "the environment variable OLELO_STATE names another folder";
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| format!("cannot create the folder {}: {error}; {hint}", folder.display()))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(format!("cannot create {}: {error}; {hint}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::commands::db::with_runtime;

    #[test]
    fn folders() {
        let text = |text: &str| Some(OsString::from(text));
        assert_eq!(choose_folder(text("/x"), true, text("/root")), Path::new("/x"));
        assert_eq!(choose_folder(None, true, text("/root")), Path::new("/var/lib/olelo"));
        assert_eq!(choose_folder(None, false, text("/home/ann")), Path::new("/home/ann/.local/share/olelo"));
        assert_eq!(choose_folder(None, false, None), Path::new("."));
        assert!(url_of(Path::new("/a\"b/olelo.sqlite")).is_err());
        assert_eq!(url_of(Path::new("/a b/x")).as_deref(), Ok("sqlite:///a b/x"));
    }

    #[test]
    fn made_at_the_first_time_for_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/olelo.sqlite");
        let url = url_of(&path).unwrap();
        for _ in 0..2 {
            with_runtime(async {
                let database = open(&url).await?;
                assert_eq!(database.table_version("subscriber").await.unwrap(), Some(7));
                database.close().await;
                Ok(())
            })
            .unwrap();
        }
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        std::fs::write(folder.path().join("file"), "").unwrap();
        let below_a_file = url_of(&folder.path().join("file/olelo.sqlite")).unwrap();
        let error = with_runtime(async { open(&below_a_file).await.map(drop) }).unwrap_err();
        assert!(error.contains("OLELO_STATE"), "{error}");
    }
}
