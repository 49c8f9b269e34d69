//! Values that can be changed while the server runs: `core.debug`, `registrar.default_expires`, and the groups that a
//! configuration declares itself (`pstn.gw_ip = "1.2.3.4" desc "gateway"`). Read by `$sel(cfg_get.group.name)`, changed
//! by the RPC commands `cfg.*`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::value::Value;

/// Called with the new value.
pub type Changed = Arc<dyn Fn(&Value) + Send + Sync>;

/// One value.
#[derive(Clone)]
pub struct ConfigVariable {
    /// Its name in the group.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// Smallest and largest number; `None` for text, or any number.
    pub range: Option<(i64, i64)>,
    /// Its value; the type never changes.
    pub value: Arc<RwLock<Value>>,
    /// The value at start.
    pub default: Value,
    changed: Option<Changed>,
}

/// A handle to a number that may change; read for each message, so without a lock.
#[derive(Clone)]
pub struct LiveInt(Arc<AtomicI64>);

impl LiveInt {
    /// Its value now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a value was not changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such group or name.
    #[error("Group or variable not found")]
    NotFound,
    /// A number was given for a text, or the reverse.
    #[error("the value has the wrong type")]
    Type,
    /// The number is not allowed.
    #[error("the value must be from {0} to {1}")]
    Range(i64, i64),
    /// The value is only shown.
    #[error("the value cannot be changed while the server runs")]
    Fixed,
}

/// A change that waits for [`ConfigGroups::commit`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The group.
    pub group: String,
    /// The name in the group.
    pub name: String,
    /// The value now.
    pub old: Value,
    /// The value that it will have.
    pub new: Value,
}

/// All groups.
#[derive(Default)]
pub struct ConfigGroups {
    groups: RwLock<BTreeMap<String, Vec<ConfigVariable>>>,
    /// Group, name and new value, in order; one for each variable at most.
    later: Mutex<Vec<(String, String, Value)>>,
}

impl ConfigGroups {
    /// Declares a value; a repeated declaration replaces it.
    pub fn declare(
        &self,
        group: &str,
        name: &str,
        doc: &str,
        value: Value,
        range: Option<(i64, i64)>,
        changed: Option<Changed>,
    ) {
        let variable = ConfigVariable {
            name: name.into(),
            doc: doc.into(),
            range,
            value: Arc::new(RwLock::new(value.clone())),
            default: value,
            changed,
        };
        let mut groups = self.groups.write();
        let group = groups.entry(group.into()).or_default();
        match group.iter_mut().find(|old| old.name == name) {
            Some(old) => *old = variable,
            None => group.push(variable),
        }
    }

    /// Declares a number that is shown and cannot be changed while the server runs.
    pub fn declare_fixed(&self, group: &str, name: &str, doc: &str, value: i64) {
        self.declare(group, name, doc, Value::Int(value), Some((value, value)), None);
    }

    /// Declares a number and returns a handle to it.
    pub fn declare_int(&self, group: &str, name: &str, doc: &str, value: i64, range: Option<(i64, i64)>) -> LiveInt {
        let live = LiveInt(Arc::new(AtomicI64::new(value)));
        let changing = live.clone();
        let changed: Changed = Arc::new(move |value| {
            if let Value::Int(number) = value {
                changing.0.store(*number, Ordering::Relaxed);
            }
        });
        self.declare(group, name, doc, Value::Int(value), range, Some(changed));
        live
    }

    /// One value.
    #[must_use]
    pub fn find(&self, group: &str, name: &str) -> Option<ConfigVariable> {
        self.groups.read().get(group)?.iter().find(|variable| variable.name == name).cloned()
    }

    /// The names of all groups.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.groups.read().keys().cloned().collect()
    }

    /// All values of a group in the order of declaration.
    #[must_use]
    pub fn group(&self, group: &str) -> Vec<ConfigVariable> {
        self.groups.read().get(group).cloned().unwrap_or_default()
    }

    /// The variable, when it takes this value.
    fn checked(&self, group: &str, name: &str, value: &Value) -> Result<ConfigVariable, ConfigError> {
        let variable = self.find(group, name).ok_or(ConfigError::NotFound)?;
        match (&variable.default, value) {
            (Value::Int(_), Value::Int(number)) => {
                if let Some((least, most)) = variable.range
                    && !(least..=most).contains(number)
                {
                    return Err(if least == most { ConfigError::Fixed } else { ConfigError::Range(least, most) });
                }
            }
            (Value::Str(_), Value::Str(_)) => {}
            _ => return Err(ConfigError::Type),
        }
        Ok(variable)
    }

    /// Changes a value.
    pub fn set(&self, group: &str, name: &str, value: Value) -> Result<(), ConfigError> {
        let variable = self.checked(group, name, &value)?;
        *variable.value.write() = value.clone();
        if let Some(changed) = &variable.changed {
            changed(&value);
        }
        Ok(())
    }

    /// Changes a value at the next [`Self::commit`].
    pub fn set_later(&self, group: &str, name: &str, value: Value) -> Result<(), ConfigError> {
        self.checked(group, name, &value)?;
        let mut later = self.later.lock();
        later.retain(|(old_group, old_name, _)| old_group != group || old_name != name);
        later.push((group.to_owned(), name.to_owned(), value));
        Ok(())
    }

    /// What the next [`Self::commit`] changes.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let later = self.later.lock().clone();
        let pending = later.into_iter().filter_map(|(group, name, new)| {
            let old = self.find(&group, &name)?.value.read().clone();
            Some(Pending { group, name, old, new })
        });
        pending.collect()
    }

    /// Makes the prepared changes; the first one that fails is the result, the others are made.
    pub fn commit(&self) -> Result<(), ConfigError> {
        let later = std::mem::take(&mut *self.later.lock());
        let mut result = Ok(());
        for (group, name, value) in later {
            result = result.and(self.set(&group, &name, value));
        }
        result
    }

    /// Forgets the prepared changes.
    pub fn rollback(&self) {
        self.later.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> ConfigGroups {
        let groups = ConfigGroups::default();
        groups.declare("pstn", "gateway", "gateway", Value::from("1.2.3.4"), None, None);
        groups.declare_int("pstn", "count", "number", 5, Some((0, 10)));
        groups
    }

    fn value(groups: &ConfigGroups, name: &str) -> Value {
        groups.find("pstn", name).unwrap().value.read().clone()
    }

    #[test]
    fn values_keep_their_type_and_range() {
        let groups = groups();
        assert_eq!(groups.set("pstn", "count", Value::Int(10)), Ok(()));
        assert_eq!(groups.set("pstn", "count", Value::Int(11)), Err(ConfigError::Range(0, 10)));
        assert_eq!(groups.set("pstn", "count", Value::from("7")), Err(ConfigError::Type));
        assert_eq!(groups.set("pstn", "gateway", Value::Int(1)), Err(ConfigError::Type));
        assert_eq!(groups.set("pstn", "gateway", Value::Null), Err(ConfigError::Type));
        assert_eq!(groups.set("pstn", "nope", Value::Int(1)), Err(ConfigError::NotFound));
        assert_eq!(value(&groups, "count"), Value::Int(10));
    }

    #[test]
    fn changes_are_told_and_seen_by_handles() {
        let groups = ConfigGroups::default();
        let told = Arc::new(AtomicI64::new(0));
        let teller = told.clone();
        let changed: Changed = Arc::new(move |value| teller.store(value.to_int().unwrap_or(0), Ordering::Relaxed));
        groups.declare("g", "told", "", Value::Int(1), None, Some(changed));
        groups.set("g", "told", Value::Int(7)).unwrap();
        assert_eq!(told.load(Ordering::Relaxed), 7);
        let handle = groups.declare_int("g", "live", "", 1, None);
        groups.set("g", "live", Value::Int(9)).unwrap();
        assert_eq!(handle.get(), 9);
    }

    #[test]
    fn prepared_changes_wait_for_commit() {
        let groups = groups();
        assert_eq!(groups.set_later("pstn", "count", Value::Int(11)), Err(ConfigError::Range(0, 10)));
        groups.set_later("pstn", "count", Value::Int(6)).unwrap();
        groups.set_later("pstn", "count", Value::Int(7)).unwrap();
        let pending = groups.pending();
        assert_eq!(pending.len(), 1, "the later one replaces the earlier one");
        assert_eq!((&pending[0].old, &pending[0].new), (&Value::Int(5), &Value::Int(7)));
        groups.rollback();
        groups.commit().unwrap();
        assert_eq!(value(&groups, "count"), Value::Int(5));
        groups.set_later("pstn", "count", Value::Int(7)).unwrap();
        groups.commit().unwrap();
        assert_eq!(value(&groups, "count"), Value::Int(7));
        assert!(groups.pending().is_empty());
    }
}
