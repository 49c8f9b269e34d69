//! Reading and writing files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

/// Larger files are not read: a message would hold all of it in memory.
const MAX_SIZE: u64 = 1 << 20;

fn path(text: &Str) -> &Path {
    Path::new(OsStr::from_bytes(text))
}

/// Reads a file of at most 1 MiB into a variable. False when it cannot be read. Other messages go on meanwhile.
#[function(ANY)]
pub async fn file_read(cx: &mut RouteCx, file: Str, variable: WritableVariable) -> CallResult {
    let failed = |error: std::io::Error| ScriptError::new(format!("cannot read `{file}`: {error}"));
    let metadata = tokio::fs::metadata(path(&file)).await.map_err(failed)?;
    // Reading a pipe could take for ever.
    if !metadata.is_file() || metadata.len() > MAX_SIZE {
        return Err(ScriptError::new(format!("`{file}` is no plain file of at most {MAX_SIZE} bytes")));
    }
    let text = tokio::fs::read(path(&file)).await.map_err(failed)?;
    variable.0.set(cx, text.into())?;
    Ok(Return::TRUE)
}

/// Writes a text to a file; what it held before is lost. False when it cannot be written. Other messages go on
/// meanwhile.
#[function(ANY)]
pub async fn file_write(_cx: &mut RouteCx, file: Str, content: Str) -> CallResult {
    let written = tokio::fs::write(path(&file), &content[..]).await;
    written.map_err(|error| ScriptError::new(format!("cannot write `{file}`: {error}")))?;
    Ok(Return::TRUE)
}
