use testkit::Bench;

const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

fn log(params: &str, statements: &str) -> Vec<String> {
    let config = format!("debug=3\nloadmodule \"xlog\"\n{params}\nrequest_route {{\n{statements}\n}}");
    let mut lines = Bench::new(&config, crate::MODULES).unwrap().receive(OPTIONS).log;
    // What log level 3 tells about any script.
    lines.retain(|line| !line.contains("*** cfgtrace:") && !line.starts_with("DEBUG: request-route executed"));
    lines
}

fn refused(params: &str, statements: &str) -> bool {
    let config = format!("loadmodule \"xlog\"\n{params}\nrequest_route {{ {statements} }}");
    Bench::new(&config, crate::MODULES).is_err()
}

#[test]
fn levels() {
    let lines = log(
        "",
        "xlog(\"a\"); xlog(\"L_INFO\", \"b\"); xlog(\"LOG_LOCAL3\", \"L_WARN\", \"c\"); $var(l) = -3; xlog(\"$var(l)\", \"d\");
         $var(l) = 9; xlog(\"$var(l)\", \"e\"); xalert(\"f\"); xbug(\"g\"); xnotice(\"h\"); xlog(\"abE\", \"i\");",
    );
    let wanted = [
        "ERROR: <script>: a",
        "INFO: <script>: b",
        "WARNING: <script>: c",
        "CRITICAL: <script>: d",
        "DEBUG: <script>: e",
        "ALERT: <script>: f",
        "BUG: <script>: g",
        "NOTICE: <script>: h",
        "ERROR: <script>: i",
    ];
    assert_eq!(lines, wanted);
    for call in ["xlog(\"L_\", \"x\");", "xlog(\"L_err\", \"x\");", "xlog(\"LOG_X\", \"L_ERR\", \"x\");"] {
        assert!(refused("", call), "{call}");
    }
}

#[test]
fn places_and_prefixes() {
    let line = "xlogl(\"L_ERR\", \"x\"); xdbgl(\"y\"); xlog(\"z\");";
    assert_eq!(log("", line), ["ERROR: <script>: 6:x", "DEBUG: <script>: 6:y", "ERROR: <script>: z"]);
    let long = log("modparam(\"xlog\", \"long_format\", 1)", line);
    assert!(long[0].ends_with("test.cfg:6:x") && long[2] == "ERROR: <script>: z", "{long:?}");
    assert_eq!(log("modparam(\"xlog\", \"prefix\", \"P$var(n): \")", "xlog(\"z\");"), ["ERROR: P$var(n): z"]);
    let evaluated = "modparam(\"xlog\", \"prefix\", \"P$var(n): \") modparam(\"xlog\", \"prefix_mode\", 1)";
    assert_eq!(log(evaluated, "xlog(\"z\");"), ["ERROR: P0: z"]);
}

#[test]
fn too_long_lines_are_refused() {
    let statements = "xlog(\"0123456789012345678901234567890\"); xlog(\"$rc\"); xlog(\"01234567890123456789012345678901\"); xlog(\"$rc\");";
    let lines = log("modparam(\"xlog\", \"buf_size\", 32)", statements);
    assert_eq!(lines[1], "ERROR: <script>: 1");
    assert_eq!((lines.len(), &*lines[3]), (4, "ERROR: <script>: -1"));
}

#[test]
fn methods_filter() {
    assert!(log("", "xlogm(\"L_ERR\", \"x\");").is_empty());
    assert_eq!(log("modparam(\"xlog\", \"methods_filter\", 1)", "xlogm(\"L_ERR\", \"x\");").len(), 1);
    assert_eq!(log("modparam(\"xlog\", \"methods_filter\", 512)", "xlogm(\"L_ERR\", \"x\");").len(), 0);
}

#[test]
fn colors() {
    let color = "modparam(\"xlog\", \"force_color\", 1)";
    assert_eq!(
        log(color, "xlog(\"$C(rb)a$C(xx)b$C(Gx)\");"),
        ["ERROR: <script>: \x1b[0;31;44ma\x1b[0;39;49mb\x1b[1;32;49m"]
    );
    assert_eq!(log("", "xlog(\"$C(rb)a$C(xx)\");"), ["ERROR: <script>: a"]);
    assert!(refused("", "xlog(\"$C(z)\");") && refused("", "xlog(\"$C(xR)\");"));
    assert!(refused("modparam(\"xlog\", \"log_colors\", \"L_ERX=cr\")", "exit;"));
    assert!(refused("modparam(\"xlog\", \"log_colors\", \"L_ERR=c\")", "exit;"));
    assert!(log("modparam(\"xlog\", \"log_colors\", \"L_ERR=cr;L_WARN=px\")", "exit;").is_empty());
}
