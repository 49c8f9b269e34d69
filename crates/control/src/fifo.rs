//! JSON-RPC over a FIFO, as module jsonrpcs and `kamctl rpc` do it: requests are written into one FIFO, and each
//! answer goes to the FIFO that the request's `reply_name` names, in a folder of the server's choice.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::json_rpc::{self, JsonAnswer, MAX_REQUEST};
use crate::socket_file::{self, OwnedFile};
use crate::{CommandSource, ErrorLog, FileAccess, ServerError};

/// How many requests are answered at a time.
const MAX_RUNNING: usize = 64;

/// How long a client may take to open its FIFO, and to read its answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// The settings of a FIFO server: module jsonrpcs' parameters.
#[derive(Clone, Debug)]
pub struct FifoOptions {
    /// The FIFO (`fifo_name`).
    pub path: PathBuf,
    /// The folder of the clients' FIFOs (`fifo_reply_dir`).
    pub reply_folder: PathBuf,
    /// Who may write into it (`fifo_mode`, `fifo_user`, `fifo_group`).
    pub access: FileAccess,
    /// Indented answers (`pretty_format`).
    pub pretty: bool,
}

/// A server; it ends when this is dropped.
#[derive(Debug)]
pub struct FifoServer {
    task: AbortHandle,
    _file: OwnedFile,
}

impl Drop for FifoServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FifoServer {
    /// Makes the FIFO and serves it on the current runtime.
    pub fn start(options: &FifoOptions, commands: CommandSource, log: ErrorLog) -> Result<Self, ServerError> {
        let path = &options.path;
        let fail = || ServerError::io(path.display());
        socket_file::remove_stale_fifo(path)?;
        nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(io::Error::from).map_err(fail())?;
        let file = OwnedFile::new(path);
        options.access.apply(path)?;
        // Open for writing too: otherwise reading ends with each writer.
        let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(path).map_err(fail())?;
        let task = tokio::spawn(serve(receiver, options.clone(), commands, log));
        Ok(Self { task: task.abort_handle(), _file: file })
    }
}

async fn serve(mut receiver: pipe::Receiver, options: FifoOptions, commands: CommandSource, log: ErrorLog) {
    let slots = Arc::new(Semaphore::new(MAX_RUNNING));
    let options = Arc::new(options);
    let mut running = tokio::task::JoinSet::new();
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        match receiver.read_buf(&mut buffer).await {
            Ok(_) => {}
            Err(error) => {
                log(&format!("reading from {}: {error}", options.path.display()));
                return;
            }
        }
        for request in take_requests(&mut buffer, &log) {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            while running.try_join_next().is_some() {}
            let (options, commands, log) = (options.clone(), commands.clone(), log.clone());
            running.spawn(async move {
                let _slot = slot;
                let table = commands();
                let answer = json_rpc::answer_value(&table, &request, options.pretty).await;
                if let Err(error) = deliver(&answer, &options.reply_folder).await {
                    let name = answer.reply_name.unwrap_or_default();
                    log(&format!("cannot answer the FIFO {name:?} in {}: {error}", options.reply_folder.display()));
                }
            });
        }
    }
}

/// The whole JSON values at the beginning of the buffer. What is no JSON is dropped up to the end of its line.
fn take_requests(buffer: &mut Vec<u8>, log: &ErrorLog) -> Vec<Value> {
    let mut requests = Vec::new();
    loop {
        let mut stream = serde_json::Deserializer::from_slice(buffer).into_iter::<Value>();
        let next = stream.next();
        let used = stream.byte_offset();
        match next {
            Some(Ok(request)) => {
                requests.push(request);
                buffer.drain(..used);
            }
            Some(Err(error)) if error.is_eof() && buffer.len() <= MAX_REQUEST => return requests,
            Some(Err(error)) => {
                log(&format!("a request in the FIFO is no JSON: {error}"));
                let line = buffer[used..].iter().position(|byte| *byte == b'\n').map(|end| used + end + 1);
                buffer.drain(..line.unwrap_or(buffer.len()));
            }
            None => {
                // White space only.
                buffer.clear();
                return requests;
            }
        }
    }
}

/// Writes an answer into the client's FIFO.
async fn deliver(answer: &JsonAnswer, folder: &Path) -> io::Result<()> {
    // A request without a place for its answer wants something done, no more.
    let Some(name) = &answer.reply_name else { return Ok(()) };
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no file name"));
    }
    let path = folder.join(name);
    let deliver = async {
        let mut sender = open_reply_fifo(&path).await?;
        sender.write_all(answer.text.as_bytes()).await
    };
    tokio::time::timeout(CLIENT_PATIENCE, deliver).await?
}

/// Opens the client's FIFO. The client may not have opened it yet: then the kernel says ENXIO for a while.
async fn open_reply_fifo(path: &Path) -> io::Result<pipe::Sender> {
    loop {
        // Neither a link nor a plain file may be written to: the folder is often one that everybody may write to.
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        match OpenOptions::new().write(true).custom_flags(flags.bits()).open(path) {
            Ok(file) if file.metadata()?.file_type().is_fifo() => return pipe::Sender::from_file(file),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no FIFO")),
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
