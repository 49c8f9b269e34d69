//! Script functions over the files that say who may call whom.

use engine::script_type::VariableName;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, Value, function,
};
use sip::Uri;

use super::Permissions;
use super::params::{ALLOW_FILES, DENY_FILES};
use super::rules::{Pair, Slot};

/// The name of a file, or the base name of two; it must be constant.
#[derive(Clone)]
pub struct RuleFiles {
    /// The file itself, as one that allows.
    file: Slot,
    /// The files with the two endings.
    base: [Slot; 2],
}

impl ScriptType for RuleFiles {
    type Compiled = Self;
    const KIND: &'static str = "file";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let name = arg.constant("the name of a file")?;
        let me = env.module::<Permissions>(arg.span())?;
        if me.params.load_backends & (ALLOW_FILES | DENY_FILES) != ALLOW_FILES | DENY_FILES {
            return Err(arg.error("parameter `load_backends` says that no such files are read", "4 and 8 are missing"));
        }
        if name.is_empty() {
            return Err(arg.error("the name of a file is empty", "empty"));
        }
        Ok(Self { file: me.files.slot(&name), base: me.files.of_base(&name) })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(compiled.clone())
    }
}

/// What a file says; nothing before the start.
fn pair(allow: Option<&Slot>, deny: Option<&Slot>) -> Pair {
    let rules = |slot: Option<&Slot>| slot.and_then(|slot| slot.get()).cloned().unwrap_or_default();
    Pair { allow: rules(allow), deny: rules(deny) }
}

impl RuleFiles {
    /// With the second argument of a function: two files; without: a base name.
    fn pair(&self, deny: Option<&Self>) -> Pair {
        match deny {
            Some(deny) => pair(Some(&self.file), Some(&deny.file)),
            None => pair(Some(&self.base[0]), Some(&self.base[1])),
        }
    }
}

/// `sip:user@host`: what is compared of a target. The scheme is always `sip`, the host of `tel` empty.
fn plain(uri: &Uri, with_port: bool) -> Vec<u8> {
    let mut out = b"sip:".to_vec();
    out.extend_from_slice(uri.user_bytes().unwrap_or_default());
    out.push(b'@');
    out.extend_from_slice(uri.host_bytes());
    if with_port && uri.port().is_some() {
        out.push(b':');
        out.extend_from_slice(&uri.port_text());
    }
    out
}

fn parse(uri: &Str) -> Result<Uri, ScriptError> {
    Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))
}

/// The URI in From.
fn caller(cx: &RouteCx) -> Result<Str, ScriptError> {
    let from = cx.message.from().ok().flatten();
    from.map(|from| from.uri.clone()).ok_or_else(|| ScriptError::new("there is no From that can be understood"))
}

/// Whether the caller in From may reach the request-URI and all branches. Without arguments by the default files, with one
/// by those of a base name (`allow_suffix`, `deny_suffix`), with two by the file that allows and the one that denies.
///
/// True when each target is in the first file, or none is in the second one. Of a target `sip:user@host` is compared.
#[function(ANY)]
pub fn allow_routing(
    cx: &mut RouteCx,
    me: &Permissions,
    allow: Option<RuleFiles>,
    deny: Option<RuleFiles>,
) -> CallResult {
    let rules = match &allow {
        Some(allow) => allow.pair(deny.as_ref()),
        None => pair(me.files.default_allow.as_ref(), me.files.default_deny.as_ref()),
    };
    let caller = caller(cx)?;
    let mut targets = vec![plain(&parse(&cx.request_uri())?, false)];
    if me.params.check_all_branches {
        for branch in &cx.to.branches {
            targets.push(plain(&parse(&branch.uri)?, false));
        }
    }
    Ok(rules.allows(&caller, &targets).into())
}

fn register(cx: &RouteCx, rules: &Pair, with_port: bool) -> CallResult {
    let to = cx.message.to().ok().flatten().map(|to| to.uri.clone());
    let to = to.ok_or_else(|| ScriptError::new("there is no To that can be understood"))?;
    let contacts = cx.message.contacts().map_err(|_| ScriptError::new("a Contact cannot be understood"))?;
    let Some(contacts) = contacts.filter(|contacts| !contacts.list.is_empty()) else { return Ok(Return::TRUE) };
    let targets = contacts.list.iter().map(|contact| parse(&contact.address.uri).map(|uri| plain(&uri, with_port)));
    let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
    Ok(rules.allows(&to, &targets).into())
}

/// Whether the user in To may register the addresses in Contact: `allow` is a base name, or, with `deny`, the file that
/// allows. Of a Contact `sip:user@host` is compared. Without Contact it is true.
#[function(REQUEST | FAILURE)]
pub fn allow_register(cx: &mut RouteCx, allow: RuleFiles, deny: Option<RuleFiles>) -> CallResult {
    register(cx, &allow.pair(deny.as_ref()), false)
}

/// The same; of a Contact `sip:user@host:port` is compared when it has a port.
#[function(REQUEST | FAILURE)]
pub fn allow_register_include_port(cx: &mut RouteCx, allow: RuleFiles, deny: Option<RuleFiles>) -> CallResult {
    register(cx, &allow.pair(deny.as_ref()), true)
}

/// Whether the caller in From may reach the URI in the variable `uri`, by the files of a base name. It is compared as it is.
#[function(REQUEST | FAILURE)]
pub fn allow_uri(cx: &mut RouteCx, base: RuleFiles, uri: VariableName) -> CallResult {
    let Value::Str(uri) = uri.0.get(cx) else { return Err(ScriptError::new("the URI is no text")) };
    let caller = caller(cx)?;
    Ok(base.pair(None).allows(&caller, &[uri.to_vec()]).into())
}

impl Permissions {
    /// `permissions.testUri`: files that the configuration does not name deny.
    pub(super) fn test_uri(&self, base: &str, caller: &str, target: &str) -> bool {
        let Some([allow, deny]) = self.files.known(base) else { return false };
        pair(Some(&allow), Some(&deny)).allows(caller.as_bytes(), &[target.as_bytes().to_vec()])
    }
}
