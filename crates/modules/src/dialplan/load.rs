//! Rules from the table.

use database::{Select, Value};
use engine::{CompileEnv, Core, Format, log};
use hashbrown::HashMap;
use language::ast::FormatPiece;
use language::span::Span;

use super::Dialplan;
use super::rules::{Matching, Pattern, Piece, Plan, Plans, Row, Rule, regex};

impl Dialplan {
    /// Reads the table. A row that cannot be used is logged and left out.
    pub(super) async fn read(&self) -> Result<Plans, String> {
        let params = &self.params;
        let columns: [&str; 8] = [
            &params.dpid_col,
            &params.pr_col,
            &params.match_op_col,
            &params.match_exp_col,
            &params.match_len_col,
            &params.subst_exp_col,
            &params.repl_exp_col,
            &params.attrs_col,
        ];
        let select =
            Select { table: &params.table_name, columns: &columns, order: Some(&params.pr_col), ..Select::default() };
        let found = self.database.select(&select).await.map_err(|error| error.to_string())?;
        let core = self.core.clone();
        let mut lists: HashMap<i64, Vec<Rule>> = HashMap::new();
        for cells in &found.rows {
            let row = row(cells);
            let dpid = row.dpid;
            let shown = format!("dialplan {dpid}, priority {}, `{}`", row.priority, row.expression);
            match rule(&core, row, params.match_dynamic) {
                Ok(rule) => lists.entry(dpid).or_default().push(rule),
                Err(error) => log!(core.log, Error, "{shown}: the rule is left out: {error}"),
            }
        }
        Ok(lists.into_iter().map(|(dpid, rules)| (dpid, Plan::new(rules))).collect())
    }
}

fn row(cells: &[Value]) -> Row {
    let number = |at: usize| cells.get(at).and_then(Value::to_int).unwrap_or(0);
    let text = |at: usize| cells.get(at).and_then(Value::to_text).unwrap_or_default().into_owned();
    Row {
        dpid: number(0),
        priority: number(1),
        operator: number(2),
        expression: text(3),
        length: number(4),
        substituted: text(5),
        replacement: text(6),
        attributes: text(7),
    }
}

/// The text as a format, when it has variables and they count. A `$` that begins no variable is a `$`: the end of a
/// text in a regular expression.
fn dynamic(env: &mut CompileEnv<'_>, text: &str, is_dynamic: bool) -> Result<Option<Format>, String> {
    if !is_dynamic || !text.contains('$') {
        return Ok(None);
    }
    let has_variable = text
        .match_indices('$')
        .any(|(at, _)| text[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '('));
    if !has_variable {
        return Ok(None);
    }
    // A `$` at the end, or before `)` and `|`, stands for the end of the text.
    let mut doubled = String::with_capacity(text.len() + 2);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        doubled.push(c);
        if c == '$' && !chars.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '(') {
            doubled.push('$');
        }
    }
    env.format(&doubled, Span::default()).map(Some).map_err(|mistake| mistake.message)
}

fn pattern(env: &mut CompileEnv<'_>, text: &str, is_dynamic: bool) -> Result<Pattern, String> {
    Ok(match dynamic(env, text, is_dynamic)? {
        Some(format) => Pattern::Dynamic(format),
        None => Pattern::Known(regex(text).map_err(|error| format!("`{text}`: {error}"))?),
    })
}

fn rule(core: &std::sync::Arc<Core>, row: Row, is_dynamic: bool) -> Result<Rule, String> {
    let (Some(modules), Some(catalog)) = (core.modules.get(), core.catalog.get()) else {
        return Err("the server is not started yet".into());
    };
    let mut env = CompileEnv::new(core, modules, catalog);
    let matching = match row.operator {
        0 => dynamic(&mut env, &row.expression, is_dynamic)?.map_or(Matching::Equal, Matching::EqualTo),
        1 => Matching::Regex(pattern(&mut env, &row.expression, is_dynamic)?),
        2 => dynamic(&mut env, &row.expression, is_dynamic)?.map_or(Matching::Glob, Matching::GlobOf),
        other => return Err(format!("`{other}` is no way to match: 0, 1 or 2")),
    };
    if row.expression.is_empty() {
        return Err("it matches nothing: the expression is empty".into());
    }
    let substituted = match &*row.substituted {
        "" => None,
        text => Some(pattern(&mut env, text, is_dynamic)?),
    };
    let replacement = pieces(&mut env, &row.replacement)?;
    let most = replacement.iter().filter_map(|piece| if let Piece::Group(at) = piece { Some(*at) } else { None }).max();
    let groups = match &substituted {
        Some(Pattern::Known(regex)) => regex.captures_len() - 1,
        Some(Pattern::Dynamic(_)) => 9,
        None => 0,
    };
    if let Some(most) = most.filter(|most| *most > groups) {
        return Err(format!("`\\{most}` in the replacement, and {groups} groups in `{}`", row.substituted));
    }
    Ok(Rule { row, matching, substituted, replacement })
}

/// A replacement: text, `\1`, `$x`; `\\` is a backslash, `\n`, `\r`, `\t` as usual.
fn pieces(env: &mut CompileEnv<'_>, text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    for piece in language::variable::parse_format(text, Span::default()).map_err(|mistake| mistake.message)? {
        match piece {
            FormatPiece::Variable(variable) => {
                out.push(Piece::Variable(env.variable(&variable).map_err(|mistake| mistake.message)?));
            }
            FormatPiece::Text(text) => {
                let (mut literal, mut chars) = (String::new(), text.chars());
                while let Some(c) = chars.next() {
                    if c != '\\' {
                        literal.push(c);
                        continue;
                    }
                    match chars.next() {
                        Some(digit @ '0'..='9') => {
                            out.push(Piece::Text(std::mem::take(&mut literal)));
                            out.push(Piece::Group(digit as usize - '0' as usize));
                        }
                        Some('n') => literal.push('\n'),
                        Some('r') => literal.push('\r'),
                        Some('t') => literal.push('\t'),
                        Some(other) => literal.push(other),
                        None => literal.push('\\'),
                    }
                }
                out.push(Piece::Text(literal));
            }
        }
    }
    Ok(out)
}
