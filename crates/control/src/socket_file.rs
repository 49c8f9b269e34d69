//! Files that stand for local sockets and FIFOs: who may use them, and getting rid of those a dead server left.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

/// Why a server could not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The kernel refused.
    #[error("cannot listen on {place}: {error}")]
    Io {
        /// Where.
        place: String,
        /// The kernel's reason.
        error: io::Error,
    },
    /// A running server has that socket.
    #[error("cannot listen on {0}: another server does")]
    InUse(String),
    /// A file that is no socket or FIFO has that name; it is left alone.
    #[error("{0} exists and is something else")]
    NotOurs(String),
    /// No such user or group.
    #[error("there is no user or group {0}")]
    NoSuchUser(String),
}

impl ServerError {
    pub(crate) fn io(place: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { place: place.to_string(), error }
    }
}

/// Who may use a local socket or FIFO.
#[derive(Clone, Debug)]
pub struct FileAccess {
    /// Permission bits; module ctl's default is 0600.
    pub mode: u32,
    /// The owner: a name or a number.
    pub user: Option<String>,
    /// The group: a name or a number.
    pub group: Option<String>,
}

impl Default for FileAccess {
    fn default() -> Self {
        Self { mode: 0o600, user: None, group: None }
    }
}

impl FileAccess {
    /// Applies mode and owner.
    pub(crate) fn apply(&self, path: &Path) -> Result<(), ServerError> {
        let user = self.user.as_deref().map(user_number).transpose()?;
        let group = self.group.as_deref().map(group_number).transpose()?;
        let apply = || {
            if user.is_some() || group.is_some() {
                std::os::unix::fs::chown(path, user, group)?;
            }
            // After chown, which takes some bits away.
            fs::set_permissions(path, fs::Permissions::from_mode(self.mode & 0o7777))
        };
        apply().map_err(ServerError::io(path.display()))
    }
}

fn user_number(name: &str) -> Result<u32, ServerError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        _ => Err(ServerError::NoSuchUser(name.to_owned())),
    }
}

fn group_number(name: &str) -> Result<u32, ServerError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        _ => Err(ServerError::NoSuchUser(name.to_owned())),
    }
}

/// Removes the socket that a dead server left at `path`. A socket that somebody serves, and any other file, stays.
pub(crate) fn remove_stale_socket(path: &Path) -> Result<(), ServerError> {
    let place = path.display().to_string();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ServerError::Io { place, error }),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(ServerError::NotOurs(place)),
        Ok(_) => {}
    }
    let served = match UnixStream::connect(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => false,
        // A datagram socket cannot be connected to as a stream.
        Err(_) => UnixDatagram::unbound().is_ok_and(|socket| socket.connect(path).is_ok()),
    };
    if served {
        return Err(ServerError::InUse(place));
    }
    fs::remove_file(path).map_err(ServerError::io(place))
}

/// Removes the FIFO of an earlier run. Any other file stays.
pub(crate) fn remove_stale_fifo(path: &Path) -> Result<(), ServerError> {
    let place = path.display().to_string();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ServerError::Io { place, error }),
        Ok(metadata) if !metadata.file_type().is_fifo() => Err(ServerError::NotOurs(place)),
        Ok(_) => fs::remove_file(path).map_err(ServerError::io(place)),
    }
}

/// A file that is removed when the server ends.
#[derive(Debug)]
pub(crate) struct OwnedFile(PathBuf);

impl OwnedFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dead_sockets_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        remove_stale_socket(&path).unwrap();
        for datagram in [false, true] {
            let keep: Box<dyn std::any::Any> = if datagram {
                Box::new(UnixDatagram::bind(&path).unwrap())
            } else {
                Box::new(std::os::unix::net::UnixListener::bind(&path).unwrap())
            };
            assert!(matches!(remove_stale_socket(&path), Err(ServerError::InUse(_))));
            drop(keep);
            remove_stale_socket(&path).unwrap();
            assert!(!path.exists());
        }
        fs::write(&path, "precious").unwrap();
        assert!(matches!(remove_stale_socket(&path), Err(ServerError::NotOurs(_))));
        assert!(matches!(remove_stale_fifo(&path), Err(ServerError::NotOurs(_))));
        assert!(path.exists());
    }

    #[test]
    fn access_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "").unwrap();
        let own = nix::unistd::getuid().as_raw().to_string();
        FileAccess { mode: 0o640, user: Some(own), group: None }.apply(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let nobody = FileAccess { user: Some("no such user".into()), ..FileAccess::default() };
        assert!(matches!(nobody.apply(&path), Err(ServerError::NoSuchUser(_))));
    }
}
