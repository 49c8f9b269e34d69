//! The text that declares a table: `name=>size=8;autoexpire=120;`.

use std::ops::Range;

use engine::{Code, Diagnostic, ParamSource, Str};
use language::ast::ConfigValue;
use language::span::Span;

/// The attributes of a definition.
const ATTRIBUTES: &[&str] =
    &["size", "autoexpire", "dbtable", "cols", "dbmode", "initval", "updateexpire", "dmqreplicate"];

/// The longest `autoexpire`: some thirty years.
const MAX_SECONDS: i64 = 1_000_000_000;

/// What a `modparam` line says of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    /// Its name.
    pub name: Str,
    /// 2 to the power of this is the number of slots that lists show. The table itself grows as needed.
    pub size: u32,
    /// Seconds that an item lives; 0: for ever.
    pub autoexpire: i64,
    /// What an item is that is not there.
    pub initval: Option<i64>,
    /// A change of an item begins its time anew.
    pub updateexpire: bool,
    /// The database table that it is loaded from; empty: none.
    pub dbtable: Str,
    /// The columns of that table: first that of the key, then those of the value; empty: the module's.
    pub columns: Vec<Str>,
    /// Written to the database when the server stops.
    pub dbmode: bool,
    /// It would be told to other servers if `enable_dmq` were there.
    pub dmqreplicate: bool,
}

/// The range without the blanks at its ends.
pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    let start = range.start + piece.len() - piece.trim_start().len();
    start..start + piece.trim().len()
}

/// A definition while it is read.
struct Reader<'a> {
    text: &'a str,
    span: Span,
    definition: Definition,
}

impl Definition {
    /// Reads one line.
    ///
    /// # Errors
    /// An attribute that does not exist, a value of another type.
    pub fn parse(source: &ParamSource) -> Result<Self, Diagnostic> {
        let ConfigValue::String(text) = &source.value else {
            return Err(source.error("a hash table is declared by a text", "`name=>size=8;`"));
        };
        let definition = Self {
            name: Str::EMPTY,
            size: 3,
            autoexpire: 0,
            initval: None,
            updateexpire: true,
            dbtable: Str::EMPTY,
            columns: Vec::new(),
            dbmode: false,
            dmqreplicate: false,
        };
        Reader { text, span: source.span, definition }.read()
    }
}

impl Reader<'_> {
    fn error(&self, range: Range<usize>, message: String, label: &str) -> Diagnostic {
        Diagnostic::error(Code::ParamValue, message, self.span.part(self.text, range), label)
    }

    fn read(mut self) -> Result<Definition, Diagnostic> {
        let Some(arrow) = self.text.find("=>") else {
            return Err(self.error(
                0..self.text.len(),
                format!("`{}` declares no hash table", self.text),
                "it is written `name=>size=8;`",
            ));
        };
        let name = trim(self.text, 0..arrow);
        let written = &self.text[name.clone()];
        if written.is_empty() || written.contains(|c: char| c.is_whitespace() || c == ';' || c == '=') {
            return Err(self.error(0..arrow + 2, "a hash table needs a name".into(), "one word before `=>`"));
        }
        self.definition.name = Str::from(written);
        let mut start = arrow + 2;
        while start < self.text.len() {
            let end = self.end_of_attribute(start);
            let range = trim(self.text, start..end);
            if range.is_empty() {
                // A `;` at the end is usual.
                if !self.text[start..].trim_start_matches(';').trim().is_empty() {
                    return Err(self.error(start..end.max(start + 1), "an attribute is missing".into(), "before this"));
                }
            } else {
                self.attribute(range)?;
            }
            start = end + 1;
        }
        Ok(self.definition)
    }

    /// Where the `;` behind the attribute at `start` is: not the ones in quotes.
    fn end_of_attribute(&self, start: usize) -> usize {
        let mut quote = None;
        for (at, byte) in self.text.bytes().enumerate().skip(start) {
            match (byte, quote) {
                (b'"' | b'\'', None) => quote = Some(byte),
                (byte, Some(open)) if byte == open => quote = None,
                (b';', None) => return at,
                _ => {}
            }
        }
        self.text.len()
    }

    fn attribute(&mut self, range: Range<usize>) -> Result<(), Diagnostic> {
        let equals = self.text[range.clone()].find('=').map(|at| range.start + at);
        let name = trim(self.text, range.start..equals.unwrap_or(range.end));
        let written = &self.text[name.clone()];
        if !ATTRIBUTES.contains(&written) {
            return Err(self
                .error(name, format!("a hash table has no attribute `{written}`"), "no such attribute")
                .did_you_mean(written, ATTRIBUTES.iter().copied())
                .help(format!("there are: {}", ATTRIBUTES.join(", "))));
        }
        let value = trim(self.text, equals.map_or(range.end, |at| at + 1)..range.end);
        match written {
            // As in Kamailio: what is too small or too large becomes something usual.
            "size" => {
                self.definition.size = match self.number(written, value, 0..=i64::from(u32::MAX))? {
                    ..2 => 3,
                    size @ 2..=31 => size as u32,
                    _ => 14,
                }
            }
            "autoexpire" => self.definition.autoexpire = self.number(written, value, 0..=MAX_SECONDS)?,
            "initval" => self.definition.initval = Some(self.number(written, value, i64::MIN..=i64::MAX)?),
            "updateexpire" => {
                self.definition.updateexpire = self.number(written, value, 0..=i64::from(u32::MAX))? != 0;
            }
            "dbmode" => self.definition.dbmode = self.number(written, value, 0..=i64::from(u32::MAX))? != 0,
            "dmqreplicate" => {
                self.definition.dmqreplicate = self.number(written, value, 0..=i64::from(u32::MAX))? != 0;
            }
            "dbtable" => {
                let name = self.unquoted(value.clone());
                if !name.is_empty() && !database::is_name(name) {
                    return Err(self.error(
                        value,
                        format!("`{name}` is no name of a table"),
                        "letters, digits and `_`",
                    ));
                }
                self.definition.dbtable = Str::from(name);
            }
            _ => {
                let columns: Vec<&str> = self.unquoted(value.clone()).split(',').map(str::trim).collect();
                if columns.len() < 2 || !columns.iter().all(|column| database::is_name(column)) {
                    let message = "`cols` names at least two columns: that of the key and one of the value";
                    return Err(self.error(value, message.into(), "write `cols='key_name,key_value'`"));
                }
                self.definition.columns = columns.into_iter().map(Str::from).collect();
            }
        }
        Ok(())
    }

    fn unquoted(&self, range: Range<usize>) -> &str {
        let text = &self.text[range];
        let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
        inside('"').or_else(|| inside('\'')).unwrap_or(text)
    }

    fn number(
        &self,
        name: &str,
        range: Range<usize>,
        allowed: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, Diagnostic> {
        let text = self.unquoted(range.clone());
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        number.ok_or_else(|| {
            let place = if range.is_empty() { 0..self.text.len() } else { range };
            self.error(
                place,
                format!("`{name}` of a hash table is a number, not `{text}`"),
                "not a number that it takes",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Definition, Diagnostic> {
        let span = Span { start: 100, end: 102 + text.len() as u32, ..Span::default() };
        Definition::parse(&ParamSource { name: "htable".into(), value: ConfigValue::String(text.into()), span })
    }

    #[test]
    fn attributes() {
        let all = parse(
            "a => size = 4 ; autoexpire=7200;dbtable=\"t\";cols='k, v';dbmode=1;initval=-3;updateexpire=0;dmqreplicate=1;",
        );
        let all = all.unwrap();
        assert_eq!((all.name.to_text().as_ref(), all.size, all.autoexpire), ("a", 4, 7200));
        assert_eq!((all.initval, all.updateexpire, all.dbmode, all.dmqreplicate), (Some(-3), false, true, true));
        assert_eq!((all.dbtable, all.columns), (Str::from("t"), vec![Str::from("k"), Str::from("v")]));
        for (text, size) in [("a=>", 3), ("a=>;", 3), ("a=>size=1", 3), ("a=>size=40;", 14), ("a=>size=31", 31)] {
            assert_eq!(parse(text).unwrap().size, size, "{text}");
        }
        assert_eq!(parse("a=>initval=\"5\"").unwrap().initval, Some(5));
    }

    /// What Kamailio 5.6.3 refuses, too, but for the table without a name.
    #[test]
    fn mistakes_have_a_place() {
        for (text, place) in [
            ("a", "a"),
            ("=>size=4", "=>"),
            ("a b=>size=4", "a b=>"),
            ("a=>foo=1", "foo"),
            ("a=>SIZE=4", "SIZE"),
            ("a=>size=x", "x"),
            ("a=>size=4;;initval=1", ";"),
            ("a=>initval=abc", "abc"),
            ("a=>autoexpire=-5", "-5"),
            ("a=>autoexpire=5s", "5s"),
            ("a=>cols=k", "k"),
            ("a=>cols='k,v; DROP'", "'k,v; DROP'"),
            ("a=>dbtable=a b", "a b"),
            ("a=>maxsize=10", "maxsize"),
        ] {
            let mistake = parse(text).expect_err(text);
            let span = mistake.labels[0].span;
            assert_eq!(&text[span.start as usize - 101..span.end as usize - 101], place, "{text}: {mistake:?}");
        }
        assert!(parse("a=>autoexpir=5").unwrap_err().help.iter().any(|help| help.contains("`autoexpire`")));
    }
}
