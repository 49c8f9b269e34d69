//! One dialog.

use engine::{ScriptError, Str};
use parking_lot::{Mutex, MutexGuard};
use transport::SocketId;

use crate::rr::Direction;
use crate::tm::TransactionId;

/// Bytes that the variables of a dialog may take, names included.
const MAX_VARIABLES: usize = 64 * 1024;

/// How far a dialog is. The numbers are those that scripts see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The INVITE goes its way.
    Unconfirmed = 1,
    /// It rings.
    Early = 2,
    /// Answered; the ACK has not been seen.
    Answered = 3,
    /// A call.
    Confirmed = 4,
    /// Over.
    Ended = 5,
}

impl Stage {
    /// 1 to 5.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// Answered, and not over.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Answered | Self::Confirmed)
    }
}

/// Names a dialog: `$dlg(h_entry)` and `$dlg(h_id)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Made of its Call-ID.
    pub entry: u32,
    /// Its number.
    pub number: u32,
}

impl DialogId {
    /// As in the Record-Route: both numbers in hexadecimal digits, the lowest first.
    #[must_use]
    pub fn to_param(self) -> String {
        let digits = |number: u32| format!("{number:x}").chars().rev().collect::<String>();
        format!("{}.{}", digits(self.entry), digits(self.number))
    }

    /// Reads what [`Self::to_param`] wrote.
    #[must_use]
    pub fn of_param(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (entry, number) = text.split_once('.')?;
        let digits = |text: &str| {
            let text: String = text.chars().rev().collect();
            u32::from_str_radix(&text, 16).ok().filter(|_| !text.starts_with('+'))
        };
        Some(Self { entry: digits(entry)?, number: digits(number)? })
    }
}

/// One side of a call.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// Its tag; empty: not known yet.
    pub tag: Str,
    /// The URI of its Contact.
    pub contact: Str,
    /// The sequence number of its last request; 0: none.
    pub cseq: u32,
    /// The Route header bodies for requests to it, the first hop first.
    pub routes: Vec<Str>,
    /// The socket that it talks to.
    pub socket: Option<SocketId>,
}

/// What changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) stage: Stage,
    pub(super) caller: Party,
    /// Nothing is known before the answer.
    pub(super) callee: Option<Party>,
    /// Microseconds since 1970.
    pub(super) started: Option<i64>,
    pub(super) ended: Option<i64>,
    /// Seconds.
    pub(super) lifetime: i64,
    /// When the lifetime is over, in seconds since 1970.
    pub(super) expires: i64,
    /// When the timer has something to do; 0: never.
    pub(super) due: i64,
    /// When the timer looks at it next; 0: not at all.
    pub(super) armed: i64,
    pub(super) flags: u32,
    /// `$dlg_ctx(timeout_bye)`.
    pub(super) timeout_bye: bool,
    /// `$dlg_ctx(timeout_route)`.
    pub(super) timeout_route: Str,
    variables: Vec<(Str, Str)>,
    /// Profiles by number, with the value in them.
    pub(super) profiles: Vec<(usize, Str)>,
    /// The transaction of the INVITE that made it.
    pub(super) invite: Option<TransactionId>,
    /// BYE requests of the server are on their way.
    pub(super) ending: bool,
    /// Listeners know that it is over.
    pub(super) told: bool,
    /// The ACK to the 2xx has come by.
    pub(super) acknowledged: bool,
}

/// A dialog.
#[derive(Debug)]
pub struct Dialog {
    /// Its name.
    pub id: DialogId,
    /// Its Call-ID.
    pub call_id: Str,
    /// The URI in From.
    pub from_uri: Str,
    /// The URI in To.
    pub to_uri: Str,
    /// The From header of the INVITE without its tag.
    pub(super) from: Str,
    /// The To header of the INVITE.
    pub(super) to: Str,
    /// When it was made, in microseconds since 1970.
    pub created: i64,
    state: Mutex<State>,
}

/// A text of its own: parts of a message would keep all of it.
pub(super) fn own(text: &Str) -> Str {
    Str::copy_from(text)
}

impl Dialog {
    pub(super) fn new(
        id: DialogId,
        call_id: &Str,
        from: (&Str, &Str),
        to: (&Str, &Str),
        caller: Party,
        now: i64,
    ) -> Self {
        let state = State {
            stage: Stage::Unconfirmed,
            caller,
            callee: None,
            started: None,
            ended: None,
            lifetime: 0,
            expires: 0,
            due: 0,
            armed: 0,
            flags: 0,
            timeout_bye: false,
            timeout_route: Str::EMPTY,
            variables: Vec::new(),
            profiles: Vec::new(),
            invite: None,
            ending: false,
            told: false,
            acknowledged: false,
        };
        Self {
            id,
            call_id: own(call_id),
            from_uri: own(from.0),
            from: own(from.1),
            to_uri: own(to.0),
            to: own(to.1),
            created: now,
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// The ACK to its 2xx has come by.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.lock().acknowledged
    }

    /// A variable (`$dlg_var(name)`).
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<Str> {
        self.lock().variable(name)
    }

    /// Sets a variable; `None` takes it away.
    ///
    /// # Errors
    /// When the dialog has too many.
    pub fn set_variable(&self, name: &Str, value: Option<&Str>) -> Result<(), ScriptError> {
        self.lock().set_variable(name, value)
    }

    /// Which way a message with these tags goes; `None`: it is not of this dialog. An empty To tag is one of the INVITE.
    pub(super) fn direction(&self, from: &[u8], to: &[u8]) -> Option<Direction> {
        let state = self.lock();
        let caller = &*state.caller.tag;
        let callee: &[u8] = state.callee.as_ref().map_or(b"", |callee| &callee.tag);
        if from == caller && (to.is_empty() || callee.is_empty() || to == callee) {
            return Some(Direction::Downstream);
        }
        (!to.is_empty() && to == caller && (callee.is_empty() || from == callee)).then_some(Direction::Upstream)
    }
}

impl State {
    pub(super) fn variable(&self, name: &[u8]) -> Option<Str> {
        self.variables.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
    }

    pub(super) fn set_variable(&mut self, name: &Str, value: Option<&Str>) -> Result<(), ScriptError> {
        let Some(value) = value else {
            self.variables.retain(|(known, _)| known != name);
            return Ok(());
        };
        let others = self.variables.iter().filter(|(known, _)| known != name);
        let used: usize = others.map(|(name, value)| name.len() + value.len()).sum();
        if used + name.len() + value.len() > MAX_VARIABLES {
            return Err(ScriptError::new(format!("the variables of a dialog are longer than {MAX_VARIABLES} bytes")));
        }
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = own(value),
            None => self.variables.push((own(name), own(value))),
        }
        Ok(())
    }

    /// All variables, the newest first.
    pub(super) fn variables(&self) -> impl Iterator<Item = &(Str, Str)> {
        self.variables.iter().rev()
    }

    /// The party that sends requests in this direction.
    pub(super) fn sender(&mut self, direction: Direction) -> &mut Party {
        match direction {
            Direction::Downstream => &mut self.caller,
            Direction::Upstream => self.callee.get_or_insert_default(),
        }
    }
}
