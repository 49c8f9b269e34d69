//! What scenarios do not show.

use testkit::Bench;

const SDP: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000/2 RTP/AVP 0 \t 96\n\
    a=rtpmap:96 X-NSE/8000\na=rtcp-fb:* nack\na=candidate:96 1 UDP 1 192.0.2.1 4000 typ host\na=mid:96\n";

fn bench(script: &str) -> Result<Bench, String> {
    let loads = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textopsx\"\nloadmodule \"sdpops\"\n";
    Bench::new(&format!("{loads}request_route {{ {script} }}\n"), crate::MODULES)
}

fn log(script: &str, sdp: &str) -> Vec<String> {
    let message = format!(
        "INVITE sip:127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\nFrom: <sip:a@a>;tag=1\n\
         To: <sip:b@b>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Type: application/sdp\n\n{sdp}"
    );
    let lines = bench(script).unwrap().receive(&message).log;
    lines.iter().map(|line| line.trim_start_matches("ERROR: ").trim_start_matches("<script>: ").to_owned()).collect()
}

#[test]
fn wrong_names() {
    assert!(bench("xlog(\"$sdp(bdy)\");").err().unwrap().contains("`$sdp(bdy)` does not exist"));
    assert!(bench("xlog(\"$sdp(body) $sdp(m0:b:AS) $sdpitval(x)\");").is_ok());
}

/// Attributes whose number is not that of a format stay, and so does what is for all formats.
#[test]
fn attributes_of_other_numbers() {
    let lines = log("sdp_remove_codecs_by_id(\"96\"); msg_apply_changes(); xlog(\"$sdp(m0:raw)|\");", SDP);
    let left = "m=audio 4000/2 RTP/AVP 0\r\na=rtcp-fb:* nack\r\n\
        a=candidate:96 1 UDP 1 192.0.2.1 4000 typ host\r\na=mid:96\r\n";
    assert_eq!(lines.last().map(|line| line.trim_end_matches('|')), Some(left));
}

#[test]
fn the_description_in_the_log() {
    let lines = log("sdp_print(\"-1\"); xlog(\"$rc\");", SDP);
    assert_eq!(
        lines,
        [
            "sdp: origin 192.0.2.1, connection 192.0.2.1, direction -, 1 media",
            "sdp: media 0: audio port 4000 transport RTP/AVP formats 0 \t 96, connection -, direction -, 4 attributes",
            "1"
        ]
    );
}

#[test]
fn versions() {
    let version = |old: &str, new: &str| {
        let sdp = SDP.replace("- 1 1 ", &format!("- 1 {old} "));
        let script = format!("$sdp(sess_version) = {new}; msg_apply_changes(); xlog(\"$sdp(sess_version)\");");
        log(&script, &sdp).pop().unwrap_or_default()
    };
    assert_eq!(version("9999999999999", "-1"), "10000000000000");
    assert_eq!(version("18446744073709551615", "-1"), "0");
    assert_eq!(version("x", "-1"), "x");
    assert_eq!(version("x", "5"), "5");
    assert_eq!(version("7", "\"8\""), "7");
}
