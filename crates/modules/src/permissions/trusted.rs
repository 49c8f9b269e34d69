//! Senders that need no password: rules from a table, in memory or asked each time.

use database::{Database, Filter, Select, Value as Cell};
use engine::posix_regex::{Flags, Regex};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use hashbrown::HashMap;

use super::Permissions;

/// A protocol of a rule, with its number in Kamailio's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleProtocol {
    Any = 0,
    Udp = 1,
    Tcp = 2,
    Tls = 3,
    Sctp = 4,
    Ws = 5,
    Wss = 6,
}

impl RuleProtocol {
    fn from_name(name: &str) -> Option<Self> {
        let all = [
            ("any", Self::Any),
            ("udp", Self::Udp),
            ("tcp", Self::Tcp),
            ("tls", Self::Tls),
            ("sctp", Self::Sctp),
            ("ws", Self::Ws),
            ("wss", Self::Wss),
        ];
        all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, protocol)| protocol)
    }

    fn fits(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other
    }
}

/// An expression of a rule.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// `None`: it cannot be compiled, so the rule never matches.
    regex: Option<Regex>,
}

impl Pattern {
    fn new(cell: &Cell) -> Option<Self> {
        let text = cell.to_text()?.into_owned();
        let regex = Regex::new(text.as_bytes(), Flags { ignore_case: false, lines: false }).ok();
        Some(Self { text, regex })
    }

    fn has(&self, text: Option<&Str>) -> bool {
        text.is_some_and(|text| self.regex.as_ref().is_some_and(|regex| regex.is_match(text)))
    }
}

/// A row.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) protocol: RuleProtocol,
    pub(super) from: Option<Pattern>,
    pub(super) target: Option<Pattern>,
    pub(super) tag: Option<String>,
    pub(super) priority: i64,
}

/// What a rule is compared with.
struct Sender {
    address: Str,
    protocol: RuleProtocol,
    from: Option<Str>,
    target: Option<Str>,
}

impl Rule {
    /// `None`: the protocol is `none`, which never matches.
    fn new(row: &[Cell]) -> Result<Option<Self>, String> {
        let [protocol, from, target, tag, priority] = row else { return Err("a row lacks columns".into()) };
        let name = protocol.to_text().unwrap_or_default();
        if name.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        let protocol = RuleProtocol::from_name(&name).ok_or_else(|| format!("`{name}` is no protocol"))?;
        Ok(Some(Self {
            protocol,
            from: Pattern::new(from),
            target: Pattern::new(target),
            tag: tag.to_text().map(Into::into),
            priority: priority.to_int().unwrap_or(0),
        }))
    }

    fn has(&self, sender: &Sender) -> bool {
        self.protocol.fits(sender.protocol)
            && self.from.as_ref().is_none_or(|pattern| pattern.has(sender.from.as_ref()))
            && self.target.as_ref().is_none_or(|pattern| pattern.has(sender.target.as_ref()))
    }

    fn warn_of_patterns(&self, me: &Permissions) {
        for pattern in [&self.from, &self.target].into_iter().flatten().filter(|pattern| pattern.regex.is_none()) {
            let text = &pattern.text;
            engine::log!(
                me.core.log,
                Error,
                "permissions: trusted: `{text}` is no regular expression, its row never matches"
            );
        }
    }
}

/// The table in memory: the rules of each address, the highest priority first.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    pub(super) rules: HashMap<String, Vec<Rule>>,
}

const COLUMNS: usize = 5;

/// The columns of a rule behind the address.
fn columns(me: &Permissions) -> [&str; COLUMNS] {
    let params = &me.params;
    [&params.proto_col, &params.from_col, &params.ruri_col, &params.tag_col, &params.priority_col]
}

/// Reads the table.
pub(super) async fn load(me: &Permissions, database: &Database) -> Result<Trusted, String> {
    let table = &*me.params.trusted_table;
    let mut names = vec![&*me.params.source_col];
    names.extend(columns(me));
    let select = Select { table, columns: &names, ..Select::default() };
    let found = database.select(&select).await.map_err(|error| format!("table `{table}`: {error}"))?;
    let mut trusted = Trusted::default();
    for row in &found.rows {
        let Some((source, row)) = row.split_first() else { continue };
        let Some(source) = source.to_text() else { return Err(format!("table `{table}`: a row without an address")) };
        if let Some(rule) = Rule::new(row).map_err(|problem| format!("table `{table}`: {problem}"))? {
            rule.warn_of_patterns(me);
            trusted.rules.entry_ref(source.as_ref()).or_default().push(rule);
        }
    }
    trusted.rules.values_mut().for_each(|rules| rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority)));
    Ok(trusted)
}

impl Permissions {
    /// The rules of an address, from the database.
    async fn ask(&self, address: &Str) -> Result<Vec<Rule>, ScriptError> {
        let Some(database) = self.trusted_database() else {
            return Err(ScriptError::new("there is no table of trusted senders: `db_url` or `load_backends`"));
        };
        let filter = [Filter::equal(&self.params.source_col, Cell::text(address))];
        let columns = columns(self);
        let order = Some(&*self.params.priority_col);
        let table = &*self.params.trusted_table;
        let select = Select { table, columns: &columns, filter: &filter, order, limit: None };
        let found =
            database.select(&select).await.map_err(|error| ScriptError::new(format!("permissions: {error}")))?;
        let mut rules = Vec::new();
        for row in &found.rows {
            match Rule::new(row) {
                Ok(rule) => rules.extend(rule),
                Err(problem) => engine::log!(self.core.log, Error, "permissions: table `{table}`: {problem}"),
            }
        }
        rules.iter().for_each(|rule| rule.warn_of_patterns(self));
        Ok(rules)
    }

    /// Goes through rules; how many match, or 1 when only the first one is wanted.
    fn count(&self, cx: &mut RouteCx, rules: &[Rule], sender: &Sender) -> CallResult {
        let mut found = 0;
        for rule in rules.iter().filter(|rule| rule.has(sender)) {
            self.set_tag(cx, rule.tag.as_deref())?;
            found += 1;
            if !self.params.peer_tag_mode {
                break;
            }
        }
        Ok(if found > 0 { Return(found) } else { Return::FALSE })
    }
}

/// Whether a sender needs no password: a rule of table `trusted` names its address (as text), its protocol or `any`, and its
/// expressions match the URI in From and the request-URI. The arguments take the place of source address, protocol and From.
/// Upper and lower case differ in expressions. The tag of the rule goes into the AVP of `peer_tag_avp`.
///
/// Returns 1, with `peer_tag_mode` 1 the number of rules that match; -1: none, or the database did not answer.
#[function(ANY)]
pub async fn allow_trusted(
    cx: &mut RouteCx,
    me: &Permissions,
    address: Option<Str>,
    protocol: Option<Str>,
    from: Option<Str>,
) -> CallResult {
    let address = match address {
        Some(address) => address,
        None => Str::from(cx.source.ip().to_string()),
    };
    let protocol = match protocol {
        Some(protocol) => protocol.to_text().into_owned(),
        None => cx.received.protocol.name().to_owned(),
    };
    let known = RuleProtocol::from_name(&protocol);
    let protocol = known.ok_or_else(|| ScriptError::new(format!("`{protocol}` is no protocol")))?;
    let from = match from {
        Some(from) => Some(from),
        None => cx.message.from().ok().flatten().map(|from| from.uri.clone()),
    };
    let target = cx.message.is_request().then(|| cx.request_uri());
    let sender = Sender { address, protocol, from, target };
    if me.params.db_mode == 0 {
        let rules = me.ask(&sender.address).await?;
        return me.count(cx, &rules, &sender);
    }
    let table = me.trusted.read().clone();
    let Some(table) = table else { return Err(ScriptError::new("there is no table of trusted senders")) };
    let rules = table.rules.get(&*sender.address.to_text()).map_or(&[][..], Vec::as_slice);
    me.count(cx, rules, &sender)
}
