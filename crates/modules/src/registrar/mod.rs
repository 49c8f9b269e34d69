//! Module `registrar`: the registrar of RFC 3261 section 10, and looking up where users are.
//!
//! Start reading at `save.rs` (a REGISTER from top to bottom) and `lookup.rs`. `request.rs` turns a REGISTER into the
//! contacts it asks for, `reply.rs` builds the answer, `ulc.rs` is `$ulc`. The contacts live in module `usrloc`.
//! A request is carried out as a whole or not at all: nothing is stored before everything was checked.

mod aor;
mod lookup;
mod params;
mod registered;
mod reply;
mod request;
mod save;
mod ulc;

use std::sync::Arc;

use engine::config_groups::LiveInt;
use engine::statistics::Counter;
use engine::xavp::{Xlist, Xvalue};
use engine::{
    BoxFuture, Code, CompileEnv, Core, Creating, Diagnostic, Expression, Module, ModuleDef, Params, RouteCx, Str, Value,
};
use language::ast::RouteKind;
use parking_lot::RwLock;

use crate::sl::Sl;
use crate::usrloc::{Contact, EventKind, Usrloc};

pub use params::RegistrarParams;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "registrar",
    summary: "Processes REGISTER requests and looks up registered users.",
    needs: &["usrloc", "sl"],
    params: RegistrarParams::DEFS,
    functions: &[
        registered::ADD_SOCK_HDR,
        lookup::LOOKUP,
        lookup::LOOKUP_BRANCHES,
        lookup::LOOKUP_TO_DSET,
        lookup::LOOKUP_XAVP,
        ulc::REG_FETCH_CONTACTS,
        ulc::REG_FREE_CONTACTS,
        registered::REG_FROM_USER,
        save::REG_SEND_REPLY,
        registered::REGISTERED,
        save::SAVE,
        registered::UNREGISTER,
    ],
    variables: &[ulc::ULC],
    event_routes: &[EXPIRED_ROUTE],
    create,
    ..ModuleDef::EMPTY
};

/// Runs for each contact that expired.
const EXPIRED_ROUTE: &str = "usrloc:contact-expired";

/// The values that can be changed while the server runs, in the order that `cfg.list` shows.
struct Live {
    realm_prefix: Arc<RwLock<Value>>,
    default_expires: LiveInt,
    default_expires_range: LiveInt,
    expires_range: LiveInt,
    min_expires: LiveInt,
    max_expires: LiveInt,
    max_contacts: LiveInt,
    retry_after: LiveInt,
    case_sensitive: LiveInt,
    default_q: LiveInt,
    append_branches: LiveInt,
    use_expired_contacts: LiveInt,
}

impl Live {
    fn new(core: &Core, params: &RegistrarParams) -> Self {
        let prefix = Value::Str(params.realm_prefix.clone());
        core.config.declare("registrar", "realm_pref", "What is taken off the domain", prefix.clone(), None, None);
        let variable = core.config.find("registrar", "realm_pref");
        let int = |name, doc, value| core.config.declare_int("registrar", name, doc, value, None);
        Self {
            realm_prefix: variable.map_or_else(|| Arc::new(RwLock::new(prefix)), |variable| variable.value),
            default_expires: int("default_expires", "Seconds when a request names none", params.default_expires),
            default_expires_range: int(
                "default_expires_range",
                "Percent taken off default_expires at random",
                params.default_expires_range,
            ),
            expires_range: int("expires_range", "Percent taken off a named time at random", params.expires_range),
            min_expires: int("min_expires", "Shortest binding in seconds", params.min_expires),
            max_expires: int("max_expires", "Longest binding in seconds", params.max_expires),
            max_contacts: int("max_contacts", "Most contacts of an address of record", params.max_contacts),
            retry_after: int("retry_after", "Seconds in Retry-After of 5xx replies", params.retry_after),
            case_sensitive: int("case_sensitive", "Addresses of record differ by case", params.case_sensitive),
            default_q: int("default_q", "Preference in thousandths when a contact names none", params.default_q),
            append_branches: int("append_branches", "lookup appends branches", params.append_branches),
            use_expired_contacts: int(
                "use_expired_contacts",
                "lookup takes ended contacts too",
                params.use_expired_contacts,
            ),
        }
    }
}

/// The started module.
pub struct Registrar {
    params: RegistrarParams,
    live: Live,
    usrloc: Arc<Usrloc>,
    sl: Arc<Sl>,
    received_avp: Option<Expression>,
    accepted: Counter,
    rejected: Counter,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: RegistrarParams = creating.params()?;
    check(creating, &params)?;
    let (Some(usrloc), Some(sl)) = (creating.modules.get::<Usrloc>(), creating.modules.get::<Sl>()) else {
        let text = "module `registrar` needs modules `usrloc` and `sl`";
        return Err(Diagnostic::error(Code::MissingDependency, text, creating.span, "loaded without them"));
    };
    if params.sock_mode != 0 {
        usrloc.name_sockets_as_advertised();
    }
    let received_avp = match &params.received_avp {
        Some(name) if !name.is_empty() => {
            let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
            Some(env.variable_text(&name.to_text(), creating.span_of("received_avp"))?)
        }
        _ => None,
    };
    let core = creating.core;
    let live = Live::new(core, &params);
    let computed = |name: &str, doc: &str, value: &LiveInt| {
        let value = value.clone();
        core.statistics.computed("registrar", name, doc, move || value.get());
    };
    computed("max_expires", "value of max_expires", &live.max_expires);
    computed("max_contacts", "value of max_contacts", &live.max_contacts);
    computed("default_expire", "value of default_expires", &live.default_expires);
    computed("default_expires_range", "value of default_expires_range", &live.default_expires_range);
    computed("expires_range", "value of expires_range", &live.expires_range);
    let accepted = core.statistics.counter("registrar", "accepted_regs", "REGISTER requests answered 200");
    let rejected = core.statistics.counter("registrar", "rejected_regs", "REGISTER requests answered with an error");
    Ok(Arc::new(Registrar { params, live, usrloc, sl, received_avp, accepted, rejected }))
}

fn check(creating: &Creating<'_>, params: &RegistrarParams) -> Result<(), Diagnostic> {
    let rules: [(&str, i64, std::ops::RangeInclusive<i64>); 10] = [
        ("path_mode", params.path_mode, 0..=2),
        ("outbound_mode", params.outbound_mode, 0..=2),
        ("regid_mode", params.regid_mode, 0..=1),
        ("min_expires_mode", params.min_expires_mode, 0..=1),
        ("sock_mode", params.sock_mode, 0..=1),
        ("sock_flag", params.sock_flag, -1..=31),
        ("default_q", params.default_q, -1..=1000),
        ("default_expires_range", params.default_expires_range, 0..=100),
        ("expires_range", params.expires_range, 0..=100),
        ("contact_max_size", params.contact_max_size, 1..=16_000),
    ];
    let wrong = |name: &str, text: String| {
        Err(Diagnostic::error(Code::ParamValue, text, creating.span_of(name), "not allowed"))
    };
    for (name, value, range) in rules {
        if !range.contains(&value) {
            return wrong(name, format!("`{name}` must be from {} to {}", range.start(), range.end()));
        }
    }
    if params.flow_timer != 0 && (params.flow_timer < 0 || params.outbound_mode == 0) {
        return wrong("flow_timer", "`flow_timer` needs `outbound_mode` 1 or 2 and must not be negative".into());
    }
    Ok(())
}

impl Module for Registrar {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        let run = move |event: &crate::usrloc::Event| {
            let Some(program) = core.program.load_full() else { return };
            let Some(route) = program.route(RouteKind::Event, EXPIRED_ROUTE) else { return };
            let mut cx = Box::new(RouteCx::faked(core.clone()));
            cx.kind = engine::Routes(engine::function::routes::EVENT);
            ulc::store(&mut cx, Str::from_static("exp"), &event.table, &event.aor, vec![event.contact.clone()]);
            // The route may wait, and whoever found the contact must not.
            core.spawn(Box::pin(async move {
                program.run(route, &mut cx).await;
                cx.flush();
            }));
        };
        self.usrloc.on(EventKind::Expire, Arc::new(run));
        Box::pin(async { Ok(()) })
    }
}

impl Registrar {
    /// A setting for this call: `$xavp(cfg=>name)`.
    fn setting(&self, cx: &RouteCx, name: &str) -> Option<Value> {
        match cx.xavps.xavp.get(self.params.xavp_cfg.as_deref()?, 0, false)? {
            Xvalue::List(list) => match list.get(name.as_bytes(), 0, false)? {
                Xvalue::Simple(value) if !value.is_null() => Some(value.clone()),
                _ => None,
            },
            Xvalue::Simple(_) => None,
        }
    }

    /// The same, as a number.
    fn number(&self, cx: &RouteCx, name: &str) -> Option<i64> {
        self.setting(cx, name)?.to_int()
    }

    /// Shows a contact to the script in the xavp `xavp_rcd`.
    fn show(&self, cx: &mut RouteCx, contact: &Contact) {
        let Some(name) = &self.params.xavp_rcd else { return };
        let now = self.usrloc.now();
        if !matches!(cx.xavps.xavp.get(name, 0, false), Some(Xvalue::List(_))) {
            cx.xavps.xavp.push(name.clone(), Xvalue::List(Xlist::default()));
        }
        let Some(Xvalue::List(list)) = cx.xavps.xavp.get_mut(name, 0, false) else { return };
        let values = [
            (1, "ruid", Value::from(&contact.ruid)),
            (8, "received", contact.received.as_ref().into()),
            (2, "contact", Value::from(&contact.uri)),
            (4, "expires", Value::Int(contact.seconds_left(now))),
            (16, "path", contact.path.as_ref().into()),
        ];
        for (bit, inner, value) in values {
            if self.params.xavp_rcd_mask & bit == 0 && !value.is_null() {
                list.push(Str::from_static(inner), Xvalue::Simple(value));
            }
        }
    }

    /// Gives the script the xavp that was stored with a contact.
    fn restore(&self, cx: &mut RouteCx, contact: &Contact) {
        if let (Some(name), Some(list)) = (&self.usrloc.params.xavp_contact, &contact.xavp) {
            // Behind those of better contacts: number 0 belongs to the request-URI.
            cx.xavps.xavp.items.push((name.clone(), Xvalue::List((**list).clone())));
        }
    }
}

#[cfg(test)]
mod tests;
