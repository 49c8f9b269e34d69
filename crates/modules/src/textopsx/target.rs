//! What the header value functions work on: `Header[2].param`, read at load.

use std::sync::Arc;

use engine::{ArgSource, CompileEnv, Diagnostic, RouteCx, ScriptError, ScriptType, Str, script_type::required};

/// Which of a header's values is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// No brackets.
    Unset,
    /// `[n]`: from 1; negative numbers count from the end. 0 is the first one, as in Kamailio.
    At(i64),
    /// `[*]`.
    All,
}

impl Pick {
    /// The place in a list of `len`; without brackets the first one.
    pub(super) fn position(self, len: usize) -> Option<usize> {
        let at = match self {
            Self::Unset | Self::At(0) => 0,
            Self::At(at) if at < 0 => i64::try_from(len).ok()?.checked_add(at)?,
            Self::At(at) => at - 1,
            Self::All => return None,
        };
        usize::try_from(at).ok().filter(|at| *at < len)
    }
}

/// `Header[2].param`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The header's name as written.
    pub(super) name: Str,
    /// The index.
    pub(super) pick: Pick,
    /// The parameter.
    pub(super) param: Option<Str>,
}

impl Target {
    /// Reads `Header`, `Header[1]`, `Header[-1].param`, `Header[*].param`, with blanks anywhere between.
    fn parse(text: &str) -> Result<Self, String> {
        let word = |text: &str| {
            text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"-_".contains(&byte))).unwrap_or(text.len())
        };
        let text = text.trim();
        let (name, mut rest) = text.split_at(word(text));
        if name.is_empty() {
            return Err(format!("`{text}` has no header name"));
        }
        let mut pick = Pick::Unset;
        rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, behind) = inner.split_once(']').ok_or_else(|| format!("`]` is missing in `{text}`"))?;
            pick = match index.trim() {
                "" => Pick::Unset,
                "*" => Pick::All,
                number => Pick::At(number.parse().map_err(|_| format!("`{number}` is no index"))?),
            };
            rest = behind.trim_start();
        }
        let mut param = None;
        if let Some(inner) = rest.strip_prefix('.') {
            let inner = inner.trim_start();
            let (found, behind) = inner.split_at(word(inner));
            if found.is_empty() {
                return Err(format!("`{text}` has no parameter name behind the dot"));
            }
            param = Some(Str::from(found));
            rest = behind.trim_start();
        }
        if rest.is_empty() {
            Ok(Self { name: Str::from(name), pick, param })
        } else {
            Err(format!("`{rest}` is not understood in `{text}`"))
        }
    }
}

/// Reads the argument and lets `check` refuse what the function cannot do.
fn compile(
    arg: Option<&ArgSource<'_>>,
    check: fn(&Target) -> Result<(), &'static str>,
) -> Result<Arc<Target>, Diagnostic> {
    let arg = required(arg)?;
    let text = arg.constant("a header name, with an index and a parameter if needed")?;
    let target = Target::parse(&text).map_err(|message| arg.error(message, "Header, Header[1], Header[1].param"))?;
    check(&target).map_err(|message| arg.error(message, "not possible here"))?;
    Ok(Arc::new(target))
}

macro_rules! target {
    ($(#[doc = $doc:literal])* $name:ident, $kind:literal, $check:expr) => {
        $(#[doc = $doc])*
        pub(super) struct $name(pub(super) Arc<Target>);

        impl ScriptType for $name {
            type Compiled = Arc<Target>;
            const KIND: &'static str = $kind;
            fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Arc<Target>, Diagnostic> {
                compile(arg, $check)
            }
            fn eval(compiled: &Arc<Target>, _: &RouteCx) -> Result<Self, ScriptError> {
                Ok(Self(compiled.clone()))
            }
        }
    };
}

target! {
    /// A header or parameter to take away: `Header[*].param`.
    Removed, "header value", |_| Ok(())
}
target! {
    /// A header or parameter to write; all values at once only with a parameter.
    Assigned, "header value", |target| {
        if target.pick == Pick::All && target.param.is_none() {
            return Err("`[*]` needs a parameter: all values cannot be assigned at once");
        }
        Ok(())
    }
}
target! {
    /// Where a value is added: `Header[2]`.
    Place, "header value", |target| match target {
        Target { param: Some(_), .. } => Err("a parameter cannot be named: a whole value is added"),
        Target { pick: Pick::All, .. } => Err("`[*]` cannot be used: the value is added once"),
        _ => Ok(()),
    }
}
target! {
    /// A header whose values are a set: `Supported`.
    Set, "header name", |target| {
        if target.pick != Pick::Unset || target.param.is_some() {
            return Err("only a header name: neither an index nor a parameter");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let target =
            |text: &str| Target::parse(text).map(|target| (target.name.to_string(), target.pick, target.param));
        assert_eq!(target("foo"), Ok(("foo".into(), Pick::Unset, None)));
        assert_eq!(target(" foo [ -1 ] . x "), Ok(("foo".into(), Pick::At(-1), Some(Str::from("x")))));
        assert_eq!(target("P-Foo[*].x_y"), Ok(("P-Foo".into(), Pick::All, Some(Str::from("x_y")))));
        assert_eq!(target("foo[]"), Ok(("foo".into(), Pick::Unset, None)));
        for wrong in
            ["", "foo[", "foo[x]", "foo[1", "foo[1]x", "foo.", "foo[1].", "foo.a.b", "$rU", "foo bar", "[1]", ".x"]
        {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn positions() {
        for (pick, want) in [
            (Pick::Unset, Some(0)),
            (Pick::At(0), Some(0)),
            (Pick::At(1), Some(0)),
            (Pick::At(3), Some(2)),
            (Pick::At(4), None),
            (Pick::At(-1), Some(2)),
            (Pick::At(-4), None),
            (Pick::At(i64::MIN), None),
            (Pick::At(i64::MAX), None),
            (Pick::All, None),
        ] {
            assert_eq!(pick.position(3), want, "{pick:?}");
        }
    }
}
