//! Both tables in memory.

use database::{Database, Select, Value as Cell};
use engine::{Str, Value};
use hashbrown::HashMap;

use super::DomainParams;

/// A domain.
#[derive(Clone, Debug)]
pub struct Known {
    /// As it stands in the table.
    pub name: Str,
    /// The id that its attributes stand under.
    pub did: Str,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Str,
    /// A number or a text.
    pub value: Value,
}

/// The domains and their attributes.
#[derive(Debug, Default)]
pub struct Domains {
    /// By the name in lower case.
    domains: HashMap<Vec<u8>, Known>,
    /// By id; the last row first.
    attributes: HashMap<Str, Vec<Attribute>>,
    /// The ids with attributes, as they came.
    ids: Vec<Str>,
}

impl Domains {
    /// The domain of a name, in upper or lower case.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Known> {
        if name.iter().any(u8::is_ascii_uppercase) {
            self.domains.get(&name.to_ascii_lowercase())
        } else {
            self.domains.get(name)
        }
    }

    /// Whether a name is one of the domains.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// The attributes of an id, the last row first.
    #[must_use]
    pub fn attributes(&self, did: &Str) -> &[Attribute] {
        self.attributes.get(did).map_or(&[], Vec::as_slice)
    }

    /// All domains, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.domains.values()
    }

    /// All ids that have attributes, the last one first.
    pub fn ids(&self) -> impl Iterator<Item = &Str> {
        self.ids.iter().rev()
    }

    /// From the rows of the tables (domain, did; did, name, type, value); the text says which row is wrong.
    fn new(domains: &[Vec<Cell>], attributes: &[Vec<Cell>]) -> Result<Self, String> {
        let text = |cell: &Cell| cell.to_text().map(|text| Str::from(text.into_owned()));
        let mut me = Self::default();
        for (at, row) in domains.iter().enumerate() {
            let [name, did] = row.as_slice() else { return Err("the table of domains lacks columns".into()) };
            let name = text(name).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| format!("domain {}: there is no name", at + 1))?;
            let did = text(did).unwrap_or_else(|| name.clone());
            me.domains.insert(name.to_ascii_lowercase(), Known { name, did });
        }
        for (at, row) in attributes.iter().enumerate() {
            let [did, name, kind, value] = row.as_slice() else {
                return Err("the table of attributes lacks columns".into());
            };
            let wrong = |what: &str| format!("attribute {}: {what}", at + 1);
            let did = text(did).ok_or_else(|| wrong("there is no id"))?;
            let name = text(name).ok_or_else(|| wrong("there is no name"))?;
            let value = match kind.to_int() {
                Some(0) => Value::Int(value.to_int().ok_or_else(|| wrong("the value is no number"))?),
                Some(2) => Value::Str(text(value).ok_or_else(|| wrong("there is no value"))?),
                _ => return Err(wrong("the type is neither 0 (number) nor 2 (text)")),
            };
            if !me.attributes.contains_key(&did) {
                me.ids.push(did.clone());
            }
            me.attributes.entry(did).or_default().push(Attribute { name, value });
        }
        me.attributes.values_mut().for_each(|list| list.reverse());
        Ok(me)
    }
}

/// Reads both tables.
pub(super) async fn load(params: &DomainParams, database: &Database) -> Result<Domains, String> {
    let columns = [&*params.domain_col, &*params.did_col];
    let select = Select { table: &params.domain_table, columns: &columns, ..Select::default() };
    let wrong = |table: &str, error: database::Error| format!("table `{table}`: {error}");
    let domains = database.select(&select).await.map_err(|error| wrong(&params.domain_table, error))?;
    let columns = [&*params.did_col, &*params.name_col, &*params.type_col, &*params.value_col];
    let select = Select { table: &params.domain_attrs_table, columns: &columns, ..Select::default() };
    let attributes = database.select(&select).await.map_err(|error| wrong(&params.domain_attrs_table, error))?;
    Domains::new(&domains.rows, &attributes.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::from(text)
    }

    #[test]
    fn names_and_attributes() {
        let domains = [vec![text("A.com"), Cell::Null], vec![text("b.com"), text("b")]];
        let row = |name: &str, kind: i64, value: &str| vec![text("b"), text(name), Cell::Int(kind), text(value)];
        let table = Domains::new(&domains, &[row("max", 0, "12"), row("t", 2, "one"), row("t", 2, "two")]).unwrap();
        assert!(table.has(b"a.COM") && !table.has(b"x.a.com") && !table.has(b""));
        assert_eq!(table.find(b"a.com").unwrap().did, Str::from("A.com"));
        let values: Vec<_> = table.attributes(&Str::from("b")).iter().map(|it| it.value.clone()).collect();
        assert_eq!(values, [Value::from("two"), Value::from("one"), Value::Int(12)]);
        assert!(Domains::new(&domains, &[row("max", 0, "abc")]).unwrap_err().contains("attribute 1"));
        assert!(Domains::new(&domains, &[row("max", 1, "abc")]).is_err());
    }
}
