use super::path::{Part, parse};

#[test]
fn paths_are_cut_at_dots_and_brackets() {
    let name = |text: &str| Part::Name(text.into());
    assert_eq!(parse("via[1].branch"), Some(vec![name("via"), Part::Index(1), name("branch")]));
    assert_eq!(
        parse("msg.header[\"X-A.b\"][-1]"),
        Some(vec![name("msg"), name("header"), Part::Key("X-A.b".into()), Part::Index(-1)])
    );
    assert_eq!(parse("hf_value.x[*].uri"), Some(vec![name("hf_value"), name("x"), name("uri")]));
    for wrong in ["", ".", "a..b", "a.", "[1]", "a[", "a[x]", "a[\"x]", "a[\"x\"", "a b", "a[1]x"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
