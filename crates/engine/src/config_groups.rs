//! Values that can be changed while the server runs: `core.debug`, `registrar.default_expires`, and the groups that a
//! configuration declares itself (`pstn.gw_ip = "1.2.3.4" desc "gateway"`). Read by `$sel(cfg_get.group.name)`, changed
//! by the RPC commands `cfg.*`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};

use sip::Str;

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
    /// No such instance of the group.
    #[error("there is no such instance of the group")]
    NoInstance,
    /// Only groups that the configuration declares can have instances.
    #[error("this group cannot have instances")]
    NoInstances,
    /// More instances than anybody needs.
    #[error("there are too many instances")]
    TooMany,
}

/// How many instances all groups together may have.
const MAX_INSTANCES: usize = 100_000;

/// A group, or one of its instances: `pstn[2]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupName {
    /// The group.
    pub group: String,
    /// The number of the instance; `None`: the group itself.
    pub instance: Option<u32>,
}

impl GroupName {
    /// The group itself.
    #[must_use]
    pub fn whole(group: &str) -> Self {
        Self { group: group.into(), instance: None }
    }

    /// From `group` or `group[number]`; `None` when it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((group, rest)) = text.split_once('[') else { return Some(Self::whole(text)) };
        let number = rest.strip_suffix(']')?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let instance = number.parse().ok().filter(|_| digits && !group.is_empty())?;
        Some(Self { group: group.into(), instance: Some(instance) })
    }
}

/// The instances that a message's script has selected: `cfg_select`.
#[derive(Default)]
pub struct Selected(Vec<(Str, u32)>);

impl Selected {
    /// The instance of a group.
    #[must_use]
    pub fn instance(&self, group: &str) -> Option<u32> {
        self.0.iter().find(|(name, _)| **name == *group.as_bytes()).map(|(_, instance)| *instance)
    }

    /// Selects an instance, or with `None` the group itself.
    pub fn select(&mut self, group: &Str, instance: Option<u32>) {
        self.0.retain(|(name, _)| name != group);
        self.0.extend(instance.map(|instance| (group.clone(), instance)));
    }
}

/// A change that waits for [`ConfigGroups::commit`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The group, or one of its instances.
    pub group: GroupName,
    /// The name in the group.
    pub name: String,
    /// The value now.
    pub old: Value,
    /// The value that it will have.
    pub new: Value,
}

/// A prepared change; without a value the instance follows the group again.
#[derive(Clone)]
struct Change {
    group: GroupName,
    name: String,
    value: Option<Value>,
}

/// All groups.
#[derive(Default)]
pub struct ConfigGroups {
    groups: RwLock<BTreeMap<String, Vec<ConfigVariable>>>,
    /// By group and number: the values that differ from those of the group itself.
    instances: RwLock<BTreeMap<(String, u32), BTreeMap<String, Value>>>,
    /// The groups that the configuration declares: only their values are read by name for each message.
    own: RwLock<BTreeSet<String>>,
    /// In order; one for each variable at most.
    later: Mutex<Vec<Change>>,
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

    /// Declares a value of a group that the configuration makes up; such groups can have instances.
    pub fn declare_own(&self, group: &str, name: &str, doc: &str, value: Value) {
        self.own.write().insert(group.into());
        self.declare(group, name, doc, value, None, None);
    }

    /// Adds an instance, which has the group's values; one that is there stays as it is.
    pub fn add_instance(&self, group: &str, instance: u32) -> Result<(), ConfigError> {
        if !self.groups.read().contains_key(group) {
            return Err(ConfigError::NotFound);
        }
        if !self.own.read().contains(group) {
            return Err(ConfigError::NoInstances);
        }
        let mut instances = self.instances.write();
        if instances.len() >= MAX_INSTANCES {
            return Err(ConfigError::TooMany);
        }
        instances.entry((group.into(), instance)).or_default();
        Ok(())
    }

    /// Removes an instance.
    pub fn remove_instance(&self, group: &str, instance: u32) -> Result<(), ConfigError> {
        let removed = self.instances.write().remove(&(group.to_owned(), instance));
        removed.map(|_| ()).ok_or(ConfigError::NoInstance)
    }

    /// Whether there is this instance.
    #[must_use]
    pub fn has_instance(&self, group: &str, instance: u32) -> bool {
        self.instances.read().contains_key(&(group.to_owned(), instance))
    }

    /// A value as a group or one of its instances has it.
    #[must_use]
    pub fn value(&self, group: &GroupName, name: &str) -> Option<Value> {
        let variable = self.find(&group.group, name)?;
        if let Some(instance) = group.instance {
            let instances = self.instances.read();
            let values = instances.get(&(group.group.clone(), instance))?;
            if let Some(value) = values.get(name) {
                return Some(value.clone());
            }
        }
        let value = variable.value.read().clone();
        Some(value)
    }

    /// Changes a value of a group or an instance; `None`: the instance follows the group again.
    pub fn change(&self, group: &GroupName, name: &str, value: Option<Value>) -> Result<(), ConfigError> {
        let Some(instance) = group.instance else {
            return self.set(&group.group, name, value.ok_or(ConfigError::NoInstance)?);
        };
        self.check(group, name, value.as_ref())?;
        let mut instances = self.instances.write();
        let values = instances.get_mut(&(group.group.clone(), instance)).ok_or(ConfigError::NoInstance)?;
        match value {
            Some(value) => values.insert(name.to_owned(), value),
            None => values.remove(name),
        };
        Ok(())
    }

    /// Whether [`Self::change`] would do it.
    fn check(&self, group: &GroupName, name: &str, value: Option<&Value>) -> Result<(), ConfigError> {
        match value {
            Some(value) => drop(self.checked(&group.group, name, value)?),
            None => drop(self.find(&group.group, name).ok_or(ConfigError::NotFound)?),
        }
        match group.instance {
            Some(instance) if self.has_instance(&group.group, instance) => Ok(()),
            None if value.is_some() => Ok(()),
            _ => Err(ConfigError::NoInstance),
        }
    }

    /// Does what [`Self::change`] does at the next [`Self::commit`].
    pub fn change_later(&self, group: &GroupName, name: &str, value: Option<Value>) -> Result<(), ConfigError> {
        self.check(group, name, value.as_ref())?;
        let mut later = self.later.lock();
        later.retain(|old| old.group != *group || old.name != name);
        later.push(Change { group: group.clone(), name: name.to_owned(), value });
        Ok(())
    }

    /// What the next [`Self::commit`] changes.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let later = self.later.lock().clone();
        let pending = later.into_iter().filter_map(|Change { group, name, value }| {
            let old = self.value(&group, &name)?;
            let new = value.or_else(|| self.value(&GroupName::whole(&group.group), &name))?;
            Some(Pending { group, name, old, new })
        });
        let mut pending: Vec<_> = pending.collect();
        pending.sort_by_key(|change| change.group.instance);
        pending
    }

    /// Makes the prepared changes; the first one that fails is the result, the others are made.
    pub fn commit(&self) -> Result<(), ConfigError> {
        let later = std::mem::take(&mut *self.later.lock());
        let mut result = Ok(());
        for Change { group, name, value } in later {
            result = result.and(self.change(&group, &name, value));
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
        let pstn = GroupName::whole("pstn");
        assert_eq!(groups.change_later(&pstn, "count", Some(Value::Int(11))), Err(ConfigError::Range(0, 10)));
        groups.change_later(&pstn, "count", Some(Value::Int(6))).unwrap();
        groups.change_later(&pstn, "count", Some(Value::Int(7))).unwrap();
        let pending = groups.pending();
        assert_eq!(pending.len(), 1, "the later one replaces the earlier one");
        assert_eq!((&pending[0].old, &pending[0].new), (&Value::Int(5), &Value::Int(7)));
        groups.rollback();
        groups.commit().unwrap();
        assert_eq!(value(&groups, "count"), Value::Int(5));
        groups.change_later(&pstn, "count", Some(Value::Int(7))).unwrap();
        groups.commit().unwrap();
        assert_eq!(value(&groups, "count"), Value::Int(7));
        assert!(groups.pending().is_empty());
    }

    #[test]
    fn instances_follow_the_group_until_they_have_values_of_their_own() {
        let groups = ConfigGroups::default();
        groups.declare_own("pstn", "count", "number", Value::Int(5));
        groups.declare_int("tm", "fr_timer", "", 30, None);
        let third = GroupName::parse("pstn[3]").unwrap();
        let count = || groups.value(&third, "count");
        assert_eq!(groups.change(&third, "count", Some(Value::Int(7))), Err(ConfigError::NoInstance));
        assert_eq!(count(), None);
        groups.add_instance("pstn", 3).unwrap();
        assert_eq!(count(), Some(Value::Int(5)));
        groups.set("pstn", "count", Value::Int(6)).unwrap();
        assert_eq!(count(), Some(Value::Int(6)));
        groups.change(&third, "count", Some(Value::Int(7))).unwrap();
        groups.add_instance("pstn", 3).unwrap();
        groups.set("pstn", "count", Value::Int(8)).unwrap();
        assert_eq!(count(), Some(Value::Int(7)), "it has its own");
        assert_eq!(groups.change(&third, "count", Some(Value::from("x"))), Err(ConfigError::Type));
        groups.change_later(&third, "count", None).unwrap();
        assert_eq!((groups.pending()[0].old.clone(), groups.pending()[0].new.clone()), (Value::Int(7), Value::Int(8)));
        groups.commit().unwrap();
        assert_eq!(count(), Some(Value::Int(8)));
        groups.remove_instance("pstn", 3).unwrap();
        assert_eq!(groups.remove_instance("pstn", 3), Err(ConfigError::NoInstance));
        assert_eq!(count(), None);
        assert_eq!(groups.add_instance("tm", 1), Err(ConfigError::NoInstances));
        assert_eq!(groups.add_instance("none", 1), Err(ConfigError::NotFound));
    }

    #[test]
    fn names_of_instances() {
        let instance = |text: &str| GroupName::parse(text).map(|name| (name.group, name.instance));
        assert_eq!(instance("pstn"), Some(("pstn".into(), None)));
        assert_eq!(instance("pstn[12]"), Some(("pstn".into(), Some(12))));
        for wrong in ["pstn[", "pstn[]", "pstn[x]", "pstn[-1]", "pstn[+1]", "pstn[99999999999]", "[1]", "pstn[1]x"] {
            assert_eq!(instance(wrong), None, "{wrong}");
        }
    }
}
