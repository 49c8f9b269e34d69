//! Module `uac`: this server as a client: other From and To headers, answers to challenges, requests of its own.
//!
//! `replace` has the functions for From and To, `name_addr` the edits, `stored` what goes into Record-Route so that later
//! requests of a dialog can be changed the same way. `auth` answers challenges (`digest` makes the header). `request` is
//! `$uac_req(..)`, `send` sends it and runs `event_route[uac:reply]`. `reg` registers at other servers. Passwords must never
//! be logged.

mod auth;
mod digest;
mod name_addr;
mod reg;
mod replace;
mod request;
mod send;
mod stored;
mod tables;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use engine::params::ParamKind;
use engine::{
    BoxFuture, Code, CompileEnv, Core, Creating, DbName, Diagnostic, Expression, Module, ModuleDef, ParamSource,
    ParamType, Params, Str,
};
use transport::SocketId;

use crate::dialog::Dialogs;
use crate::rr::Rr;
use crate::tm::Tm;

pub use tables::UACREG;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "uac",
    summary: "Changes From and To, answers challenges, sends requests of its own, and registers at other servers.",
    needs: &["tm"],
    params: UacParams::DEFS,
    functions: &[
        auth::UAC_AUTH,
        auth::UAC_AUTH_MODE,
        reg::functions::UAC_REG_DISABLE,
        reg::functions::UAC_REG_ENABLE,
        reg::functions::UAC_REG_LOOKUP,
        reg::functions::UAC_REG_LOOKUP_URI,
        reg::functions::UAC_REG_REFRESH,
        reg::functions::UAC_REG_REQUEST_TO,
        reg::functions::UAC_REG_SEND_REGISTER,
        reg::functions::UAC_REG_SEND_UNREGISTER,
        reg::functions::UAC_REG_STATUS,
        replace::UAC_REPLACE_FROM,
        replace::UAC_REPLACE_TO,
        replace::UAC_RESTORE_FROM,
        replace::UAC_RESTORE_TO,
        send::UAC_REQ_SEND,
    ],
    variables: &[request::UAC_REQ],
    rpc: &[
        reg::rpc::REG_ACTIVE,
        reg::rpc::REG_ADD,
        reg::rpc::REG_DISABLE,
        reg::rpc::REG_DUMP,
        reg::rpc::REG_ENABLE,
        reg::rpc::REG_INFO,
        reg::rpc::REG_REFRESH,
        reg::rpc::REG_REGISTER,
        reg::rpc::REG_RELOAD,
        reg::rpc::REG_REMOVE,
        reg::rpc::REG_UNREGISTER,
    ],
    tables: &[&UACREG],
    event_routes: &["uac:reply"],
    create,
    ..ModuleDef::EMPTY
};

/// How From and To are restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreMode {
    /// `none`: not at all.
    None,
    /// `manual`: in replies; in later requests of the dialog by `uac_restore_from` and `uac_restore_to`.
    Manual,
    /// `auto`: in replies and in all later requests of the dialog and their replies.
    #[default]
    Auto,
}

impl ParamType for RestoreMode {
    const KIND: ParamKind = ParamKind::String;

    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut text = String::new();
        text.assign(source)?;
        *self = match &*text {
            "none" => Self::None,
            "manual" => Self::Manual,
            "auto" => Self::Auto,
            _ => return Err(source.error(format!("`{text}` is no restore_mode"), "`none`, `manual` or `auto`")),
        };
        Ok(())
    }
}

/// The parameters of module `uac`.
#[derive(Params)]
pub struct UacParams {
    /// `none`, `manual` or `auto`: how far From and To that were replaced are restored. `none`: not at all; `manual`: in
    /// replies, and in later requests of the dialog by `uac_restore_from()` and `uac_restore_to()`; `auto`: in replies
    /// and in all later requests of the dialog. `manual` and `auto` need module rr, `auto` also its `append_fromtag`.
    #[param(default = RestoreMode::Auto)]
    pub restore_mode: RestoreMode,
    /// 1: not Record-Route but the dialog keeps what was replaced, names as well as URIs, in its variables (`_uac_fu` ..).
    /// Module dialog is needed, and `dlg_manage()` before `uac_replace_from()`.
    #[param(default = false)]
    pub restore_dlg: bool,
    /// The URIs in Record-Route are mixed with this text. It keeps them from being read at a glance; it is no encryption.
    pub restore_passwd: Str,
    /// Name of the Record-Route parameter with the URI of From.
    #[param(default = "vsf".into())]
    pub rr_from_store_param: Str,
    /// Name of the Record-Route parameter with the URI of To.
    #[param(default = "vst".into())]
    pub rr_to_store_param: Str,
    /// An AVP (`$avp(name)`) that gets name and URI of the received From when it is replaced; replies are restored from
    /// it. Without it what was received is restored.
    pub restore_from_avp: Str,
    /// The same for To.
    pub restore_to_avp: Str,
    /// Credentials for challenges: `username:realm:password`; may be given several times.
    pub credential: Vec<auth::Credential>,
    /// A variable with the realm that `auth_username_avp` and `auth_password_avp` are for; without a value they are for
    /// any realm.
    pub auth_realm_avp: Str,
    /// A variable with the user name for challenges; it counts before `credential`.
    pub auth_username_avp: Str,
    /// A variable with the password (or HA1) for challenges.
    pub auth_password_avp: Str,
    /// The socket that `uac_req_send()` sends from when `$uac_req(sock)` is not set: `udp:10.0.0.1:5060`.
    pub default_socket: Str,
    /// The database with the accounts at other servers; without it there are no remote registrations.
    pub reg_db_url: String,
    /// Its table.
    #[param(default = "uacreg".into())]
    pub reg_db_table: DbName,
    /// Host, port and parameters of the Contact of REGISTER requests (`192.168.1.2:5080`), whose user is the key (`l_uuid`) of
    /// the row; column `contact_addr` goes before it.
    pub reg_contact_addr: Str,
    /// Seconds between two looks at which registrations are due: so much (and three seconds) earlier than they run out they
    /// are refreshed.
    #[param(default = 90)]
    pub reg_timer_interval: u32,
    /// Seconds from a failed registration to the next attempt, which may come as much earlier as refreshing does. 0: a record
    /// that failed is disabled.
    #[param(default = 0)]
    pub reg_retry_interval: u32,
    /// Records without `reg_delay` register for the first time up to so many seconds after they were loaded.
    #[param(default = 0)]
    pub reg_random_delay: u32,
    /// Kamailio's table in memory has 2 to this power slots: 1 to 16. Here it grows by itself.
    #[param(default = 4)]
    pub reg_hash_size: u32,
    /// 1: registrations are refreshed with the same Call-ID and the next CSeq, as RFC 3261 wants it; after a failure a new one
    /// begins. 0: with a new Call-ID.
    #[param(default = false)]
    pub reg_keep_callid: bool,
    /// 0: no REGISTER is sent until `uac.reg_active 1`.
    #[param(default = true)]
    pub reg_active: bool,
    /// Seconds between two reloads (`uac.reg_reload`), at least.
    #[param(default = 150)]
    pub reg_gc_interval: u32,
    /// 1: `uac_reg_lookup_uri()` compares the domain (`l_domain`), too.
    #[param(default = false)]
    pub reg_use_domain: bool,
    /// Seconds between two reloads, too: within them `uac.reg_reload` says that one is under way.
    #[param(default = 30)]
    pub reload_delta: u32,
}

/// The variables with credentials for `uac_auth`.
struct AuthVariables {
    realm: Expression,
    username: Expression,
    password: Expression,
}

/// The started module.
pub struct Uac {
    params: UacParams,
    from_avp: Option<Str>,
    to_avp: Option<Str>,
    auth: Option<AuthVariables>,
    tm: Arc<Tm>,
    /// Set when the module starts: rr may be loaded after it.
    rr: OnceLock<Arc<Rr>>,
    /// With `restore_dlg`.
    dialogs: OnceLock<Arc<Dialogs>>,
    default_socket: OnceLock<SocketId>,
    core: Arc<Core>,
    reg: reg::Registrations,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: UacParams = creating.params()?;
    let refuse = |name: &str, message: String, label: &str| {
        Err(Diagnostic::error(Code::ParamValue, message, creating.span_of(name), label))
    };
    if params.restore_mode != RestoreMode::None {
        if !creating.catalog.functions.contains_key("record_route") {
            let message = "this `restore_mode` needs module rr".to_owned();
            return refuse("restore_mode", message, "load rr.so, or set restore_mode to \"none\"");
        }
        for (name, value) in
            [("rr_from_store_param", &params.rr_from_store_param), ("rr_to_store_param", &params.rr_to_store_param)]
        {
            if value.is_empty() || !value.iter().copied().all(sip::scan::is_token) {
                return refuse(name, format!("`{name}` must be the name of a URI parameter"), "no such name");
            }
        }
    }
    let from_avp = avp_name(creating, "restore_from_avp", &params.restore_from_avp)?;
    let to_avp = avp_name(creating, "restore_to_avp", &params.restore_to_avp)?;
    let auth = auth_variables(creating, &params)?;
    let reg = reg::Registrations::new(creating, &params)?;
    let core = creating.core.clone();
    let Some(tm) = creating.modules.get::<Tm>() else {
        return Err(Diagnostic::error(Code::ParamValue, "module uac needs module tm", creating.span, "load tm before"));
    };
    let (rr, default_socket) = (OnceLock::new(), OnceLock::new());
    Ok(Arc::new(Uac { params, from_avp, to_avp, auth, tm, rr, dialogs: OnceLock::new(), default_socket, core, reg }))
}

/// The name in `$avp(name)`.
fn avp_name(creating: &Creating<'_>, param: &str, text: &Str) -> Result<Option<Str>, Diagnostic> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes: &[u8] = text;
    let inner = bytes.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")"));
    match inner.map(|name| name.strip_prefix(b"s:").unwrap_or(name)) {
        Some(name) if !name.is_empty() && !name.contains(&b'$') => Ok(Some(text.slice_ref(name))),
        _ => Err(Diagnostic::error(
            Code::ParamValue,
            format!("`{param}` must name an AVP"),
            creating.span_of(param),
            "write `$avp(name)`",
        )),
    }
}

fn auth_variables(creating: &Creating<'_>, params: &UacParams) -> Result<Option<AuthVariables>, Diagnostic> {
    let texts = [
        ("auth_realm_avp", &params.auth_realm_avp),
        ("auth_username_avp", &params.auth_username_avp),
        ("auth_password_avp", &params.auth_password_avp),
    ];
    if texts.iter().all(|(_, text)| text.is_empty()) {
        return Ok(None);
    }
    if let Some((missing, _)) = texts.iter().find(|(_, text)| text.is_empty()) {
        let given = texts.iter().find(|(_, text)| !text.is_empty()).map_or("", |(name, _)| *name);
        return Err(Diagnostic::error(
            Code::ParamValue,
            format!("`{given}` needs `{missing}`, too"),
            creating.span_of(given),
            "realm, user name and password belong together",
        ));
    }
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let mut compile = |name: &str, text: &Str| env.variable_text(&text.to_text(), creating.span_of(name));
    Ok(Some(AuthVariables {
        realm: compile("auth_realm_avp", &params.auth_realm_avp)?,
        username: compile("auth_username_avp", &params.auth_username_avp)?,
        password: compile("auth_password_avp", &params.auth_password_avp)?,
    }))
}

impl Uac {
    /// What needs other modules and the sockets.
    fn connect(self: &Arc<Self>, core: &Core) -> Result<(), String> {
        if !self.params.default_socket.is_empty() {
            let text = self.params.default_socket.to_text();
            let socket = core.find_socket(&text).ok_or_else(|| format!("`default_socket`: `{text}` is not ours"))?;
            let _ = self.default_socket.set(socket);
        }
        if self.params.restore_mode == RestoreMode::None {
            return Ok(());
        }
        let modules = core.modules.get();
        if self.params.restore_dlg {
            let dialogs = modules.and_then(|modules| modules.get::<Dialogs>());
            let _ = self.dialogs.set(dialogs.ok_or("`restore_dlg` needs module dialog")?);
        }
        let rr = modules.and_then(|modules| modules.get::<Rr>()).ok_or("module rr is not loaded")?;
        if self.params.restore_mode == RestoreMode::Auto {
            if !self.params.restore_dlg && !rr.appends_from_tag() {
                return Err("restore_mode `auto` needs parameter `append_fromtag` of module rr".to_owned());
            }
            let me = self.clone();
            rr.on_loose_route(Arc::new(move |cx, _| me.restore_all(cx)));
        }
        let _ = self.rr.set(rr);
        Ok(())
    }
}

impl Module for Uac {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            self.connect(&core)?;
            self.start_registrations(&core).await
        })
    }
}
