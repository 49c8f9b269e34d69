//! A variable of the script is read, and nothing writes it: usually a name that is spelt in two ways.
//!
//! Functions and modules write variables, too, and which is not known for all of them. So everything that is not
//! known to read only is taken for writing, and where names come from elsewhere (a database, RADIUS) nothing is said
//! at all.

use std::collections::{HashMap, HashSet};

use super::Check;
use super::common::{has_other_scripts, is_whole, misses_import, within, words};
use super::model::{Access, Model, VariableUse};
use super::writers::{self, READERS};
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::span::{Span, Spanned};

/// What has names of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Class {
    Var,
    Shared,
    Avp,
    Xavp,
    Xavu,
    Xavi,
}

impl Class {
    fn of(variable: &str) -> Option<Self> {
        Some(match variable {
            "var" | "vn" => Self::Var,
            "shv" => Self::Shared,
            "avp" => Self::Avp,
            "xavp" => Self::Xavp,
            "xavu" => Self::Xavu,
            "xavi" => Self::Xavi,
            _ => return None,
        })
    }

    fn has_fields(self) -> bool {
        matches!(self, Self::Xavp | Self::Xavu | Self::Xavi)
    }
}

/// Where names of one class are written.
#[derive(Default)]
struct Written {
    /// Names, and `root` and `root=>field` of those with fields.
    names: HashSet<String>,
    /// Roots whose fields are not known: a function fills them, or they are assigned as a whole.
    whole: HashSet<String>,
    /// A name is computed: everything may be written.
    any: bool,
}

/// A variable that is read, by its name without index: `x`, `root=>field`.
struct Reading<'m> {
    class: Class,
    name: String,
    used: &'m VariableUse,
    inner: &'m Spanned<String>,
}

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if !is_whole(model) || has_other_scripts(model) || misses_import(model) {
        return;
    }
    let names = Names::of(model);
    let mut reported = HashSet::new();
    let mut found = Vec::new();
    for reading in &names.readings {
        let Some(missing) = names.missing(reading) else { continue };
        if reported.insert((reading.class, missing.clone())) {
            found.extend(names.report(model, reading, &missing));
        }
    }
    check.diagnostics.extend(found);
}

struct Names<'m> {
    written: HashMap<Class, Written>,
    readings: Vec<Reading<'m>>,
    /// Words in text that conditions left out.
    skipped: HashSet<&'m str>,
    /// Words in texts for functions and modules: they may be names of AVPs and XAVPs.
    mentioned: HashSet<&'m str>,
    aliases: HashMap<String, String>,
}

impl<'m> Names<'m> {
    fn of(model: &'m Model<'_>) -> Self {
        let mut names = Self {
            written: HashMap::new(),
            readings: Vec::new(),
            skipped: model.skipped_words(),
            mentioned: HashSet::new(),
            aliases: aliases(model),
        };
        let readers = reader_arguments(model);
        names.mentioned.extend(writers::mentioned(model));
        for param in &model.params {
            if matches!(param.name.node.as_str(), "varset" | "shvset") {
                let class = if param.name.node == "varset" { Class::Var } else { Class::Shared };
                let name = param.text().and_then(|text| text.split_once('=')).map(|(name, _)| name.trim());
                names.written(class).names.extend(name.map(str::to_owned));
            }
        }
        for site in model.calls.iter().filter(|site| !READERS.contains(&site.name())) {
            for at in 1..=site.call.arguments.len() {
                let text = site.text(at).map_or("", |text| text.node);
                names.mentioned.extend(words(text).filter(|_| !text.contains('$')));
            }
        }
        for used in &model.variables {
            names.enter(used, &readers);
        }
        for class in writers::unknown(model) {
            names.written(class).any = true;
        }
        names
    }

    fn written(&mut self, class: Class) -> &mut Written {
        self.written.entry(class).or_default()
    }

    fn enter(&mut self, used: &'m VariableUse, readers: &[Span]) {
        let Some(class) = Class::of(&used.variable.name) else {
            // Without `#!KAMAILIO` an unknown `$x` is the AVP x.
            if used.access == Access::Write && crate::known::variable(&used.variable.name).is_empty() {
                self.written(Class::Avp).names.insert(used.variable.name.clone());
            }
            return;
        };
        let Some(inner) = &used.variable.inner else { return };
        let reads = match used.access {
            Access::Read => true,
            Access::Write | Access::Param => false,
            Access::Argument | Access::Text => readers.iter().any(|reader| within(used.variable.span, *reader)),
        };
        if used.inner().is_none() {
            self.written(class).any |= !reads;
            return;
        }
        let name = self.normalized(class, &inner.node);
        if reads {
            self.readings.push(Reading { class, name, used, inner });
            return;
        }
        let written = self.written(class);
        if class.has_fields() {
            let root = name.split("=>").next().unwrap_or_default().to_owned();
            // A field below a field: only that there is something.
            if used.access != Access::Write || name.matches("=>").count() != 1 {
                written.whole.insert(root.clone());
            }
            written.names.insert(root);
        }
        written.names.insert(name);
    }

    /// Without index and kind: `x` of `s:x`, `a=>b` of `a[0]=>b`.
    fn normalized(&self, class: Class, inner: &str) -> String {
        let plain = |text: &str| text.split('[').next().unwrap_or_default().trim().to_owned();
        if class.has_fields() {
            let name = inner.split("=>").map(plain).collect::<Vec<_>>().join("=>");
            return if class == Class::Xavi { name.to_ascii_lowercase() } else { name };
        }
        let name = if class == Class::Avp { without_kind(&plain(inner)).to_owned() } else { plain(inner) };
        match self.aliases.get(&name) {
            Some(real) if class == Class::Avp => real.clone(),
            _ => name,
        }
    }

    /// What of a variable nothing writes: its name, or its root.
    fn missing(&self, reading: &Reading<'_>) -> Option<String> {
        let nothing = Written::default();
        let written = self.written.get(&reading.class).unwrap_or(&nothing);
        let odd = |name: &str| name.is_empty() || name.starts_with(['_', '/']) || name.contains(['.', '%', '*']);
        if written.any || odd(&reading.name) {
            return None;
        }
        let by_name = !matches!(reading.class, Class::Var | Class::Shared);
        let is_mentioned = |name: &str| self.skipped.contains(name) || (by_name && self.mentioned.contains(name));
        if !reading.class.has_fields() {
            let known = written.names.contains(&reading.name) || is_mentioned(&reading.name);
            return (!known && !writers::by_default(reading.class, &reading.name)).then(|| reading.name.clone());
        }
        let (root, field) = match reading.name.split_once("=>") {
            Some((root, field)) => (root, Some(field)),
            None => (&*reading.name, None),
        };
        if written.whole.contains(root) || is_mentioned(root) || writers::by_default(reading.class, root) {
            return None;
        }
        if !written.names.contains(root) {
            return Some(root.to_owned());
        }
        let field = field?.split("=>").next().unwrap_or_default();
        let name = format!("{root}=>{field}");
        (!written.names.contains(&name) && !is_mentioned(field)).then_some(name)
    }

    fn report(&self, model: &Model<'_>, reading: &Reading<'_>, missing: &str) -> Option<Diagnostic> {
        let written = self.written.get(&reading.class);
        let mut candidates: Vec<&str> = written.iter().flat_map(|it| &it.names).map(String::as_str).collect();
        candidates.retain(|name| name.contains("=>") == missing.contains("=>"));
        candidates.sort_unstable();
        // Others set shared variables from outside, with `pv.shvSet`.
        if reading.class == Class::Shared && closest(missing, candidates.iter().copied()).is_none() {
            return None;
        }
        let variable = &reading.used.variable.name;
        let shown = format!("${variable}({missing})");
        let label = if variable == "var" { "always 0" } else { "always $null" };
        let message = format!("`{shown}` is read, and nothing writes it");
        let span = place(model, reading);
        let diagnostic = Diagnostic::warning(Code::NeverWritten, message, span, label);
        // Of a field only the field can be the misspelt part when its root is right.
        let last = |name: &str| name.rsplit("=>").next().unwrap_or_default().to_owned();
        let root = missing.split("=>").next().unwrap_or_default();
        let fields = candidates.iter().filter(|name| !missing.contains("=>") || name.split("=>").next() == Some(root));
        let names: Vec<String> = fields.map(|name| last(name)).collect();
        let closer = diagnostic.clone().did_you_mean(&last(missing), names.iter().map(String::as_str));
        Some(if closer == diagnostic { diagnostic.help("write it first, or remove what reads it") } else { closer })
    }
}

/// The variable as it is read: of a text whose places are not exact, what is spelt like it.
fn place(model: &Model<'_>, reading: &Reading<'_>) -> Span {
    let variable = &reading.used.variable;
    if !variable.transformations.is_empty() && within(reading.inner.span, variable.span) {
        return reading.inner.span.part(&reading.inner.node, 0..reading.inner.node.len());
    }
    let text = model.sources.text(variable.span);
    let spelt = format!("${}({})", variable.name, reading.inner.node);
    match text.find(&spelt) {
        Some(at) if at > 0 => {
            let start = variable.span.start + at as u32;
            Span { start, end: start + spelt.len() as u32, ..variable.span }
        }
        _ => variable.span,
    }
}

/// `x` of `s:x`, `5` of `i:5`.
fn without_kind(name: &str) -> &str {
    name.strip_prefix("s:").or_else(|| name.strip_prefix("i:")).unwrap_or(name)
}

/// Names that `avp_aliases` declares for AVPs.
fn aliases(model: &Model<'_>) -> HashMap<String, String> {
    let params = model.params.iter().filter(|param| param.name.node == "avp_aliases");
    let pairs = params.filter_map(|param| param.text()).flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(alias, name)| (alias.trim().to_owned(), without_kind(name.trim()).to_owned()))
        .collect()
}

/// The places of arguments that functions only read.
fn reader_arguments(model: &Model<'_>) -> Vec<Span> {
    let readers = model.calls.iter().filter(|site| READERS.contains(&site.name()));
    readers.flat_map(|site| site.call.arguments.iter().map(|argument| argument.span)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    fn missing(head: &str, body: &str) -> Vec<String> {
        let found = messages(Code::NeverWritten, &format!("{head}\nrequest_route {{ {body} }}"));
        found.iter().map(|text| text.split('`').nth(1).unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn reads_without_writes_are_found() {
        assert_eq!(missing("", "if ($var(a) == 1) exit; $var(b) = $var(a);"), ["$var(a)"]);
        assert_eq!(missing("", "xlog(\"x $avp(s:a)\\n\");"), ["$avp(a)"]);
        assert_eq!(missing("", "xlog(\"$avp(a)\");"), ["$avp(a)"], "a variable alone, for a function that reads only");
        assert_eq!(missing("", "$xavp(a=>b) = 1; $var(x) = $(xavp(a[0]=>c){s.len});"), ["$xavp(a=>c)"]);
        assert_eq!(missing("", "$xavu(a=>b) = 1; $var(x) = $xavp(a=>b);"), ["$xavp(a)"]);
        assert_eq!(missing("", "$shv(ready) = 1; if ($shv(redy) == 1 || $shv(night) == 1) exit;"), ["$shv(redy)"]);
    }

    #[test]
    fn everything_that_may_write_counts() {
        let params = r#"modparam("pv", "avp_aliases", "m=s:mail;t=i:7")
            modparam("x", "some_avp", "$avp(p)")
            modparam("x", "xavp_cfg", "cfg")"#;
        let body = "$avp(s:mail) = 1; $avp(i:7) = 2; $var(x) = $avp(m) + $avp(t) + $avp(p) + $xavp(cfg=>y);";
        assert_eq!(missing(params, body), [""; 0]);
        let written = [
            "some_function(\"$var(a)\"); xlog(\"$var(a)\");",
            "some_function($var(a)); $var(b) = $var(a);",
            "sql_pvquery(\"x\", \"select\", \"$var(b), $var(a)\"); $var(c) = $var(a);",
            "sql_xquery(\"x\", \"select\", \"ra\"); $var(c) = $xavp(ra=>name);",
            "$xavp(a) = $xavp(b); $xavp(b=>q) = 1; $var(c) = $xavp(a=>q);",
            "$avp($var(n)) = 1; $var(n) = $avp(any);",
            "load_attrs(\"$fu\", \"x\"); $var(n) = $avp(any);",
            "$var(n) = $xavp(_dsdst_=>uri);",
        ];
        for body in written {
            assert_eq!(missing("", body), [""; 0], "{body}");
        }
        for head in [
            "loadmodule \"app_lua.so\"",
            "import_file \"missing.cfg\"",
            "#!ifdef X\nroute[A] { $var(a) = 1; }\n#!endif",
        ] {
            assert_eq!(missing(head, "if ($var(a) == 1) exit;"), [""; 0], "{head}");
        }
        assert_eq!(messages(Code::NeverWritten, "route[PART] { if ($var(a) == 1) exit; }"), [""; 0]);
    }
}
