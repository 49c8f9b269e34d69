//! The type of `alias_subdomains`.

use engine::core::Alias;
use engine::params::ParamKind;
use engine::{Diagnostic, ParamSource, ParamType};

use super::specification::Specification;

/// Domains that are ours with all their sub-domains.
#[derive(Clone, Debug, Default)]
pub struct AliasDomains(pub Vec<Alias>);

impl ParamType for AliasDomains {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut text = String::new();
        text.assign(source)?;
        let wrong = || source.error(format!("`{text}` is no domain"), "write `[proto:]domain[:port]`");
        let parts = Specification::parse(&text).ok_or_else(wrong)?;
        let port = parts.port_number().map_err(|_| wrong())?;
        self.0.push(Alias { host: parts.host.to_lowercase(), port, protocol: parts.known_protocol() });
        Ok(())
    }
}
