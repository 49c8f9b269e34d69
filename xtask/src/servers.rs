//! Database servers of the tests' own: Debian's MariaDB and PostgreSQL on free ports, in a temporary folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Password of MariaDB's administrator; PostgreSQL's has none.
pub(crate) const PASSWORD: &str = "olelo";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Running servers; they end with this.
pub(crate) struct Servers {
    folder: PathBuf,
    running: Vec<Child>,
    pub(crate) mysql_port: u16,
    pub(crate) postgres_port: u16,
}

impl Servers {
    /// Starts both.
    pub(crate) fn start() -> Result<Self, String> {
        // One process may run several sets at once.
        static SETS: AtomicUsize = AtomicUsize::new(0);
        let set = SETS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("olelo-servers-{}-{set}", std::process::id()));
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let (mysql_port, postgres_port) = (free_port()?, free_port()?);
        let mut servers = Self { folder, running: Vec::new(), mysql_port, postgres_port };
        servers.start_mariadb()?;
        servers.start_postgres()?;
        Ok(servers)
    }

    /// `mysql://root:..@127.0.0.1:port/name`
    pub(crate) fn mysql(&self, name: &str) -> String {
        format!("mysql://root:{PASSWORD}@127.0.0.1:{}/{name}", self.mysql_port)
    }

    /// `postgres://postgres@127.0.0.1:port/name`
    pub(crate) fn postgres(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.postgres_port)
    }

    fn start_mariadb(&mut self) -> Result<(), String> {
        let data = self.folder.join("mariadb");
        prepare(&data, "mysql")?;
        let set_up = self.folder.join("mariadb.sql");
        // `%`: a client that comes over the loopback address is that for the server, or `localhost`, or neither.
        let text = format!(
            "ALTER USER 'root'@'localhost' IDENTIFIED BY '{PASSWORD}';\n\
             CREATE USER 'root'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;\n\
             CREATE DATABASE olelo;\n"
        );
        std::fs::write(&set_up, text).map_err(|error| error.to_string())?;
        let data = data.display();
        let mut install = as_user("mysql", "mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal"]).arg(format!("--datadir={data}"));
        finish(install)?;
        let mut server = as_user("mysql", "/usr/sbin/mariadbd");
        server.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"]).args([
            format!("--datadir={data}"),
            format!("--port={}", self.mysql_port),
            format!("--socket={data}/socket"),
            format!("--pid-file={data}/pid"),
            format!("--init-file={}", set_up.display()),
        ]);
        self.run(server, "mariadb.log", self.mysql_port)
    }

    fn start_postgres(&mut self) -> Result<(), String> {
        let data = self.folder.join("postgres");
        prepare(&data, "postgres")?;
        let programs = postgres_programs().ok_or("PostgreSQL is not installed")?;
        let mut install = as_user("postgres", programs.join("initdb"));
        install.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"]).arg(&data);
        finish(install)?;
        let mut server = as_user("postgres", programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-c", "synchronous_commit=off"]);
        server.args(["-p", &self.postgres_port.to_string()]);
        server.arg("-c").arg(format!("unix_socket_directories={}", data.display()));
        self.run(server, "postgres.log", self.postgres_port)
    }

    /// Runs a server and waits until it takes connections.
    fn run(&mut self, mut server: Command, log: &str, port: u16) -> Result<(), String> {
        let log = self.folder.join(log);
        let file = std::fs::File::create(&log).map_err(|error| error.to_string())?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let child = server.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        self.running.push(child.map_err(|error| format!("cannot run {server:?}: {error}"))?);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("{server:?} did not start:\n{text}"))
    }
}

/// Newest version's programs.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists()).max()
}

fn free_port() -> Result<u16, String> {
    let socket = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(socket.local_addr().map_err(|error| error.to_string())?.port())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Database servers refuse to run as root: then their own user runs them.
fn as_user(user: &str, program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups"]).arg(program).current_dir("/");
    command
}

fn prepare(folder: &Path, user: &str) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    if is_root() {
        let mut give = Command::new("chown");
        give.arg(user).arg(folder);
        finish(give)?;
    }
    Ok(())
}

fn finish(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(format!("{command:?} failed:\n{text}"))
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
