//! Keep-alive: pings contacts with a request, and takes the replies.
//!
//! A ping carries in its From tag which contact it was for and when it left, so nothing is kept while it is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::log::Level;
use engine::{Code, CompileEnv, Core, Creating, Diagnostic, Format, RouteCx, Str};
use rand::RngExt as _;
use sip::{Protocol, Uri};
use transport::resolve::Target;
use transport::{LocalSocket, Outgoing, SocketId};

use super::contact::{Contact, Stored};
use super::rpc::clamp_time;
use super::table::Table;
use super::{Usrloc, UsrlocParams};

/// CSeq number of all pings.
const CSEQ: u32 = 80;
/// How their Call-IDs begin.
const CALL_ID_PREFIX: &[u8] = b"ksrulka-";

/// What the parameters `ka_*` say.
pub(super) struct Keepalive {
    core: Arc<Core>,
    mode: i64,
    nat_flag: u32,
    only_server: Option<u32>,
    timeout: u32,
    interval: u32,
    randomize: u32,
    level: Option<Level>,
    message: Format,
    /// Codes (from 100) and classes (below 10); empty: all.
    codes: Vec<u16>,
    sent: AtomicU32,
}

impl Keepalive {
    pub(super) fn new(creating: &Creating<'_>, params: &UsrlocParams) -> Result<Self, Diagnostic> {
        let wrong = |name: &str, text: &str| {
            Diagnostic::error(Code::ParamValue, format!("parameter `{name}`: {text}"), creating.span_of(name), "here")
        };
        let mut codes = Vec::new();
        for code in params.ka_reply_codes.to_text().split(',').map(str::trim).filter(|code| *code != "0") {
            match code.parse::<u16>() {
                Ok(code @ (1..=6 | 100..=699)) => codes.push(code),
                _ => return Err(wrong("ka_reply_codes", "codes (200) or classes (2), separated by commas")),
            }
        }
        if Uri::parse(params.ka_from.clone()).is_err() {
            return Err(wrong("ka_from", "this is no URI"));
        }
        if !params.ka_method.iter().all(|&byte| sip::scan::is_token(byte)) || params.ka_method.is_empty() {
            return Err(wrong("ka_method", "this is no method"));
        }
        let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
        let message = if (-5..=3).contains(&params.ka_loglevel) {
            env.format(&params.ka_logmsg.to_text(), creating.span_of("ka_logmsg"))?
        } else {
            Format::new(Vec::new())
        };
        Ok(Self {
            core: creating.core.clone(),
            mode: params.ka_mode,
            nat_flag: if params.nat_bflag < 0 { 0 } else { 1 << params.nat_bflag },
            only_server: (params.ka_filter & 1 != 0).then_some(creating.core.settings.server_id as u32),
            timeout: params.ka_timeout,
            interval: params.ka_interval,
            randomize: params.ka_randomize,
            level: (-5..=3).contains(&params.ka_loglevel).then(|| Level::from_number(params.ka_loglevel)),
            message,
            codes,
            sent: AtomicU32::new(0),
        })
    }

    /// Seconds of silence after which a pinged contact is over; 0: never.
    pub(super) const fn timeout(&self) -> u32 {
        if self.mode == 0 { 0 } else { self.timeout }
    }

    /// True when the contact is one of those that are pinged.
    pub(super) fn pings(&self, contact: &Stored) -> bool {
        if self.mode == 0 || self.only_server.is_some_and(|id| id != contact.server_id()) {
            return false;
        }
        let udp = || contact.socket().and_then(|id| self.core.socket(id)).is_none_or(|it| it.protocol == Protocol::Udp);
        self.mode & 1 != 0
            || (self.mode & 2 == 0 || contact.cflags & self.nat_flag != 0) && (self.mode & 4 == 0 || udp())
    }

    /// Pings every contact of a table that is due.
    pub(super) async fn ping(&self, me: &Usrloc, table: &Table, now: i64) {
        if self.mode == 0 {
            return;
        }
        for shard in 0..table.shard_count() {
            let mut due: Vec<(Str, Contact)> = Vec::new();
            table.visit_shard(shard, |aor, contact| {
                if i64::from(contact.next_keepalive) <= now && contact.is_valid(now) && self.pings(contact) {
                    let pause = self.interval.saturating_add(rand::rng().random_range(0..=self.randomize));
                    contact.next_keepalive = clamp_time(now + i64::from(pause));
                    due.push((Str::copy_from(aor), contact.unpack()));
                }
            });
            for (aor, contact) in due {
                self.send(me, table.hash(&aor), &aor, &contact);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends one ping; when its address has a name, as soon as that is resolved.
    fn send(&self, me: &Usrloc, hash: u64, aor: &Str, contact: &Contact) {
        let core = &self.core;
        let text = self.text(me, hash, aor, contact);
        if let Some(id) = contact.connection
            && let Some(connection) = core.network().and_then(|network| network.connection(id))
        {
            let Some(socket) = core.socket(connection.socket) else { return };
            let data = text.print(socket, connection.protocol);
            let outgoing = Outgoing::new(connection.socket, connection.protocol, connection.peer, data);
            core.send(Outgoing { connection: Some(id), no_connect: true, ..outgoing });
            return;
        }
        let next = contact.path_uris().next().or_else(|| contact.received.clone()).unwrap_or(contact.uri.clone());
        let (core, preferred) = (core.clone(), contact.socket);
        let is_address = Uri::parse(next.clone()).is_ok_and(|uri| engine::forward::address_of(&uri.host()).is_some());
        let task = async move {
            match engine::forward::resolve(&core, &next).await {
                Ok(targets) => send_to(&core, &text, &targets, preferred),
                Err(error) => engine::log!(core.log, Debug, "keep-alive not sent: {error}"),
            }
        };
        if is_address {
            // Ready at once: no task is needed.
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = std::pin::pin!(task).as_mut().poll(&mut context);
        } else {
            self.core.spawn(Box::pin(task));
        }
    }

    fn text(&self, me: &Usrloc, hash: u64, aor: &Str, contact: &Contact) -> Ping {
        let count = self.sent.fetch_add(1, Ordering::Relaxed);
        let sent = self.core.unix_micros();
        let params = &me.params;
        let (user, domain) = match memchr::memchr(b'@', aor) {
            Some(at) => (aor.slice(..at), aor.slice(at + 1..)),
            None => (aor.clone(), params.ka_domain.clone()),
        };
        let user = Str::from(sip::escape::escape_user(&user).into_owned());
        let at = if user.is_empty() { "" } else { "@" };
        let route = contact.path.as_ref().map_or_else(String::new, |path| format!("Route: {path}\r\n"));
        let tag = format!("{}-{hash:x}-{:x}-{:x}-{count:x}", contact.ruid, sent / 1_000_000, sent % 1_000_000);
        let random: u32 = rand::random();
        Ping {
            start: format!("{} {} SIP/2.0\r\n", params.ka_method, contact.uri),
            branch: format!("z9hG4bKx.{random:x}.{count:x}.0"),
            rest: format!(
                "Max-Forwards: 70\r\n{route}From: <{}>;tag={tag}\r\nTo: <sip:{user}{at}{domain}>\r\n\
                 Call-ID: ksrulka-{random:x}-{count:x}\r\nCSeq: {CSEQ} {}\r\nContent-Length: 0\r\n\r\n",
                params.ka_from, params.ka_method
            ),
        }
    }

    /// Takes the reply to a ping.
    fn take(&self, me: &Usrloc, cx: &mut RouteCx) {
        if !self.is_ours(me, cx) {
            return;
        }
        let tag = match cx.message.from() {
            Ok(Some(from)) => from.tag(),
            _ => None,
        };
        let Some(found) = tag.as_ref().and_then(Mark::parse) else { return };
        // It was for us: nobody sends it on.
        cx.dropped = true;
        let status = cx.message.status().unwrap_or(0);
        if status < 200 || !self.codes.is_empty() && !self.codes.iter().any(|&it| it == status || it == status / 100) {
            return;
        }
        let now = self.core.unix_micros();
        let trip = u32::try_from(now.saturating_sub(found.sent)).unwrap_or(0);
        let known = me.tables().iter().any(|table| {
            table.touch(found.hash, &found.ruid, |contact| {
                contact.keepalive = true;
                contact.last_keepalive = clamp_time(now / 1_000_000);
                contact.roundtrip = trip;
            })
        });
        if let Some(level) = self.level.filter(|level| known && self.core.log.enabled(*level)) {
            let (seconds, micros) = (trip / 1_000_000, trip % 1_000_000);
            let tail = self.message.eval(cx);
            let line = format!("keepalive roundtrip: {seconds}.{micros:06} sec - ruid [{}]{tail}", found.ruid);
            self.core.log.write(level, &line);
        }
    }

    fn is_ours(&self, me: &Usrloc, cx: &RouteCx) -> bool {
        self.mode != 0
            && matches!(cx.message.cseq(), Ok(Some(cseq)) if cseq.number == CSEQ && cseq.method_name == me.params.ka_method)
            && cx.message.call_id().is_some_and(|id| id.starts_with(CALL_ID_PREFIX))
            && cx.message.vias().is_ok_and(|vias| vias.len() == 1)
    }
}

/// Takes the replies from now on.
pub(super) fn listen(me: &Arc<Usrloc>, core: &Arc<Core>) {
    if me.keepalive.mode == 0 {
        return;
    }
    let me = me.clone();
    // The script sees the reply too, as in Kamailio.
    core.hooks.before_reply.push(Arc::new(move |cx| {
        me.keepalive.take(&me, cx);
        true
    }));
}

/// A ping but for its Via, which depends on the socket.
struct Ping {
    start: String,
    branch: String,
    rest: String,
}

impl Ping {
    fn print(&self, socket: &LocalSocket, protocol: Protocol) -> Str {
        let sent_by = match &socket.advertise {
            Some((host, Some(port))) => format!("{host}:{port}"),
            Some((host, None)) => format!("{host}:{}", socket.address.port()),
            None => socket.address.to_string(),
        };
        let via = format!("Via: SIP/2.0/{} {sent_by};branch={}\r\n", protocol.via_name(), self.branch);
        Str::from(format!("{}{via}{}", self.start, self.rest))
    }
}

fn send_to(core: &Arc<Core>, text: &Ping, targets: &[Target], preferred: Option<SocketId>) {
    let chosen = targets
        .iter()
        .find_map(|target| core.socket_for(target.protocol, &target.address, preferred).map(|socket| (target, socket)));
    if let Some((target, socket)) = chosen {
        core.send(Outgoing::new(socket.id, target.protocol, target.address, text.print(socket, target.protocol)));
    }
}

/// What the From tag of a ping says: `RUID-hash-seconds-microseconds-count`.
struct Mark {
    ruid: Str,
    hash: u64,
    /// In microseconds since 1970.
    sent: i64,
}

impl Mark {
    fn parse(tag: &Str) -> Option<Self> {
        let text = tag.as_utf8()?;
        let mut parts = text.rsplitn(5, '-');
        let _count = parts.next()?;
        let micros = i64::from_str_radix(parts.next()?, 16).ok()?;
        let seconds = i64::from_str_radix(parts.next()?, 16).ok()?;
        let hash = u64::from_str_radix(parts.next()?, 16).ok()?;
        let ruid = tag.slice_ref(parts.next()?.as_bytes());
        Some(Self { ruid, hash, sent: seconds.checked_mul(1_000_000)?.checked_add(micros)? })
    }
}
