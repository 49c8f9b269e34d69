//! `$HN(..)`: the name of this machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use engine::core::Core;
use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Diagnostic, RouteCx, Value, variable};
use language::ast::Variable;
use transport::resolve::{RecordKind, Records};

use super::Ipops;

/// What is known of the machine's name.
pub(super) struct Host {
    name: String,
    /// Whether the script asks for the address.
    wants_address: AtomicBool,
    address: OnceLock<String>,
}

impl Host {
    /// The name that the system gives the machine.
    pub(super) fn of_this_machine() -> Self {
        let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
        Self { name, wants_address: AtomicBool::new(false), address: OnceLock::new() }
    }

    /// Looks the address up in the background, when a script shows it.
    pub(super) fn look_up(self: Arc<Self>, core: &Core) {
        let Some(resolver) = core.resolver.get().cloned() else { return };
        if self.wants_address.load(Ordering::Relaxed) {
            tokio::spawn(async move {
                if let Ok(Records::A(list)) = resolver.records(&self.name, RecordKind::A).await
                    && let Some(address) = list.first()
                {
                    // It is set once only: nobody else writes it.
                    let _ = self.address.set(address.to_string());
                }
            });
        }
    }

    fn show(&self, part: Part) -> Option<&str> {
        let (name, domain) = match self.name.split_once('.') {
            Some((name, domain)) => (name, Some(domain)),
            None => (&*self.name, None),
        };
        match part {
            Part::Name => Some(name),
            Part::Full => Some(&self.name),
            Part::Domain => domain,
            Part::Address => self.address.get().map(String::as_str),
        }
    }
}

/// What `$HN(..)` shows.
#[derive(Clone, Copy)]
pub enum Part {
    /// Up to the first dot.
    Name,
    /// All.
    Full,
    /// Behind the first dot.
    Domain,
    /// The IPv4 address that the name has.
    Address,
}

impl InnerName for Part {
    type Compiled = Self;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "n" => Ok(Self::Name),
            "f" => Ok(Self::Full),
            "d" => Ok(Self::Domain),
            "i" => {
                env.module::<Ipops>(variable.span)?.host.wants_address.store(true, Ordering::Relaxed);
                Ok(Self::Address)
            }
            other => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("`$HN({other})` does not exist"),
                inner.span,
                "`n` (name), `f` (full name), `d` (domain) or `i` (address)",
            )),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// The name of this machine: `$HN(n)` up to the first dot, `$HN(d)` what follows it (`$null` when there is no dot),
/// `$HN(f)` the whole. `$HN(i)` is the IPv4 address that the DNS knows for it, looked up when the server starts;
/// `$null` when there is none.
#[variable("HN")]
pub fn hn(_cx: &RouteCx, me: &Ipops, part: Part) -> Value {
    me.host.show(part).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let host = |name: &str| Host {
            name: name.to_owned(),
            wants_address: AtomicBool::new(false),
            address: OnceLock::new(),
        };
        let all = |host: &Host| [Part::Name, Part::Full, Part::Domain].map(|part| host.show(part).map(str::to_owned));
        assert_eq!(all(&host("a.b.c")), [Some("a"), Some("a.b.c"), Some("b.c")].map(|text| text.map(str::to_owned)));
        assert_eq!(all(&host("a")), [Some("a"), Some("a"), None].map(|text| text.map(str::to_owned)));
    }
}
