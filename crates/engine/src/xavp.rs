//! `$xavp`, `$xavu`, `$xavi`: nested named values that live with the message, later with its transaction.

use sip::Str;

use crate::value::Value;

/// A value in a list: simple, or a list itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Xvalue {
    /// A number or text.
    Simple(Value),
    /// Named values, newest first.
    List(Xlist),
}

/// Named values, newest first; a name may repeat.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Xlist {
    /// Name and value.
    pub items: Vec<(Str, Xvalue)>,
}

impl Xlist {
    /// Positions of a name, newest first.
    fn positions(&self, name: &[u8], ignore_case: bool) -> impl Iterator<Item = usize> {
        self.items
            .iter()
            .enumerate()
            .filter(move |(_, (key, _))| if ignore_case { key.eq_ignore_ascii_case(name) } else { **key == *name })
            .map(|(at, _)| at)
    }

    /// The value at an index of a name; negative counts from the oldest.
    #[must_use]
    pub fn find(&self, name: &[u8], index: i64, ignore_case: bool) -> Option<usize> {
        if index >= 0 {
            return self.positions(name, ignore_case).nth(index as usize);
        }
        let places: Vec<usize> = self.positions(name, ignore_case).collect();
        let at = places.len() as i64 + index;
        usize::try_from(at).ok().and_then(|at| places.get(at).copied())
    }

    /// How many values a name has.
    #[must_use]
    pub fn count(&self, name: &[u8], ignore_case: bool) -> usize {
        self.positions(name, ignore_case).count()
    }

    /// The value at an index of a name.
    #[must_use]
    pub fn get(&self, name: &[u8], index: i64, ignore_case: bool) -> Option<&Xvalue> {
        self.find(name, index, ignore_case).map(|at| &self.items[at].1)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, name: &[u8], index: i64, ignore_case: bool) -> Option<&mut Xvalue> {
        self.find(name, index, ignore_case).map(|at| &mut self.items[at].1)
    }

    /// Puts a value on top.
    pub fn push(&mut self, name: Str, value: Xvalue) {
        self.items.insert(0, (name, value));
    }

    /// Removes all values of a name; tells how many.
    pub fn remove_all(&mut self, name: &[u8], ignore_case: bool) -> usize {
        let before = self.items.len();
        self.items.retain(|(key, _)| if ignore_case { !key.eq_ignore_ascii_case(name) } else { **key != *name });
        before - self.items.len()
    }
}

/// The three families.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Xavps {
    /// `$xavp`: any number of values per name.
    pub xavp: Xlist,
    /// `$xavu`: one value per name.
    pub xavu: Xlist,
    /// `$xavi`: names without case.
    pub xavi: Xlist,
}

impl Xavps {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.xavp.items.clear();
        self.xavu.items.clear();
        self.xavi.items.clear();
    }
}
