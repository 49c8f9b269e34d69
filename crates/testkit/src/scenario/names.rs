//! A name server for a real process: the process sees a /etc/resolv.conf of its own, in a mount namespace.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::dns::Server;

/// Mounts the file in `$0` over resolv.conf and becomes the program in the arguments.
const MOUNT: &str = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";

/// A name server, and what it takes to have a process use it.
pub(super) struct Names {
    pub(super) server: Server,
}

impl Names {
    /// Opens the name server's socket.
    ///
    /// # Errors
    /// When this user may not do so, or may not mount.
    pub(super) fn prepare() -> Result<Self, String> {
        let needs = |reason: &str| format!("a name server of its own needs root: {reason}");
        let server = Server::bind().map_err(|error| needs(&error))?;
        let probe = under_mount(Path::new("/etc/resolv.conf"), Path::new("true")).stderr(Stdio::null()).status();
        match probe {
            Ok(status) if status.success() => Ok(Self { server }),
            _ => Err(needs("cannot mount in a namespace")),
        }
    }

    /// The command that starts `program` so that it asks this name server; `directory` is for its resolv.conf.
    pub(super) fn command(&self, program: &Path, directory: &Path) -> Result<Command, String> {
        let file = directory.join("resolv.conf");
        let text = format!("nameserver {}\noptions timeout:1 attempts:1\n", self.server.address());
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        Ok(under_mount(&file, program))
    }
}

fn under_mount(file: &Path, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", MOUNT]).arg(file).arg(program);
    command
}
