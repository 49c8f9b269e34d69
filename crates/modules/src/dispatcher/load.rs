//! The list, from the database or a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use database::{Database, Select, Value};
use engine::{Core, Str, log};
use hashbrown::HashMap;

use super::Dispatcher;
use super::destination::{Destination, Line, Resolved};
use super::sets::Sets;

/// A larger file is not read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// So many names are asked for at a time.
const MOST_QUESTIONS: usize = 32;

/// `ds_dns_mode`: names are resolved when the list is loaded.
const RESOLVE_AT_LOAD: i64 = 1;
/// They are resolved each time.
pub(super) const RESOLVE_ALWAYS: i64 = 2;
/// They are resolved when the list is loaded, and then from time to time.
pub(super) const RESOLVE_OFTEN: i64 = 4;
/// With SRV and NAPTR.
const RESOLVE_SRV: i64 = 8;

/// Where the destinations are.
pub(super) enum Source {
    Database(Database),
    File(PathBuf),
}

impl Dispatcher {
    /// Reads the list. Destinations that cannot be used are logged and left out, with `ds_load_mode` they are an error.
    pub(super) async fn read(&self, folder: &Path) -> Result<Sets, String> {
        let lines = match &self.source {
            Source::Database(database) => self.rows(database).await?,
            Source::File(file) => read_file(&folder.join(file)).await?,
        };
        let mut destinations = Vec::with_capacity(lines.len());
        for (place, line) in lines {
            match self.make(&line).await {
                Ok(made) => destinations.push((place, Arc::new(made))),
                Err(problem) if self.params.ds_load_mode => return Err(format!("{place}: {problem}")),
                Err(problem) => {
                    log!(self.core.log, Error, "dispatcher: {place}: the destination is left out: {problem}");
                }
            }
        }
        if self.params.ds_dns_mode & (RESOLVE_AT_LOAD | RESOLVE_OFTEN) != 0 {
            self.resolve_all(destinations.iter().map(|(_, it)| it.clone())).await;
            let unknown = |it: &Arc<Destination>| it.has_name() && it.resolved.read().address.is_none();
            if let Some((place, it)) = destinations.iter().find(|(_, it)| unknown(it) && self.params.ds_load_mode) {
                return Err(format!("{place}: `{}` cannot be resolved", it.host));
            }
            destinations.retain(|(place, it)| {
                let unknown = unknown(it);
                if unknown {
                    let host = &it.host;
                    log!(
                        self.core.log,
                        Error,
                        "dispatcher: {place}: the destination is left out: `{host}` cannot be resolved"
                    );
                }
                !unknown
            });
        }
        Ok(Sets::new(destinations.into_iter().map(|(_, it)| it).collect()))
    }

    /// A destination from its line; its name is not resolved yet.
    pub(super) async fn make(&self, line: &Line) -> Result<Destination, String> {
        Destination::new(line, &self.core, self.params.ds_attrs_none)
    }

    /// Gives new destinations what old ones with the same set and URI know: the load, and perhaps the latency.
    pub(super) fn inherit(&self, old: &Sets, new: Sets) -> Sets {
        let known: HashMap<(i64, Str), &Arc<Destination>> =
            old.iter().map(|it| ((it.set, it.uri.clone()), it)).collect();
        let list = new.destinations();
        // Now nobody else has them.
        drop(new);
        let made = list.into_iter().map(|it| {
            let Some(old) = known.get(&(it.set, it.uri.clone())) else { return it };
            Arc::try_unwrap(it).map_or_else(
                |it| it,
                |mut it| {
                    it.load = old.load.clone();
                    if self.params.ds_retain_latency_stats {
                        it.latency = parking_lot::Mutex::new(old.latency.lock().clone());
                    }
                    Arc::new(it)
                },
            )
        });
        Sets::new(made.collect())
    }

    async fn rows(&self, database: &Database) -> Result<Vec<(String, Line)>, String> {
        let params = &self.params;
        let mut columns: Vec<&str> = vec![
            &params.setid_col,
            &params.destination_col,
            &params.flags_col,
            &params.priority_col,
            &params.attrs_col,
        ];
        columns.extend(self.extra.iter().map(|(_, column)| column.as_str()));
        let table = &*params.table_name;
        let select = Select { table, columns: &columns, ..Select::default() };
        let found = database.select(&select).await.map_err(|error| format!("table `{table}`: {error}"))?;
        let mut lines = Vec::with_capacity(found.rows.len());
        for (at, cells) in found.rows.iter().enumerate() {
            let number = |at: usize| cells.get(at).and_then(Value::to_int);
            let text = |at: usize| cells.get(at).and_then(Value::to_text).unwrap_or_default().into_owned();
            let place = format!("table `{table}`, row {}", at + 1);
            let set = number(0).ok_or_else(|| format!("{place}: it has no set"))?;
            let mut attributes = text(4);
            for (extra, (name, _)) in self.extra.iter().enumerate() {
                let value = text(5 + extra);
                if !value.is_empty() {
                    let separator = if attributes.is_empty() || attributes.ends_with(';') { "" } else { ";" };
                    attributes = format!("{attributes}{separator}{name}={value}");
                }
            }
            let flags = number(2).and_then(|flags| u32::try_from(flags).ok()).unwrap_or(0);
            let (uri, priority) = (Str::from(text(1)), number(3).unwrap_or(0));
            lines.push((place, Line { set, uri, flags, priority, attributes: Str::from(attributes) }));
        }
        Ok(lines)
    }

    /// Looks for the addresses of destinations that have names. Those that are not found keep what they had.
    pub(super) async fn resolve_all(&self, destinations: impl Iterator<Item = Arc<Destination>>) {
        let mut running = tokio::task::JoinSet::new();
        for destination in destinations.filter(|it| it.has_name()) {
            if running.len() >= MOST_QUESTIONS {
                running.join_next().await;
            }
            let (core, with_srv) = (self.core.clone(), self.params.ds_dns_mode & RESOLVE_SRV != 0);
            running.spawn(async move { resolve(&core, &destination, with_srv).await });
        }
        while running.join_next().await.is_some() {}
    }

    /// The same for one destination; the cache of names knows how long an address is good.
    pub(super) async fn resolve_again(&self, destination: &Destination) {
        if destination.has_name() {
            resolve(&self.core, destination, self.params.ds_dns_mode & RESOLVE_SRV != 0).await;
        }
    }
}

async fn resolve(core: &Core, destination: &Destination, with_srv: bool) {
    let port = match destination.port {
        0 if with_srv => None,
        0 => Some(5060),
        port => Some(port),
    };
    let secure = destination.protocol == Some(sip::Protocol::Tls);
    let found = engine::forward::resolve_host(core, &destination.host, port, destination.protocol, secure).await;
    match found {
        Ok(targets) => {
            let address = targets.first().map(|target| target.address.ip().to_canonical());
            *destination.resolved.write() = Resolved { address, asked: core.unix_micros() };
        }
        Err(error) => log!(core.log, Debug, "dispatcher: {}: {error}", destination.uri),
    }
}

/// The lines of a file with their places.
async fn read_file(path: &Path) -> Result<Vec<(String, Line)>, String> {
    let name = path.display();
    let wrong = |error: std::io::Error| format!("list of destinations {name}: {error}");
    if tokio::fs::metadata(path).await.map_err(wrong)?.len() > MOST_BYTES {
        return Err(wrong(std::io::Error::other("the file is too large")));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(wrong)?;
    let lines = parse(&text).map_err(|(line, problem)| format!("{name}:{line}: {problem}"))?;
    Ok(lines.into_iter().map(|(at, line)| (format!("{name}:{at}"), line)).collect())
}

/// The lines of a text with their numbers; the error has the number of the line that is wrong.
fn parse(text: &str) -> Result<Vec<(usize, Line)>, (usize, String)> {
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#')).peekable();
        let Some(first) = words.next() else { continue };
        let set = first.parse().map_err(|_| (number, format!("`{first}` is no number of a set")))?;
        let uri = words.next().ok_or_else(|| (number, "there is no destination behind the set".to_owned()))?;
        let mut next_number = || {
            let is_number = |word: &&str| word.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
            words.next_if(is_number).map(|word| {
                word.parse::<i64>().map_err(|_| (number, format!("`{word}` is no number, or too large a one")))
            })
        };
        let flags = next_number().unwrap_or(Ok(0))?;
        let flags = u32::try_from(flags).map_err(|_| (number, format!("`{flags}` are no flags")))?;
        let priority = next_number().unwrap_or(Ok(0))?;
        let attributes = words.next().map(Str::from).unwrap_or_default();
        if let Some(more) = words.next() {
            return Err((number, format!("`{more}` stands behind the attributes, which have no blanks")));
        }
        lines.push((number, Line { set, uri: Str::from(uri), flags, priority, attributes }));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        let text = "# c\n1 sip:127.0.0.1 8 5 a=b;c=d # x\n\n  2\tsip:host:5080;transport=tcp\n3 sip:a 4\n4 sip:b 0 -1\n5 sip:c weight=5\n";
        let line = |set, uri: &str, flags, priority, attributes: &str| Line {
            set,
            uri: Str::from(uri),
            flags,
            priority,
            attributes: Str::from(attributes),
        };
        let wanted = [
            (2, line(1, "sip:127.0.0.1", 8, 5, "a=b;c=d")),
            (4, line(2, "sip:host:5080;transport=tcp", 0, 0, "")),
            (5, line(3, "sip:a", 4, 0, "")),
            (6, line(4, "sip:b", 0, -1, "")),
            (7, line(5, "sip:c", 0, 0, "weight=5")),
        ];
        assert_eq!(parse(text).unwrap(), wanted);
        for wrong in ["\n1", "\nx sip:a", "\n1 sip:a -1", "\n1 sip:a 0 0 a=b c=d", "\n1 sip:a 99999999999999999999"] {
            assert_eq!(parse(wrong).unwrap_err().0, 2, "{wrong}");
        }
    }
}
