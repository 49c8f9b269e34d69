//! From Markdown to steps.

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// The first heading.
    pub title: String,
    /// Why Kamailio behaves otherwise (a line `Parity: differs - reason`).
    pub parity: Option<String>,
    /// Which server has the database (a line `Database: mysql`); `None`: a SQLite file.
    pub server: Option<String>,
    /// The configuration.
    pub config: String,
    /// The names that exist, as lines of a zone file; `None`: the scenario needs none.
    pub dns: Option<String>,
    /// What stands in the database before the server starts, as SQL; the tables are there.
    pub sql: String,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One block; `line` is where it starts in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Step {
    /// A phone sends a message.
    Send { phone: String, tcp: bool, text: String, line: usize },
    /// A phone receives a message like this.
    Receive { phone: String, text: String, line: usize },
    /// The script wrote these lines.
    Log { text: String, line: usize },
    /// Time passes.
    Time { seconds: u64, line: usize },
    /// A phone closes its connections.
    Close { phone: String, line: usize },
    /// A phone accepts no connections from now on.
    Refuse { phone: String, line: usize },
    /// From now on these names exist, and no others.
    Names { text: String, line: usize },
    /// Statements change the scenario's database.
    Sql { text: String, line: usize },
    /// A query of the scenario's database has these rows.
    Rows { query: String, text: String, line: usize },
    /// The server ends and starts again; `kill`: without a chance to write anything.
    Restart { kill: bool, line: usize },
    /// An RPC command is called and answers this.
    Rpc { words: Vec<String>, answer: String, line: usize },
}

/// Reads a scenario.
///
/// # Errors
/// When a block is not understood, or there is no configuration.
pub fn parse(text: &str) -> Result<Scenario, String> {
    let mut scenario = Scenario::default();
    let mut block: Option<(usize, String, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        match (&mut block, line.strip_prefix("```")) {
            (Some(_), Some("")) => {
                if let Some((start, info, body)) = block.take() {
                    add_block(&mut scenario, &info, body, start)?;
                }
            }
            (Some((_, _, body)), _) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, Some(info)) => block = Some((line_number, info.trim().to_owned(), String::new())),
            (None, None) => {
                if scenario.title.is_empty() && line.starts_with("# ") {
                    scenario.title = line[2..].to_owned();
                }
                if let Some(kind) = line.strip_prefix("Database:") {
                    scenario.server = Some(kind.trim().to_owned());
                }
                if let Some(reason) = line.strip_prefix("Parity:") {
                    scenario.parity =
                        Some(reason.trim().trim_start_matches("differs").trim_start_matches([' ', '-']).to_owned());
                }
            }
        }
    }
    if let Some((line, ..)) = block {
        return Err(format!("line {line}: the block is not closed"));
    }
    if scenario.config.is_empty() { Err("there is no `kamailio` block".into()) } else { Ok(scenario) }
}

fn add_block(scenario: &mut Scenario, info: &str, body: String, line: usize) -> Result<(), String> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let step = match *words {
        ["kamailio"] => {
            scenario.config.push_str(&body);
            return Ok(());
        }
        ["dns"] => {
            let first = scenario.dns.get_or_insert_default();
            if scenario.steps.is_empty() {
                first.push_str(&body);
                return Ok(());
            }
            Step::Names { text: body, line }
        }
        ["sip", "from", phone] => Step::Send { phone: phone.into(), tcp: false, text: body, line },
        ["sip", "from", phone, "tcp"] => Step::Send { phone: phone.into(), tcp: true, text: body, line },
        ["sip", "to", phone] => Step::Receive { phone: phone.into(), text: body, line },
        ["tcp", "close", phone] => Step::Close { phone: phone.into(), line },
        ["tcp", "refuse", phone] => Step::Refuse { phone: phone.into(), line },
        ["sql"] if scenario.steps.is_empty() => {
            scenario.sql.push_str(&body);
            return Ok(());
        }
        ["sql"] => Step::Sql { text: body, line },
        ["rows", ..] => Step::Rows { query: info["rows".len()..].trim().to_owned(), text: body, line },
        ["restart"] => Step::Restart { kill: false, line },
        ["kill"] => Step::Restart { kill: true, line },
        ["log"] => Step::Log { text: body, line },
        ["time"] => {
            let seconds = body.trim().trim_start_matches('+').trim_end_matches('s').parse();
            Step::Time { seconds: seconds.map_err(|_| format!("line {line}: write `61s`"))?, line }
        }
        ["rpc", _, ..] => Step::Rpc { words: quoted_words(info).split_off(1), answer: body, line },
        _ => return Err(format!("line {line}: unknown block `{info}`")),
    };
    scenario.steps.push(step);
    Ok(())
}

/// Words between blanks; in double quotes a blank is none, and `\r`, `\n`, `\"` stand for what they are in C.
fn quoted_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => {
                let escaped = match chars.next() {
                    Some('r') => '\r',
                    Some('n') => '\n',
                    Some(other) => other,
                    None => break,
                };
                word.get_or_insert_default().push(escaped);
            }
            char if char.is_whitespace() && !quoted => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}
