//! The parameters, which are read in the order of the file.

use engine::params::Lines;
use engine::{Diagnostic, ParamSource, Params};
use language::ast::ConfigValue;

use super::queue::{MOST, Mode, Queue};

/// The parameters of module `mqueue`.
#[derive(Params)]
pub struct MqueueParams {
    /// The database of the queues with a `dbmode`. A table has the columns `id` (a number that the database gives), `key`
    /// and `val`.
    pub db_url: Option<String>,
    /// A queue: `name=q;size=20;addmode=2`. `size` is how many items it holds, then the oldest goes (0: a million);
    /// `addmode` says what becomes of an item whose key is there already: 0 both stay, 1 the old one stays, 2 the new one
    /// stays. `dbmode` says whether the table with the queue's name keeps the items over a restart: 1 it does, 2 they are
    /// only written at the end, 3 only read at start (0: neither). May be given several times.
    pub mqueue: Lines,
    /// A queue by its name, with the size and mode of the parameters before it. May be given several times.
    pub mqueue_name: Lines,
    /// Size of the queues that `mqueue_name` defines behind it; 0: a million items.
    #[param(default = 0)]
    pub mqueue_size: i64,
    /// Mode of the queues that `mqueue_name` defines behind it: 0, 1 or 2 as in `mqueue`.
    #[param(default = 0)]
    pub mqueue_addmode: i64,
}

fn size(source: &ParamSource, number: Option<i64>, written: &str) -> Result<usize, Diagnostic> {
    let size = number.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= MOST);
    size.ok_or_else(|| source.error(format!("`{written}` is no size of a queue"), format!("from 0 to {MOST}")))
}

fn mode(source: &ParamSource, number: Option<i64>, written: &str) -> Result<Mode, Diagnostic> {
    match number {
        Some(0) => Ok(Mode::All),
        Some(1) => Ok(Mode::KeepOldest),
        Some(2) => Ok(Mode::KeepNewest),
        _ => Err(source.error(format!("`{written}` is no addmode"), "0, 1 or 2")),
    }
}

fn definition(source: &ParamSource, text: &str) -> Result<Queue, Diagnostic> {
    let (mut name, mut most, mut keep) = ("", 0, Mode::All);
    let (mut is_loaded, mut is_stored) = (false, false);
    for field in text.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        let (key, value) = (key.trim(), value.trim());
        let number = value.parse().ok();
        match key {
            "name" => name = value,
            "size" => most = size(source, number, value)?,
            "addmode" => keep = mode(source, number, value)?,
            "dbmode" => {
                (is_loaded, is_stored) = match number {
                    Some(0) => (false, false),
                    Some(1) => (true, true),
                    Some(2) => (false, true),
                    Some(3) => (true, false),
                    _ => return Err(source.error(format!("`{value}` is no dbmode"), "from 0 to 3")),
                }
            }
            _ => {
                let message = format!("a queue has no field `{key}`");
                let known = ["name", "size", "addmode", "dbmode"];
                return Err(source.error(message, "unknown field").did_you_mean(key, known));
            }
        }
    }
    if (is_loaded || is_stored) && !database::is_name(name) {
        return Err(source.error(format!("`{name}` is no name of a table"), "letters, digits, `_`, `$` and `-`"));
    }
    let mut queue = Queue::new(name, most, keep);
    (queue.is_loaded, queue.is_stored) = (is_loaded, is_stored);
    Ok(queue)
}

/// The queues that the lines define.
pub(super) fn read(sources: &[ParamSource]) -> Result<Vec<Queue>, Diagnostic> {
    let mut queues: Vec<Queue> = Vec::new();
    let (mut most, mut keep) = (0, Mode::All);
    for source in sources {
        let queue = match (&*source.name, &source.value) {
            ("mqueue_size", ConfigValue::Int(number)) => {
                most = size(source, Some(*number), &number.to_string())?;
                continue;
            }
            ("mqueue_addmode", ConfigValue::Int(number)) => {
                keep = mode(source, Some(*number), &number.to_string())?;
                continue;
            }
            ("mqueue", ConfigValue::String(text)) => definition(source, text)?,
            ("mqueue_name", ConfigValue::String(text)) => Queue::new(text, most, keep),
            _ => continue,
        };
        if queue.name.is_empty() {
            return Err(source.error("a queue needs a name", "no name"));
        }
        if queues.iter().any(|other| other.name == queue.name) {
            return Err(source.error(format!("queue `{}` is defined twice", queue.name), "again here"));
        }
        queues.push(queue);
    }
    Ok(queues)
}
