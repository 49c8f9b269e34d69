//! Requests and answers as Kamailio 5.6.3 gave them, and what is no request.

use std::sync::Arc;

use engine::RpcArguments;
use engine::rpc::RpcCommand;

use super::*;

fn table() -> RpcTable {
    let mut table = RpcTable::default();
    let mut add = |name: &str, returns_array, answer: fn(RpcArguments) -> engine::RpcResult| {
        let handler: engine::rpc::RpcHandler = Arc::new(move |arguments| Box::pin(async move { answer(arguments) }));
        table.commands.insert(name.to_owned(), RpcCommand { doc: String::new(), returns_array, handler });
    };
    add("pwd", true, |_| Ok(vec!["/tmp".into()]));
    add("none", false, |_| Ok(vec![]));
    add("empty", true, |_| Ok(vec![]));
    add("echo", false, |mut arguments| Ok(std::iter::from_fn(|| arguments.next_value()).collect()));
    add("fail", false, |_| Err(RpcFault::new(400, "no \"x\"\n")));
    add("aliases", false, |_| {
        let alias = |host: &str| RpcValue::structure([("alias", RpcValue::structure([("host", host.into())]))]);
        Ok(vec![RpcValue::structure([
            ("myself", "no".into()),
            ("aliases", RpcValue::Array(vec![alias("a"), alias("b")])),
        ])])
    });
    add("repeated", false, |_| Ok(vec![RpcValue::structure([("n", 1.into()), ("n", 2.into())])]));
    table
}

fn ask(request: &str, pretty: bool) -> JsonAnswer {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(answer(&table(), request.as_bytes(), pretty))
}

fn compact(request: &str) -> String {
    ask(request, false).text
}

#[test]
fn ids_come_back_as_they_came() {
    for (id, expected) in [
        ("1", "1"),
        ("-3", "-3"),
        ("99999999999", "99999999999"),
        ("1.5", "1.5"),
        (r#""abc""#, r#""abc""#),
        ("null", "null"),
        ("[1]", "null"),
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"none","id":{id}}}"#);
        assert_eq!(compact(&request), format!(r#"{{"jsonrpc":"2.0","result":{{}},"id":{expected}}}"#));
    }
    assert_eq!(compact(r#"{"jsonrpc":"2.0","method":"pwd"}"#), r#"{"jsonrpc":"2.0","result":["/tmp"]}"#);
}

#[test]
fn results_have_the_shape_of_their_values() {
    let result = |method: &str, params: &str| {
        let text = compact(&format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#));
        let start = text.strip_prefix(r#"{"jsonrpc":"2.0","result":"#).unwrap();
        start.strip_suffix(r#","id":1}"#).unwrap().to_owned()
    };
    assert_eq!(result("empty", "[]"), "[]");
    assert_eq!(result("echo", r#"["a"]"#), r#""a""#);
    assert_eq!(
        result("echo", r#"["a",5,-7,1.5,true,false,null,"é\n\"x",[1],{"k":2}]"#),
        r#"["a",5,-7,1.500000,1,0,null,"é\n\"x",[1],{"k":2}]"#
    );
    assert_eq!(result("echo", r#"{"b":"x","a":5}"#), r#"["x",5]"#);
    assert_eq!(result("echo", "null"), "{}");
    assert_eq!(result("repeated", "[]"), r#"[{"n":1},{"n":2}]"#);
}

#[test]
fn the_indented_form_is_kamailios() {
    let answer = ask(r#"{"jsonrpc":"2.0","method":"aliases","id":1}"#, true);
    let expected = r#"{
	"jsonrpc":	"2.0",
	"result":	{
		"myself":	"no",
		"aliases":	[{
				"alias":	{
					"host":	"a"
				}
			}, {
				"alias":	{
					"host":	"b"
				}
			}]
	},
	"id":	1
}"#;
    assert_eq!(answer, JsonAnswer { text: expected.to_owned(), code: 200, reason: "OK".to_owned(), reply_name: None });
    let none = ask(r#"{"jsonrpc":"2.0","method":"none","id":1}"#, true);
    assert_eq!(none.text, "{\n\t\"jsonrpc\":\t\"2.0\",\n\t\"result\":\t{\n\t},\n\t\"id\":\t1\n}");
}

#[test]
fn failures() {
    let error = |request: &str| {
        let answer = ask(request, false);
        (answer.code, answer.text)
    };
    assert_eq!(
        error(r#"{"jsonrpc":"2.0","method":"fail","id":1}"#),
        (400, r#"{"jsonrpc":"2.0","error":{"code":400,"message":"no \"x\"\n"},"id":1}"#.to_owned())
    );
    assert_eq!(
        error(r#"{"jsonrpc":"2.0","method":"nosuch","id":1}"#),
        (500, r#"{"jsonrpc":"2.0","error":{"code":500,"message":"Method Not Found"},"id":1}"#.to_owned())
    );
    let invalid = r#""error":{"code":-32600,"message":"Invalid Request"}"#;
    for request in ["5", "{}", "[]", r#"{"method":"none","id":1}"#, r#"{"jsonrpc":"2.0","method":5,"id":1}"#] {
        let (code, text) = error(request);
        assert!(code == 400 && text.contains(invalid), "{request}: {text}");
    }
    let (_, text) = error(r#"{"jsonrpc":"2.0","method":"echo","params":"abc","id":1}"#);
    assert!(text.contains("-32602"), "{text}");
    for request in ["", "garbage", r#"{"jsonrpc":"2.0""#, &"[".repeat(100_000), &" ".repeat(MAX_REQUEST + 1)] {
        assert!(error(request).1.contains("-32700"), "{:.40}", request);
    }
}

#[test]
fn lists_of_requests() {
    let one = r#"{"jsonrpc":"2.0","method":"pwd","id":1}"#;
    let text = compact(&format!("[{one},{one}]"));
    assert_eq!(text, r#"[{"jsonrpc":"2.0","result":["/tmp"],"id":1}, {"jsonrpc":"2.0","result":["/tmp"],"id":1}]"#);
    let many = vec![one; 101].join(",");
    assert!(compact(&format!("[{many}]")).contains("-32600"));
}

#[test]
fn the_reply_name_is_kept() {
    let answer = ask(r#"{"jsonrpc":"2.0","method":"none","id":1,"reply_name":"r1"}"#, false);
    assert_eq!(answer.reply_name.as_deref(), Some("r1"));
}
