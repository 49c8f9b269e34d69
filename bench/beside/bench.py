#!/usr/bin/env python3
"""SIP servers beside each other on one machine, over loopback only: `cargo xtask bench` starts this.

Needs Linux, Python 3.9, sipp; `instr` needs valgrind, too. What each figure is: docs/measurements.md.
"""
import argparse, csv, glob, html, json, math, os, random, re, resource, select, shlex, shutil, signal, socket, struct
import statistics as st, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# cfg: file under cfg/<flavor>/; unit: what one "call" of sipp is.
# settle: seconds to wait after the last measured calls, so that delayed work (tm's wait timer) is counted.
CALL = dict(uac="uac.xml", unit="call", rate=1000, settle=6.5, users=10000, uas="uas.xml")
WORKLOADS = {
    "A":   dict(cfg="A.cfg", uac="options.xml", unit="OPTIONS", rate=5000, settle=1),
    "B":   dict(cfg="B.cfg", uac="register.xml", unit="REGISTER", rate=4000, settle=1, users=100000, preload="register.xml"),
    "C":   dict(cfg="C.cfg", uac="register_auth.xml", unit="REGISTER pair", rate=2000, settle=1, users=20000,
                preload="register_auth.xml"),
    "D":   dict(CALL, cfg="D.cfg", preload="register.xml"),
    "D0":  dict(CALL, cfg="D0.cfg"),
    "DLG": dict(CALL, cfg="DLG.cfg", preload="register.xml"),
    "E":   dict(CALL, cfg=None, preload="register.xml", syslog=True),
    "L":   dict(cfg="L.cfg", uac="lookup.xml", unit="lookup", rate=4000, settle=1, users=100000, preload="register.xml"),
}
HOST, PORT, UAC_PORT, UAS_PORT = "127.0.0.1", 5070, 5171, 5172    # the ports change with --port
TALK = 200                                        # ms between ACK and BYE


def log(*a):
    print(time.strftime("%H:%M:%S"), *a, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- /proc readers
def all_procs():
    """pid -> (ppid, session)"""
    out = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                f = open(f"/proc/{d}/stat").read()
            except OSError:
                continue
            f = f[f.rindex(")") + 2:].split()
            if f[0] != "Z":
                out[int(d)] = (int(f[1]), int(f[3]))
    return out


def descendants(roots, procs):
    got, grew = set(r for r in roots if r in procs), True
    while grew:
        new = {p for p, (pp, _) in procs.items() if pp in got and p not in got}
        grew = bool(new)
        got |= new
    return got


def sched_ns(pids):
    """CPU time of all threads, in ns (CONFIG_SCHEDSTATS); and the set of thread ids."""
    ns, tids = 0, set()
    for p in pids:
        for t in glob.glob(f"/proc/{p}/task/[0-9]*"):
            try:
                ns += int(open(t + "/schedstat").read().split()[0])
                tids.add(int(t.rsplit("/", 1)[1]))
            except (OSError, ValueError, IndexError):
                pass
    return ns, tids


def stat_ticks(pids):
    u = s = 0
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read()
        except OSError:
            continue
        f = f[f.rindex(")") + 2:].split()
        u, s = u + int(f[11]), s + int(f[12])
    return u, s


def ctxt(pids):
    v = 0
    for p in pids:
        for t in glob.glob(f"/proc/{p}/task/[0-9]*/status"):
            try:
                v += sum(int(l.split()[1]) for l in open(t) if "ctxt_switches" in l)
            except OSError:
                pass
    return v


def memory(pids):
    """Sums in kB: RSS counts shared pages once per process, PSS counts them once in all."""
    r = dict(rss=0, pss=0, rss_max=0, procs=len(pids))
    for p in pids:
        try:
            d = {l.split(":")[0]: int(l.split()[1]) for l in open(f"/proc/{p}/smaps_rollup") if l.endswith("kB\n")}
        except OSError:
            continue
        r["rss"] += d.get("Rss", 0)
        r["pss"] += d.get("Pss", 0)
        r["rss_max"] = max(r["rss_max"], d.get("Rss", 0))
    return r


def sys_cpu():
    """Seconds all CPUs were busy: wall time less idle time (the busy columns of /proc/stat are sampled at the tick, and miss what
    the tick itself wakes), and steal."""
    f = list(map(int, open("/proc/stat").readline().split()[1:9]))
    return dict(busy=time.monotonic() * os.cpu_count() - (f[3] + f[4] + f[7]) / TICK, steal=f[7] / TICK)


def udp_errors():
    rows = [l.split() for l in open("/proc/net/snmp") if l.startswith("Udp:")]
    d = dict(zip(rows[0][1:], map(int, rows[1][1:])))
    return d["RcvbufErrors"] + d["SndbufErrors"]


def bound(port, tcp=False):
    """True when a UDP socket is bound to the port, or a TCP socket listens on it."""
    h = f":{port:04X}"
    for fam in ("tcp", "tcp6") if tcp else ("udp", "udp6"):
        try:
            rows = [l.split() for l in open(f"/proc/net/{fam}").readlines()[1:]]
        except OSError:
            continue
        if any(r[1].endswith(h) and (not tcp or r[3] == "0A") for r in rows):
            return True
    return False


# ---------------------------------------------------------------- server under test
class Server:
    """A server, started by its command in a session of its own; {cfg} and {rundir} in the command are filled in."""

    def __init__(self, name, cmd, a):
        self.name, self.cmd, self.a = name, cmd, a
        self.p, self.port = None, PORT
        programs = [os.path.basename(c) for c in shlex.split(cmd)]
        self.flavor = "opensips" if "opensips" in programs else "kamailio"

    def cfg(self, wl):
        w = WORKLOADS[wl]
        if w["cfg"] is None:                      # E: the package's own default file, two settings changed
            t = open(self.a.stock_cfg).read()
            t, n = re.subn(r"(?m)^children=.*$", f"children={self.a.workers}\nlisten=udp:@HOST@:@PORT@", t)
            assert n == 1, "no children= line in the stock file"
        else:
            t = open(os.path.join(HERE, "cfg", self.flavor, w["cfg"])).read()
        if self.a.tcp:
            t = t.replace("disable_tcp=yes", "tcp_children=@WORKERS@\ntcp_max_connections=20000")
            t = t.replace("udp_workers=@WORKERS@", "udp_workers=@WORKERS@\ntcp_workers=@WORKERS@")
            t = t.replace('loadmodule "proto_udp.so"', 'loadmodule "proto_udp.so"\nloadmodule "proto_tcp.so"')
            t = re.sub(r"(?m)^(listen|socket)=udp:(.*)$", r"\1=udp:\2\n\1=tcp:\2", t)
            t = t.replace("@UAS_PORT@", "@UAS_PORT@;transport=tcp")
        for k, v in {"@HOST@": HOST, "@PORT@": self.port, "@UAS_PORT@": UAS_PORT, "@WORKERS@": self.a.workers,
                     "@MPATH@": self.a.mpath}.items():
            t = t.replace(k, str(v))
        path = os.path.join(self.dir, "server.cfg")
        open(path, "w").write(t)
        return path

    def start(self, wl, wrap=()):
        if bound(self.port):
            raise SystemExit(f"port {self.port} is already bound")
        self.dir = tempfile.mkdtemp(prefix=f"sipbench-{self.name}-")
        cmd = [c.replace("{cfg}", self.cfg(wl)).replace("{rundir}", self.dir) for c in shlex.split(self.cmd)]
        if self.a.pin:
            cmd = ["taskset", "-c", self.a.pin.split("/")[0]] + cmd
        self.out = open(os.path.join(self.dir, "out.log"), "wb")
        self.p = subprocess.Popen([*wrap, *cmd], stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                  start_new_session=True, cwd=self.dir)
        end = time.time() + (60 if wrap else 20)
        while not (bound(self.port) and (not self.a.tcp or bound(self.port, tcp=True))):
            if time.time() > end or self.p.poll() is not None:
                sys.stderr.write(open(self.out.name, errors="replace").read()[-3000:])
                self.stop()
                raise SystemExit(f"{self.name}: did not bind port {self.port}")
            time.sleep(0.05)
        time.sleep(8 if wrap else 1)
        return self

    def pids(self):
        procs = all_procs()
        return {p for p, (_, s) in procs.items() if s == self.p.pid} | descendants({self.p.pid}, procs)

    def stop(self):
        if not self.p:
            return
        pids = self.pids()
        if self.p.poll() is None:
            os.kill(self.p.pid, signal.SIGTERM)
        end = time.time() + self.a.stop_wait
        while time.time() < end and any(os.path.exists(f"/proc/{p}") and p in all_procs() for p in pids):
            self.p.poll()
            time.sleep(0.05)
        for p in pids & set(all_procs()):
            try:
                os.kill(p, signal.SIGKILL)
            except OSError:
                pass
        self.p.wait()
        self.out.close()
        if not self.a.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        self.p = None


# ---------------------------------------------------------------- sipp
class Sipp:
    """One sipp process.  Its screen goes to /dev/null; its counters come from its own CSV file."""
    live_ones = []

    def __init__(self, a, scen, port, users=None, target=None, calls=None, rate=None, limit=None,
                 tag="b", cseq=1, pause=None, timeout=None, many=False):
        self.stf = tempfile.mktemp(prefix="sipbench-", suffix=".csv")
        self.err = tempfile.mktemp(prefix="sipbench-", suffix=".err")
        c = [a.sipp, "-sf", os.path.join(HERE, "sipp", scen), "-i", HOST, "-p", str(port), "-nostdin",
             "-trace_stat", "-stf", self.stf, "-fd", "1", "-buff_size", "4194304",
             "-t", ("t" if a.tcp else "u") + ("n" if many else "1"),
             "-key", "uas_port", str(UAS_PORT), "-key", "proto", "tcp" if a.tcp else "udp", "-cid_str", f"%u-{tag}@%s", "-base_cseq", str(cseq),
             "-deadcall_wait", "0", "-timer_resol", str(a.timer_resol)]
        if target:
            c += [target]
        if users:
            c += ["-inf", users]
        if calls:
            c += ["-m", str(calls), "-r", str(rate), "-l", str(limit or max(2000, 4 * rate))]
        if many:
            c += ["-max_socket", str(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)]
        if pause is not None:
            c += ["-d", str(pause)]
        if timeout:
            c += ["-timeout", f"{int(timeout)}s"]
        if a.pin:
            c = ["taskset", "-c", a.pin.split("/")[1]] + c
        if bound(port, a.tcp):
            raise SystemExit(f"sipp's port {port} is already bound")
        self.t0 = time.time()
        self.deadline = timeout and self.t0 + timeout + 5
        self.live_ones.append(self)
        self.p = subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.err, "wb"),
                                  env=dict(os.environ, TERM="dumb"), cwd=tempfile.gettempdir())

    def wait(self):
        """Until it ends; sipp's own -timeout does not always end it, so 5 s after that it is killed."""
        while True:
            pid, self.rc, ru = os.wait4(self.p.pid, os.WNOHANG)
            if pid:
                break
            if self.deadline and time.time() > self.deadline:
                self.p.kill()
            time.sleep(0.01)
        self.p.returncode = self.rc
        self.secs, self.cpu = time.time() - self.t0, ru.ru_utime + ru.ru_stime
        return self.counters()

    def quit(self):
        """SIGUSR1 asks sipp to end; SIGKILL if it does not."""
        os.kill(self.p.pid, signal.SIGUSR1)
        end = time.time() + 3
        while time.time() < end:
            pid, self.rc, ru = os.wait4(self.p.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        else:
            os.kill(self.p.pid, signal.SIGKILL)
            _, self.rc, ru = os.wait4(self.p.pid, 0)
        self.p.returncode = self.rc
        self.cpu = ru.ru_utime + ru.ru_stime
        return self.counters()

    def live(self):
        r = self.last()
        return dict(retrans=int(float(r.get("Retransmissions(C)") or 0)), failed=int(float(r.get("FailedCall(C)") or 0)))

    def last(self):
        try:
            rows = list(csv.DictReader(open(self.stf), delimiter=";"))
            return rows[-1] if rows else {}
        except OSError:
            return {}

    def counters(self):
        self.live_ones.remove(self)
        r = self.last()
        g = lambda k: int(float(r.get(k) or 0))
        out = dict(ok=g("SuccessfulCall(C)"), failed=g("FailedCall(C)"), retrans=g("Retransmissions(C)"),
                   unexpected=g("OutOfCallMsgs(C)") + g("DeadCallMsgs(C)"))
        for f in (self.stf, self.err):
            try:
                os.unlink(f)
            except OSError:
                pass
        return out


def users_csv(n, part=None):
    """A file with all users, or with those of a range, which are spread over all. sipp has read it before it sends anything, so
    the next part takes the same file."""
    path = os.path.join(tempfile.gettempdir(), f"sipbench-users-{os.getuid()}-{n}{f'-part{os.getpid()}' if part else ''}.csv")
    with open(path + ".new", "w") as f:
        f.write("SEQUENTIAL\n")
        for i in ((j * 7919) % n for j in part or range(n)):      # 7919 is prime: every user once, neighbours far apart
            f.write(f"u{i:06d};[authentication username=u{i:06d} password=pw-u{i:06d}];\n")
    os.replace(path + ".new", path)
    return path


class Sink:
    """Workload E logs to syslog as stock files do; where no syslog daemon runs, this swallows what it sends."""
    def __init__(self, wl):
        self.wanted = WORKLOADS[wl].get("syslog")

    def __enter__(self):
        self.s = None
        if self.wanted and not os.path.exists("/dev/log"):
            try:
                self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.s.bind("/dev/log")
                threading.Thread(target=self.drain, daemon=True).start()
            except OSError:
                self.s = None
        return self

    def drain(self):
        try:
            while self.s.recv(65536):
                pass
        except OSError:
            pass

    def __exit__(self, *x):
        if self.s:
            os.unlink("/dev/log")
            self.s.close()


# ---------------------------------------------------------------- one measured run
class Spinners:
    """One SCHED_IDLE busy loop per CPU.  It takes only time nobody wants, and keeps the (virtual) CPUs from going to sleep,
    so that a wake-up costs what it costs on a busy host and not the exit to the hypervisor that it costs on an idle guest."""
    procs = []

    @classmethod
    def start(cls):
        code = ("import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nos.sched_setaffinity(0, {%d})\n"
                "while os.getppid() == %d:\n for i in range(300000): pass\n")
        for c in os.sched_getaffinity(0):
            cls.procs.append(subprocess.Popen([sys.executable, "-c", code % (c, os.getpid())]))

    @classmethod
    def cpu(cls):
        return sched_ns([p.pid for p in cls.procs])[0] / 1e9

    @classmethod
    def stop(cls):
        for p in cls.procs:
            p.kill()
            p.wait()
        cls.procs = []


def other_load(secs=1.0):
    """Cores used by anything but the spinners, over a second."""
    a, sa = sys_cpu()["busy"], Spinners.cpu()
    time.sleep(secs)
    return (sys_cpu()["busy"] - a - (Spinners.cpu() - sa)) / secs


def wait_quiet(a):
    end = time.time() + a.quiet_wait
    while other_load() > a.quiet and time.time() < end:
        time.sleep(2)


def snap(srv):
    pids = srv.pids()
    ns, tids = sched_ns(pids)
    return dict(pids=pids, ns=ns, tids=tids, ticks=stat_ticks(pids), ctxt=ctxt(pids), t=time.time(), sys=sys_cpu(), spin=Spinners.cpu(),
                me=resource.getrusage(resource.RUSAGE_SELF), udp=udp_errors())


def delta(a, b):
    me = lambda r: r.ru_utime + r.ru_stime
    u, s = (b["ticks"][0] - a["ticks"][0]) / TICK, (b["ticks"][1] - a["ticks"][1]) / TICK
    d = dict(user=u, sys=s, cpu_stat=u + s, cpu=(b["ns"] - a["ns"]) / 1e9, same_tasks=a["tids"] == b["tids"],
             ctxt=b["ctxt"] - a["ctxt"], secs=b["t"] - a["t"], busy=b["sys"]["busy"] - a["sys"]["busy"],
             steal=b["sys"]["steal"] - a["sys"]["steal"], bench=me(b["me"]) - me(a["me"]), spin=b["spin"] - a["spin"], drops=b["udp"] - a["udp"])
    if not d["same_tasks"]:                       # a thread came or went: only the per-process counters are whole
        d["cpu"] = d["cpu_stat"]
    return d


def preload(a, w, users, port, tag="reg"):
    """Register every user, closed loop (at most 200 outstanding, then 50 if some failed)."""
    for k, limit in enumerate((200, 50, 20)):
        s = Sipp(a, w["preload"], UAC_PORT, users, calls=w["users"], rate=20000, limit=limit, tag=tag, cseq=1 + 2 * k, timeout=120, target=f"{HOST}:{port}")
        c = s.wait()
        if c["ok"] == w["users"]:
            return
        log(f"preload: {c}")
    raise RuntimeError(f"preload: {c}")


def session(a, servers, wl, run):
    """Start every server, each on its own port, and give them short slices of the same load in turn: A B C, C B A, A B C ...
    A sample is a server's CPU time from the start of its slice to the start of its next one, so that delayed work counts, less
    what it uses when idle in that time (`us_net`)."""
    w = WORKLOADS[wl]
    rate, calls = a.rate or w["rate"], int((a.rate or w["rate"]) * a.slice)
    users = users_csv(w["users"]) if w.get("users") else None
    rows, uas, idle, pre = [], None, {}, {}
    try:
        wait_quiet(a)
        for s in servers:
            s.start(wl)
        before = {s: snap(s) for s in servers}
        time.sleep(a.idle)
        for s in servers:
            idle[s] = (snap(s)["ns"] - before[s]["ns"]) / 1e9 / a.idle
        if w.get("preload"):
            for s in servers:
                p0 = snap(s)
                preload(a, w, users, s.port)
                pre[s] = delta(p0, snap(s))["cpu"] / w["users"] * 1e6
        if w.get("uas"):
            uas = Sipp(a, w["uas"], UAS_PORT, target=None)
            time.sleep(0.3)
        slices = {s: [] for s in servers}
        uas_seen = dict(retrans=0, failed=0)
        for k in range(a.cycles + 2):             # cycle 0 warms up; the last only closes the samples of the one before
            last = k == a.cycles + 1
            if last:
                time.sleep(w["settle"])
            for s in servers if k % 2 == 0 or last else servers[::-1]:
                if not last:
                    wait_quiet(a)
                s0 = snap(s)
                slices[s].append([s0, None, None])
                if last:
                    continue
                uac = Sipp(a, w["uac"], UAC_PORT, users, calls=calls, rate=rate, tag="reg" if w["uac"].startswith("reg") else f"s{k}",
                           cseq=20 + 2 * k, timeout=a.slice * 2 + 20, pause=TALK, target=f"{HOST}:{s.port}")
                c = uac.wait()
                if uas:
                    time.sleep(0.2)
                s1 = snap(s)
                d = delta(s0, s1)
                ucpu = 0
                if uas:
                    now = uas.live()
                    c["uas_retrans"], c["uas_failed"] = now["retrans"] - uas_seen["retrans"], now["failed"] - uas_seen["failed"]
                    uas_seen, ucpu = now, sched_ns([uas.p.pid])[0] / 1e9
                mine = d["cpu"] + uac.cpu + d["bench"] + d["spin"]
                slices[s][-1][1:] = [c, dict(secs=uac.secs, uac_us=uac.cpu / calls * 1e6, drops=d["drops"], busy=d["busy"], mine=mine, span=d["secs"],
                                             uas_cpu=ucpu, slice_us=d["cpu"] / calls * 1e6)]
        for s in servers:
            m = memory(s.pids())
            for k in range(1, a.cycles + 1):
                (s0, c, x), nxt = slices[s][k], slices[s][k + 1][0]
                d = delta(s0, nxt)
                uas_us = 0
                if uas:                           # the callee's CPU in this slice, from the slice before it
                    uas_us = a_uas(slices, servers, s, k) / calls * 1e6
                other = max(0.0, x["busy"] - x["mine"] - uas_us * calls / 1e6) / x["span"]
                ok = c["ok"] >= calls * 0.999 and c["retrans"] == 0 and c.get("uas_retrans", 0) == 0 and x["drops"] == 0
                rows.append(dict(server=s.name, workload=wl, run=run, cycle=k, rate=rate, calls=calls, us=d["cpu"] / calls * 1e6,
                                 us_net=(d["cpu"] - idle[s] * d["secs"]) / calls * 1e6, us_stat=d["cpu_stat"] / calls * 1e6, slice_us=x["slice_us"],
                                 ctxt=d["ctxt"] / calls, idle_cpu=idle[s], preload_us=pre.get(s), uac=c, uac_us=x["uac_us"], uas_us=uas_us,
                                 drops=x["drops"], steal=d["steal"], other=other, mem=m, same_tasks=d["same_tasks"],
                                 valid=bool(ok and x["secs"] < a.slice * 1.1 + 2), quiet=other < a.quiet))
    finally:
        if uas:
            uas.quit()
        for s in servers:
            s.stop()
    return rows


def a_uas(slices, servers, s, k):
    """CPU seconds the callee used in slice k of server s: its total after that slice less its total after the one before."""
    order = [(x, kk) for kk in range(k + 1) for x in (servers if kk % 2 == 0 else servers[::-1])]
    i = order.index((s, k))
    px, pk = order[i - 1]
    return slices[s][k][2]["uas_cpu"] - slices[px][pk][2]["uas_cpu"]


def med(v):
    return f"{st.median(v):.1f} ({min(v):.1f}-{max(v):.1f})"


def good(rs):
    return [r for r in rs if r["valid"] and r["quiet"]] or [r for r in rs if r["valid"]] or rs


def table(rows):
    out = ["| workload | server | CPU us per unit, net of idle: median (min-max) | in the slice only | ratio to first, same cycle: median (min-max) | "
           "context switches | idle % of a core | sipp uac+uas us | others' cores | samples (good) |",
           "|---|---|---|---|---|---|---|---|---|---|"]
    for wl in dict.fromkeys(r["workload"] for r in rows):
        ws = [r for r in rows if r["workload"] == wl]
        names = list(dict.fromkeys(r["server"] for r in ws))
        first = {(r["run"], r["cycle"]): r["us_net"] for r in good([r for r in ws if r["server"] == names[0]])}
        for n in names:
            rs = [r for r in ws if r["server"] == n]
            v = good(rs)
            ratio = [r["us_net"] / first[r["run"], r["cycle"]] for r in v if (r["run"], r["cycle"]) in first] or [float("nan")]
            m = lambda k: st.median(r[k] for r in v)
            out.append(f"| {wl} | {n} | {med([r['us_net'] for r in v])} | {m('slice_us'):.1f} | {st.median(ratio):.3f} ({min(ratio):.3f}-{max(ratio):.3f}) | "
                       f"{m('ctxt'):.1f} | {100*m('idle_cpu'):.2f} | {m('uac_us'):.0f}+{m('uas_us'):.0f} | {m('other'):.2f} | {len(rs)} ({sum(r['valid'] and r['quiet'] for r in rs)}) |")
        pre = {n: [r["preload_us"] for r in ws if r["server"] == n and r["cycle"] == 1 and r["preload_us"]] for n in names}
        if any(pre.values()):
            out.append(f"\n{wl}: CPU us for each preloaded registration: " + ", ".join(f"{n} {med(v)}" for n, v in pre.items() if v) + "\n")
    return "\n".join(out)


def save(a, kind, rows):
    if a.json:
        with open(a.json, "a") as f:
            for r in rows:
                f.write(json.dumps(dict(kind=kind, **r)) + "\n")


def cmd_run(a, servers):
    rows = []
    for wl in a.workload:
        with Sink(wl):
            for run in range(a.runs):
                new = session(a, servers, wl, run)
                rows += new
                save(a, "run", new)
                for s in servers:
                    rs = [r for r in new if r["server"] == s.name]
                    mark = lambda r: ("" if r["valid"] else "!") + ("" if r["quiet"] else "~")
                    us = " ".join(f"{r['us_net']:.1f}{mark(r)}" for r in rs)
                    failed = sum(r["uac"]["failed"] for r in rs)
                    retrans = sum(r["uac"]["retrans"] + r["uac"].get("uas_retrans", 0) for r in rs)
                    log(f"{wl} {s.name:10} run {run}: us {us}; in slice only {st.median(r['slice_us'] for r in rs):.1f}; failed {failed} "
                        f"retrans {retrans} drops {sum(r['drops'] for r in rs)} others {max(r['other'] for r in rs):.2f}")
    print(table(rows))


def try_rate(a, srv, w, users, rate, n, secs):
    uas = Sipp(a, w["uas"], UAS_PORT, target=None) if w.get("uas") else None
    if uas:
        time.sleep(0.3)
    s0 = snap(srv) if srv else None
    c0 = sys_cpu()
    uac = Sipp(a, w["uac"], UAC_PORT, users, target=f"{HOST}:{srv.port}" if srv else f"{HOST}:{UAS_PORT}", calls=int(rate * secs), rate=rate,
               tag="reg" if w["uac"].startswith("reg") else f"x{n}", cseq=20 + 2 * n, timeout=secs + 8, pause=TALK,
               limit=int(max(4000, 4 * rate)), many=a.many)
    c = uac.wait()
    c1 = sys_cpu()
    s1 = snap(srv) if srv else None
    cu = uas.quit() if uas else {}
    got = c["ok"] / uac.secs
    bad = c["failed"] + cu.get("failed", 0)
    retr = c["retrans"] + cu.get("retrans", 0)
    d = delta(s0, s1) if srv else {}
    ok = c["ok"] >= 0.999 * int(rate * secs) and bad < 0.001 * rate * secs and retr == 0 and uac.secs < secs * 1.05 + 1
    log(f"  rate {rate}: {'pass' if ok else 'FAIL'} ok {c['ok']} failed {bad} retrans {retr} in {uac.secs:.1f} s; drops {d.get('drops', '-')}; "
        f"cores: server {d.get('cpu', 0)/uac.secs:.2f} uac {uac.cpu/uac.secs:.2f} uas {(uas.cpu if uas else 0)/uac.secs:.2f} "
        f"all {(c1['busy']-c0['busy'])/uac.secs:.2f}")
    return ok, dict(rate=rate, ok=c["ok"], failed=bad, retrans=retr, secs=uac.secs, server_us=d.get("cpu", 0) / max(1, c["ok"]) * 1e6,
                    server_cores=d.get("cpu", 0) / uac.secs, uac_cores=uac.cpu / uac.secs, uas_cores=(uas.cpu if uas else 0) / uac.secs)


def search(a, srv, wl):
    """Highest rate with no retransmission and < 0.1 % failed: climb by 1.3, then halve the gap to 8 %. A failing rate gets a second try."""
    w = WORKLOADS[wl]
    users = users_csv(w["users"]) if w.get("users") else None
    if srv:
        srv.start(wl)
    best, lo, hi, n, why = None, 0, None, 0, None
    try:
        if srv and w.get("preload"):
            preload(a, w, users, srv.port)
        rate = a.rate or w["rate"]
        while n < 12 and rate < 200000:
            for _ in range(2):
                ok, d = try_rate(a, srv, w, users, rate, n, a.secs)
                n += 1
                if srv:
                    time.sleep(w["settle"])
                if ok:
                    break
            if ok:
                lo, best = rate, d
                rate = int(rate * 1.3) if hi is None else (lo + hi) // 2
            else:
                hi, why = rate, d
                rate = (lo + hi) // 2 if lo else rate // 2
            if hi and lo and hi - lo <= 0.08 * hi:
                break
    finally:
        if srv:
            srv.stop()
    return dict(server=srv.name if srv else "(no server)", workload=wl, max=lo, at=best, first_fail=why)


def cmd_maxrate(a, servers):
    rows = []
    for wl in a.workload:
        with Sink(wl):
            for k in range(a.runs):
                for s in servers if k % 2 == 0 else servers[::-1]:
                    log(f"max rate {wl} {s.name} round {k}{', a socket for each call' if a.many else ''}")
                    rows.append(dict(search(a, s, wl), round=k, many=a.many))
                    save(a, "maxrate", rows[-1:])
    rate_table(rows)


def rate_table(rows):
    print("| workload | sipp's sockets | server | max rate per s, each round | server / uac / uas cores at the best |\n|---|---|---|---|---|")
    key = lambda r: (r["workload"], "one for each call" if r["many"] else "one", r["server"])
    for k in dict.fromkeys(map(key, rows)):
        rs = [r for r in rows if key(r) == k]
        b = max(rs, key=lambda r: r["max"])["at"] or {}
        print(f"| {' | '.join(k)} | {', '.join(str(r['max']) for r in rs)} | "
              f"{b.get('server_cores', 0):.2f} / {b.get('uac_cores', 0):.2f} / {b.get('uas_cores', 0):.2f} |")


def cmd_peers(a, servers):
    """maxrate from one address and port, and from one for each call."""
    for a.many in (False, True):
        cmd_maxrate(a, servers)


def cmd_sippmax(a, servers):
    """sipp straight to sipp, no server between: the ceiling of the load generator for calls."""
    r = search(a, None, "D0")
    save(a, "sippmax", [r])
    print(f"sipp to sipp: {r['max']} calls/s; at that rate {r['at']}")


def cmd_mem(a, servers):
    rows = []
    for k in range(a.runs):
        for s in servers if k % 2 == 0 else servers[::-1]:
            r = dict(server=s.name, round=k)
            users = users_csv(100000)
            s.start("B")
            try:
                time.sleep(1)
                m0 = memory(s.pids())
                preload(a, WORKLOADS["B"], users, s.port)
                time.sleep(1)
                m1 = memory(s.pids())
                r["base"], r["reg100k"] = m0, m1
            finally:
                s.stop()
            users = users_csv(10000)
            # memory that a call leaves free is used by the next, so nothing may run before but a few calls that load the code
            kinds = [("ringing", "D", "uas_ring.xml", 40000, 0)]
            if "DLG" in a.workload:
                kinds += [("held", "D", "uas.xml", None, 40000), ("dialogs", "DLG", "uas.xml", None, 40000)]
            for what, wl, scen, ring, hold in kinds:
                s.start(wl)
                uas = uac = None
                to = f"{HOST}:{s.port}"
                try:
                    preload(a, WORKLOADS["D"], users, s.port)
                    uas = Sipp(a, "uas.xml", UAS_PORT)
                    time.sleep(0.3)
                    Sipp(a, "uac.xml", UAC_PORT, users, target=to, calls=20, rate=20, tag="warm", timeout=20, pause=TALK).wait()
                    uas.quit()
                    time.sleep(0.5)
                    uas = Sipp(a, scen, UAS_PORT, pause=ring)
                    time.sleep(0.3)
                    m0 = memory(s.pids())
                    uac = Sipp(a, "uac.xml", UAC_PORT, users, target=to, calls=10000, rate=500, limit=20000, tag="hold", timeout=120, pause=hold)
                    time.sleep(22)
                    now = int(uac.last().get("CurrentCall") or 0)
                    m1 = memory(s.pids())
                    bad = int(uac.last().get("Retransmissions(C)") or 0) + int(uac.last().get("FailedCall(C)") or 0)
                    if bad:
                        log(f"mem {s.name} {what}: {bad} retransmissions or failures: do not trust this one")
                    r[what] = dict(before=m0, after=m1, current=now, bad=bad)
                finally:
                    for x in (uac, uas):
                        if x and x.p.returncode is None:
                            os.kill(x.p.pid, signal.SIGKILL)
                            os.wait4(x.p.pid, 0)
                            x.p.returncode = -9
                            x.counters()
                    s.stop()
            rows.append(r)
            save(a, "mem", [r])
            log(f"mem {s.name}: {r['base']['pss']/1024:.1f} MiB at rest; " + ", ".join(f"{w[0]} {r[w[0]]['current']}" for w in kinds))
    print("| server | at rest: PSS MiB | at rest: RSS summed MiB | bytes per contact | bytes per ringing INVITE transaction | bytes per dialog |\n"
          "|---|---|---|---|---|---|")
    per = lambda r, w: (r[w]["after"]["pss"] - r[w]["before"]["pss"]) * 1024 / max(1, r[w]["current"])
    for n in dict.fromkeys(r["server"] for r in rows):
        rs = [r for r in rows if r["server"] == n]
        dialogs = med([per(r, "dialogs") - per(r, "held") for r in rs]) if "dialogs" in rs[0] else "not asked for"
        print(f"| {n} | {med([r['base']['pss']/1024 for r in rs])} | {med([r['base']['rss']/1024 for r in rs])} | "
              f"{med([(r['reg100k']['pss']-r['base']['pss'])*1024/100000 for r in rs])} | {med([per(r, 'ringing') for r in rs])} | {dialogs} |")


# ---------------------------------------------------------------- contacts
def contacts_session(a, servers, n, run):
    """Every server with n contacts. They register in parts, a sipp process each: a refresh must come with the Call-ID its user
    registered with, and that has the number of the call within its process. A slice is ten processes, whose users come from the
    first part to the last: where a server finds a contact after those that are older, or before them, it must not matter. The
    next slice takes other parts, so that it finds nothing in the CPU's caches that would not be there had all users their turn."""
    w, times = WORKLOADS["L"], 10
    rate = a.rate or w["rate"]
    each = max(1, min(n, int(rate * a.slice) // times))
    size = max(each, -(-n // 100))                # of a part: a process for each, so at most 100 of them
    warm = min(100, n // 10, size)
    parts = [range(i, min(i + size, n)) for i in range(0, n, size)]
    full = n // size
    rows, idle, pre, contact, rest = [], {}, {}, {}, {}
    try:
        wait_quiet(a)
        for s in servers:
            s.start("L")
            users = users_csv(n, parts[0])        # some calls that load the code, or 1,000 contacts would look big
            Sipp(a, w["preload"], UAC_PORT, users, calls=warm, rate=warm, tag="reg0", cseq=0, timeout=20, target=f"{HOST}:{s.port}").wait()
        time.sleep(1)
        before = {s: (snap(s), memory(s.pids())["pss"]) for s in servers}
        time.sleep(a.idle)
        for s in servers:
            idle[s] = (snap(s)["ns"] - before[s][0]["ns"]) / 1e9 / a.idle
        for s in servers:
            p0 = snap(s)
            for j, part in enumerate(parts):
                preload(a, dict(w, users=len(part)), users_csv(n, part), s.port, f"reg{j}")
            d = delta(p0, snap(s))
            pre[s] = (d["cpu"] - idle[s] * d["secs"]) / n * 1e6
            log(f"{n} contacts {s.name}: registered in {d['secs']:.0f} s, {pre[s]:.1f} us each")
        time.sleep(1)
        for s in servers:
            contact[s] = (memory(s.pids())["pss"] - before[s][1]) * 1024 / (n - warm)
        before = {s: snap(s) for s in servers}
        time.sleep(a.rest)                        # usrloc's timer looks for expired contacts once a minute
        for s in servers:
            d = delta(before[s], snap(s))
            rest[s] = d["cpu"] * 60 / d["secs"] * 1000
        for k in range(a.cycles + 1):             # cycle 0 warms up
            for m, (what, scen) in enumerate((("REGISTER", w["preload"]), ("lookup", w["uac"]))):
                for s in servers if k % 2 == 0 else servers[::-1]:
                    wait_quiet(a)
                    c, cpu, secs, s0 = dict(ok=0, failed=0, retrans=0), 0, 0, snap(s)
                    for i in range(times):
                        j = (i * full // times + 2 * k + m) % full
                        users = users_csv(n, parts[j])
                        uac = Sipp(a, scen, UAC_PORT, users, calls=each, rate=rate, tag=f"reg{j}" if what == "REGISTER" else f"l{k}-{i}",
                                   cseq=20 + 2 * (k * times + i), timeout=a.slice * 2 + 20, target=f"{HOST}:{s.port}")
                        now = uac.wait()
                        c, cpu, secs = {x: c[x] + now[x] for x in c}, cpu + uac.cpu, secs + uac.secs
                    time.sleep(w["settle"])
                    d = delta(s0, snap(s))
                    if not k:
                        continue
                    sent = each * times
                    other = max(0.0, d["busy"] - d["cpu"] - cpu - d["bench"] - d["spin"]) / d["secs"]
                    ok = c["ok"] >= sent * 0.999 and c["retrans"] == 0 and d["drops"] == 0 and secs < a.slice * 1.1 + 1 + times
                    rows.append(dict(server=s.name, contacts=n, what=what, run=run, cycle=k, rate=rate, calls=sent, us=d["cpu"] / sent * 1e6,
                                     us_net=(d["cpu"] - idle[s] * d["secs"]) / sent * 1e6, us_stat=d["cpu_stat"] / sent * 1e6, ctxt=d["ctxt"] / sent,
                                     idle_cpu=idle[s], preload_us=pre[s], bytes=contact[s], rest_ms=rest[s], uac=c, uac_us=cpu / sent * 1e6, secs=secs,
                                     drops=d["drops"], steal=d["steal"], other=other, same_tasks=d["same_tasks"], valid=ok, quiet=other < a.quiet))
        os.unlink(users)
    finally:
        for s in servers:
            s.stop()
    return rows


def cmd_contacts(a, servers):
    rows = []
    for run in range(a.runs):
        for n in a.contacts:
            new = contacts_session(a, servers, n, run)
            rows += new
            save(a, "contacts", new)
            for s in servers:
                for what in ("REGISTER", "lookup"):
                    rs = [r for r in new if r["server"] == s.name and r["what"] == what]
                    us = " ".join(f"{r['us_net']:.1f}{'' if r['valid'] else '!'}{'' if r['quiet'] else '~'}" for r in rs)
                    log(f"{n} contacts {s.name:10} run {run}: {what} us {us}; failed {sum(r['uac']['failed'] for r in rs)} "
                        f"retrans {sum(r['uac']['retrans'] for r in rs)} drops {sum(r['drops'] for r in rs)} others {max(r['other'] for r in rs):.2f}")
            if a.plot:
                open(a.plot, "w").write(contacts_plot(rows, [s.name for s in servers]))
    print("| server | contacts | CPU us per REGISTER, net of idle: median (min-max) | CPU us per lookup: median (min-max) | bytes per contact | "
          "CPU ms per minute at rest | samples (good) |\n|---|---|---|---|---|---|---|")
    for s in servers:
        for n in a.contacts:
            rs = [r for r in rows if r["server"] == s.name and r["contacts"] == n]
            us = [med([r["us_net"] for r in good([r for r in rs if r["what"] == what])]) for what in ("REGISTER", "lookup")]
            m = lambda k: st.median(r[k] for r in rs)
            print(f"| {s.name} | {n:,} | {us[0]} | {us[1]} | {m('bytes'):.0f} | {m('rest_ms'):.0f} | {len(rs)} ({sum(r['valid'] and r['quiet'] for r in rs)}) |")


def contacts_plot(rows, names):
    """Medians over the number of contacts, with bars from the least to the most; each line is named at its end."""
    width, height, left, top, right = 600, 300, 60, 50, 30 + 7 * max(len(name + " REGISTER") for name in names)
    sizes = sorted({r["contacts"] for r in rows})
    lines = {}
    for name in names:
        for what in ("REGISTER", "lookup"):
            v = {n: [r["us_net"] for r in good(rs)] for n in sizes
                 if (rs := [r for r in rows if (r["server"], r["what"], r["contacts"]) == (name, what, n)])}
            lines[name, what] = v
    most = max(max(v) for line in lines.values() for v in line.values())
    step = next(s for e in range(-1, 9) for f in (1, 2, 5) if most / (s := f * 10.0**e) <= 8)
    most = math.ceil(most / step) * step
    span = math.log10(sizes[-1] / sizes[0]) or 1
    x = lambda n: left + (math.log10(n / sizes[0]) if len(sizes) > 1 else 0.5) / span * width
    y = lambda us: top + height * (1 - max(0, us) / most)
    bottom = top + height
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + right} {bottom + 50}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="20" font-size="14">CPU time per request over the number of registered contacts</text>',
           f'<text x="{left - 45}" y="{top - 12}">µs per request, median (bars: least to most)</text>',
           f'<text x="{left + width / 2}" y="{bottom + 40}" text-anchor="middle">contacts</text>']
    for i in range(round(most / step) + 1):
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y(i * step):.1f}" y2="{y(i * step):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y(i * step) + 4:.1f}" text-anchor="end">{i * step:g}</text>')
    for n in sizes:
        out.append(f'<line x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{top}" y2="{bottom}" stroke="#ddd"/>'
                   f'<text x="{x(n):.1f}" y="{bottom + 18}" text-anchor="middle">{n:,}</text>')
    colors = ["#06c", "#888", "#c60", "#393", "#909"]       # the last server's, which is ours, is blue
    ends, lowest = [], bottom + 14
    for (name, what), v in lines.items():
        color = colors[names[::-1].index(name) % len(colors)]
        for n, us in v.items():
            out.append(f'<line x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{y(min(us)):.1f}" y2="{y(max(us)):.1f}" stroke="{color}"/>'
                       f'<circle cx="{x(n):.1f}" cy="{y(st.median(us)):.1f}" r="3" fill="{color}"/>')
        points = " ".join(f"{x(n):.1f},{y(st.median(us)):.1f}" for n, us in v.items())
        dash = "" if what == "REGISTER" else ' stroke-dasharray="6 4"'
        out.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        ends.append((y(st.median(v[max(v)])), color, f"{html.escape(name)} {what}"))
    for at, color, text in sorted(ends, reverse=True):      # from the lowest up, none on another
        lowest = min(at, lowest - 14)
        out.append(f'<text x="{left + width + 10}" y="{lowest + 4:.1f}" fill="{color}">{text}</text>')
    return "\n".join([*out, "</svg>", ""])


# ---------------------------------------------------------------- latency
class Probe(threading.Thread):
    """INVITEs at random moments through the server, from a caller to a callee that is busy, both played here. A way's end is the
    kernel's time of arrival, so that it does not count how late this thread is woken."""
    SO_TIMESTAMPNS = 35

    def __init__(self, a, to):
        super().__init__(daemon=True)
        self.a, self.to, self.per_s, self.secs = a, to, a.probes, a.secs
        self.there, self.back, self.sent, self.error = [], [], 0, None
        self.caller, self.callee = self.open(UAS_PORT + 1), self.open(UAS_PORT + 2)

    def open(self, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        s.bind((HOST, port))
        return s

    @staticmethod
    def read(s):
        """The text, who sent it, and the nanosecond it arrived in."""
        data, control, _, peer = s.recvmsg(65536, 256)
        (stamp,) = [d for level, kind, d in control if kind == Probe.SO_TIMESTAMPNS]
        sec, ns = struct.unpack("qq", stamp[:16])
        return data.decode("latin-1"), peer, sec * 10**9 + ns

    def request(self, method, call, extra=()):
        me, body = self.caller.getsockname(), ""
        if method == "INVITE":
            body = ("v=0\r\no=caller 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    "m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
                    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n")
        lines = [f"{method} sip:{'probe@' if method != 'REGISTER' else ''}{HOST}:{self.to[1]} SIP/2.0",
                 f"Via: SIP/2.0/UDP {me[0]}:{me[1]};branch=z9hG4bK-{call};rport",
                 f"From: <sip:{'probe' if method == 'REGISTER' else 'caller'}@{HOST}>;tag=f{call}", *(extra or [f"To: <sip:probe@{HOST}>"]),
                 f"Call-ID: {call}@probe", f"CSeq: 1 {method}", "Max-Forwards: 70", "User-Agent: bench"]
        if method != "ACK":
            port = self.callee.getsockname()[1] if method == "REGISTER" else me[1]
            lines.append(f"Contact: <sip:probe@{HOST}:{port};transport=udp>")
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    def register(self):
        for _ in range(5):
            self.caller.sendto(self.request("REGISTER", f"r{os.getpid()}"), self.to)
            if select.select([self.caller], [], [], 1)[0] and self.read(self.caller)[0].startswith("SIP/2.0 200"):
                return
        raise SystemExit("the probe cannot register")

    def run(self):
        try:
            if self.a.pin:
                os.sched_setaffinity(0, cpus(self.a.pin.split("/")[1]))
            self.play()
        except Exception as e:                    # told by the one who waits for this thread
            self.error = e
        finally:
            self.caller.close()
            self.callee.close()

    def play(self):
        sent, answered = {}, {}
        start = next_at = time.time()
        while time.time() < start + self.secs + 1:
            for s in select.select([self.caller, self.callee], [], [], max(0, min(0.1, next_at - time.time())))[0]:
                text, peer, at = self.read(s)
                lines = text.split("\r\n")
                pick = lambda *names: [l for l in lines if l.split(":")[0] in names]
                call = pick("Call-ID")[0][9:].split("@")[0]
                if s is self.callee and text.startswith("INVITE "):
                    if call not in answered:
                        self.there.append(at - sent[call])
                    to = [l + ";tag=busy" for l in pick("To")]
                    reply = ["SIP/2.0 486 Busy Here", *pick("Via", "Record-Route", "From"), *to, *pick("Call-ID", "CSeq"), "Content-Length: 0"]
                    reply = "\r\n".join([*reply, "", ""]).encode()
                    answered.setdefault(call, time.time_ns())
                    s.sendto(reply, peer)
                elif s is self.caller and text.startswith("SIP/2.0 486"):
                    if sent.get(call):
                        self.back.append(at - answered[call])
                        sent[call] = 0
                    s.sendto(self.request("ACK", call, pick("To")), self.to)
            if next_at <= time.time() < start + self.secs:
                call = f"p{os.getpid()}-{self.sent}"
                text = self.request("INVITE", call)
                self.sent += 1
                next_at += random.expovariate(self.per_s)
                sent[call] = time.time_ns()
                self.caller.sendto(text, self.to)


def cpus(text):
    """0,2-3 -> {0, 2, 3}"""
    out = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p))] if values else float("nan")


def latency_row(name, wl, rate, p, load):
    p.join()
    if p.error:
        raise p.error
    us = lambda values, q: percentile(values, q) / 1000
    return dict(server=name, workload=wl, rate=rate, there50=us(p.there, .5), there99=us(p.there, .99), back50=us(p.back, .5), back99=us(p.back, .99),
                sent=p.sent, lost=p.sent - len(p.back), load=load)


def cmd_latency(a, servers):
    rows = []
    for wl in a.workload:
        w = WORKLOADS[wl]
        rate = a.rate
        if not rate:
            secs, a.secs = a.secs, 6
            rate = max(1, search(a, servers[0], wl)["max"] // 2)
            a.secs = secs
            log(f"{wl}: half of what {servers[0].name} carries is {rate} per s")
        users = users_csv(w["users"])
        p = Probe(a, (HOST, UAS_PORT + 2))
        p.start()
        rows.append(latency_row("(none: straight to the callee)", wl, 0, p, {}))
        for k in range(a.runs):
            for s in servers if k % 2 == 0 else servers[::-1]:
                uas = None
                s.start(wl)
                try:
                    if w.get("preload"):
                        preload(a, w, users, s.port)
                    uas = Sipp(a, w["uas"], UAS_PORT)
                    time.sleep(0.3)
                    p = Probe(a, (HOST, s.port))
                    p.register()
                    uac = Sipp(a, w["uac"], UAC_PORT, users, target=f"{HOST}:{s.port}", calls=int(rate * (a.secs + 2)), rate=rate, tag="lat", cseq=20,
                               timeout=a.secs + 20, pause=TALK)
                    time.sleep(1)
                    p.start()
                    c = uac.wait()
                    rows.append(latency_row(s.name, wl, rate, p, c))
                    save(a, "latency", rows[-1:])
                    r = rows[-1]
                    log(f"latency {wl} {s.name} run {k}: p50 {r['there50']:.0f} p99 {r['there99']:.0f} us; load failed {c['failed']} retrans {c['retrans']}")
                finally:
                    if uas:
                        uas.quit()
                    s.stop()
    print("| workload | server | calls per s meanwhile | INVITE's way, us: p50 | p99 | 486's way back, us: p50 | p99 | "
          "probes (lost) | load's failures + retransmissions |\n"
          "|---|---|---|---|---|---|---|---|---|")
    for key in dict.fromkeys((r["workload"], r["server"]) for r in rows):
        rs = [r for r in rows if (r["workload"], r["server"]) == key]
        print(f"| {key[0]} | {key[1]} | {rs[0]['rate']} | {med([r['there50'] for r in rs])} | {med([r['there99'] for r in rs])} | "
              f"{med([r['back50'] for r in rs])} | {med([r['back99'] for r in rs])} | {sum(r['sent'] for r in rs)} ({sum(r['lost'] for r in rs)}) | "
              f"{sum(r['load'].get('failed', 0) + r['load'].get('retrans', 0) for r in rs)} |")


def cmd_instr(a, servers):
    """User-space instructions per call by valgrind's callgrind: two runs of the same length with few and many calls, subtracted."""
    print("| workload | server | user-space instructions per unit |\n|---|---|---|")
    for wl in a.workload:
        w = WORKLOADS[wl]
        for s in servers:
            n = min(w.get("users", 0), 1000)
            users = users_csv(n) if n else None
            tot, bad = [], 0
            for calls in (100, 600):
                out = f"{tempfile.gettempdir()}/sipbench-cg-{os.getpid()}"
                s.start(wl, wrap=["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}.%p"])
                uas = None
                try:
                    if w.get("preload"):
                        Sipp(a, w["preload"], UAC_PORT, users, calls=n, rate=100, target=f"{HOST}:{s.port}", tag="reg", timeout=120).wait()
                    if w.get("uas"):
                        uas = Sipp(a, w["uas"], UAS_PORT, target=None)
                        time.sleep(0.5)
                    u = Sipp(a, w["uac"], UAC_PORT, users, calls=calls, rate=calls // 20, target=f"{HOST}:{s.port}",
                             tag="reg" if w["uac"].startswith("reg") else "i", cseq=10, timeout=90, pause=TALK)
                    c = u.wait()
                    bad += c["failed"] + c["retrans"]
                    time.sleep(w["settle"])
                finally:
                    if uas:
                        uas.quit()
                    s.stop()
                ir = 0
                for f in glob.glob(f"{out}.*"):
                    m = re.findall(r"(?m)^(?:totals|summary): (\d+)", open(f, errors="replace").read())
                    ir += int(m[-1]) if m else 0
                    if a.keep:
                        shutil.move(f, os.path.join(tempfile.gettempdir(), f"cg-{wl}-{s.name}-{calls}-{os.path.basename(f)}"))
                    else:
                        os.unlink(f)
                tot.append(ir)
            r = dict(server=s.name, workload=wl, totals=tot, per_call=(tot[1] - tot[0]) / 500, failed=bad)
            save(a, "instr", [r])
            print(f"| {wl} | {s.name} | {r['per_call']:.0f}{f' ({bad} failures and retransmissions: too high)' if bad else ''} |", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("what", choices=["run", "maxrate", "peers", "latency", "mem", "contacts", "instr", "sippmax"])
    ap.add_argument("-w", "--workload", help="comma-separated: " + " ".join(WORKLOADS))
    ap.add_argument("-s", "--server", action="append", default=[], metavar="NAME=COMMAND",
                    help="a command in the foreground with {cfg} and {rundir}; repeat it, the first is compared with")
    ap.add_argument("--stock-cfg", default="/etc/kamailio/kamailio.cfg", help="the configuration of workload E")
    ap.add_argument("--mpath", default="/usr/lib/x86_64-linux-gnu/opensips/modules/", help="OpenSIPS's modules")
    ap.add_argument("--runs", type=int, help="server restarts (default: run 5, else 1)")
    ap.add_argument("--cycles", type=int, default=3, help="run, contacts: samples of each server in each run")
    ap.add_argument("--slice", type=float, default=3, help="run, contacts: seconds of load for each server in each cycle")
    ap.add_argument("--rate", type=int, help="calls or requests per second; maxrate: the first one tried; latency: the load meanwhile")
    ap.add_argument("--secs", type=float, help="maxrate: seconds at each rate (default 6); latency: of probes (default 20)")
    ap.add_argument("--probes", type=float, default=100, help="latency: INVITEs per second that are measured")
    ap.add_argument("--tcp", action="store_true", help="sipp and the servers speak TCP")
    ap.add_argument("--many", action="store_true", help="maxrate: the caller has a socket for each call")
    ap.add_argument("--workers", type=int, default=2, help="the servers' children")
    ap.add_argument("--port", type=int, default=5070, help="the (first) server's; others are taken up to 105 above it")
    ap.add_argument("--pin", help="CPU lists SERVER/SIPP, e.g. 0/1 (default: not pinned)")
    ap.add_argument("--idle", type=float, default=5, help="run, contacts: seconds of idle CPU measurement")
    ap.add_argument("--contacts", default="1000,10000,100000,1000000", help="contacts: how many, comma-separated")
    ap.add_argument("--rest", type=float, default=60, help="contacts: seconds at rest, with the contacts")
    ap.add_argument("--plot", metavar="FILE", help="contacts: draws them, as SVG")
    ap.add_argument("--stop-wait", type=float, default=15)
    ap.add_argument("--spin", action="store_true", help="keep the CPUs awake with SCHED_IDLE loops")
    ap.add_argument("--quiet", type=float, default=0.25, help="run, contacts: more than this many cores used by others is noisy")
    ap.add_argument("--quiet-wait", type=float, default=20, help="run, contacts: seconds to wait for such quiet")
    ap.add_argument("--timer-resol", type=int, help="sipp's tick in ms: calls of one tick come in one burst (default: run, contacts 10, else 1)")
    ap.add_argument("--sipp", default="sipp")
    ap.add_argument("--json", help="append results here, one JSON object a line")
    ap.add_argument("--keep", action="store_true", help="keep run folders (cfg, server output)")
    a = ap.parse_args()
    a.workload = (a.workload or {"peers": "A,D", "latency": "D", "mem": "D"}.get(a.what, "A,B,C,D")).split(",")
    a.runs = a.runs or (5 if a.what == "run" else 1)
    a.secs = a.secs or (20 if a.what == "latency" else 6)
    a.timer_resol = a.timer_resol or (10 if a.what in ("run", "contacts") else 1)
    try:
        a.contacts = sorted({int(n) for n in a.contacts.split(",")})
    except ValueError:
        ap.error(f"--contacts {a.contacts}: not numbers")
    if not 10 <= a.contacts[0] <= a.contacts[-1] <= 1000000:
        ap.error("--contacts: from 10 to 1000000")
    for wl in a.workload:
        if wl not in WORKLOADS:
            ap.error(f"there is no workload {wl}")
        if a.what == "latency" and "uas" not in WORKLOADS[wl]:
            ap.error(f"latency: workload {wl} has no calls")
    if a.what == "latency" and a.tcp:
        ap.error("latency is measured over UDP")
    global PORT, UAC_PORT, UAS_PORT
    PORT, UAC_PORT, UAS_PORT = a.port, a.port + 101, a.port + 102
    servers = []
    for s in a.server:
        name, eq, cmd = s.partition("=")
        if not eq or "{cfg}" not in cmd:
            ap.error(f"{s!r} is not NAME=COMMAND with {{cfg}}")
        servers.append(Server(name, cmd, a))
        if a.what in ("run", "contacts"):
            servers[-1].port = PORT + len(servers) - 1
    if a.what != "sippmax" and not servers:
        ap.error("name a server")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        if a.what in ("run", "maxrate", "peers", "contacts", "sippmax") and a.spin:
            Spinners.start()
        globals()["cmd_" + a.what](a, servers)
    finally:
        Spinners.stop()
        for x in Sipp.live_ones:
            if x.p.returncode is None:
                x.p.kill()
        for s in servers:
            s.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *x: sys.exit(1))
    main()
