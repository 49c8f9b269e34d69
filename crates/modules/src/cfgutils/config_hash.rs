//! Whether the configuration file was changed since the start.

use std::path::PathBuf;
use std::sync::Arc;

use engine::{RpcFault, RpcResult, Str, rpc};
use md5::{Digest as _, Md5};

use super::Cfgutils;

/// Larger files are no configurations.
const MOST: u64 = 64 << 20;

/// The MD5 hash of a file, in hexadecimal digits.
pub(super) async fn of_file(name: &Str) -> Result<String, String> {
    let path = PathBuf::from(&*name.to_text());
    let read = move || {
        let size = std::fs::metadata(&path)?.len();
        if size > MOST {
            return Err(std::io::Error::other("the file is too large"));
        }
        std::fs::read(&path)
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    let content = read.map_err(|error| format!("hash_file `{name}`: {error}"))?;
    Ok(Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn no_file() -> RpcFault {
    RpcFault::new(500, "No hash file")
}

/// Tells whether the file of the parameter `hash_file` is the same as at start.
#[rpc("cfgutils.check_config_hash")]
pub async fn check_config_hash(me: Arc<Cfgutils>) -> RpcResult {
    let file = me.params.hash_file.as_ref().ok_or_else(no_file)?;
    let now = of_file(file).await.map_err(|_| RpcFault::new(500, "Failed to hash the file"))?;
    let same = me.hash.lock().as_ref() == Some(&now);
    Ok(vec![if same { "Identical hash" } else { "Different hash" }.into()])
}

/// Shows the hash that the file of the parameter `hash_file` had at start.
#[rpc("cfgutils.get_config_hash")]
pub async fn get_config_hash(me: Arc<Cfgutils>) -> RpcResult {
    let hash = me.hash.lock().clone().ok_or_else(no_file)?;
    Ok(vec![hash.into()])
}
