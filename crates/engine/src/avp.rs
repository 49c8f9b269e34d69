//! `$avp(name)`: stacks of values that live with the message, later with its transaction.

use sip::Str;

use crate::value::Value;
use crate::variable::Index;

/// All AVPs of a message; newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Avps {
    /// Oldest first in memory: pushing is cheap.
    list: Vec<(Str, Value)>,
    /// Flags of names (`setavpflag`).
    flags: Vec<(Str, u32)>,
}

impl Avps {
    /// Puts a value on top of its stack.
    pub fn push(&mut self, name: &Str, value: Value) {
        self.list.push((name.clone(), value));
    }

    /// The newest value.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Value {
        self.list.iter().rev().find(|(key, _)| **key == *name).map_or(Value::Null, |(_, value)| value.clone())
    }

    /// All values of a name, newest first.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.list.iter().rev().filter(move |(key, _)| **key == *name).map(|(_, value)| value)
    }

    /// By index: none and 0 is the newest one; `[*]` joins all with a comma.
    #[must_use]
    pub fn at(&self, name: &[u8], index: Index) -> Value {
        match index {
            Index::None | Index::At(0) => self.get(name),
            Index::All => {
                let mut joined = Vec::new();
                for (at, value) in self.values(name).enumerate() {
                    if at > 0 {
                        joined.push(b',');
                    }
                    value.append_to(&mut joined);
                }
                if joined.is_empty() { Value::Null } else { Value::from(joined) }
            }
            Index::At(_) => {
                let values: Vec<&Value> = self.values(name).collect();
                index.position(values.len()).map_or(Value::Null, |at| values[at].clone())
            }
        }
    }

    /// Removes the newest value; true when there was one.
    pub fn pop(&mut self, name: &[u8]) -> bool {
        match self.list.iter().rposition(|(key, _)| **key == *name) {
            Some(at) => {
                self.list.remove(at);
                true
            }
            None => false,
        }
    }

    /// Removes all values of a name; tells how many.
    pub fn remove_all(&mut self, name: &[u8]) -> usize {
        let before = self.list.len();
        self.list.retain(|(key, _)| **key != *name);
        before - self.list.len()
    }

    /// Replaces the value at an index; false when there is none.
    pub fn replace_at(&mut self, name: &[u8], index: Index, value: Value) -> bool {
        let places: Vec<usize> =
            self.list.iter().enumerate().rev().filter(|(_, (key, _))| **key == *name).map(|(at, _)| at).collect();
        match index.position(places.len()) {
            Some(at) => {
                self.list[places[at]].1 = value;
                true
            }
            None => false,
        }
    }

    /// Removes the value at an index; false when there is none.
    pub fn remove_at(&mut self, name: &[u8], index: Index) -> bool {
        let places: Vec<usize> =
            self.list.iter().enumerate().rev().filter(|(_, (key, _))| **key == *name).map(|(at, _)| at).collect();
        match index.position(places.len()) {
            Some(at) => {
                self.list.remove(places[at]);
                true
            }
            None => false,
        }
    }

    /// Name and value of all, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &(Str, Value)> {
        self.list.iter().rev()
    }

    /// The flags of a name (`setavpflag`); `None`: there is no such AVP.
    #[must_use]
    pub fn flags(&self, name: &[u8]) -> Option<u32> {
        self.list.iter().any(|(key, _)| **key == *name).then(|| {
            let known = self.flags.iter().find(|(key, _)| **key == *name);
            known.map_or(0, |(_, flags)| *flags)
        })
    }

    /// Sets the flags of a name.
    pub fn set_flags(&mut self, name: &Str, flags: u32) {
        match self.flags.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = flags,
            None => self.flags.push((name.clone(), flags)),
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.list.clear();
        self.flags.clear();
    }
}
