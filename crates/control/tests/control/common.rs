//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use control::{CommandSource, ErrorLog};
use engine::rpc::{RpcCommand, RpcHandler, RpcTable};
use engine::{RpcArguments, RpcFault, RpcResult, RpcValue};
use parking_lot::Mutex;

/// A few commands whose answers have every shape.
pub(crate) fn toy_commands() -> CommandSource {
    let mut table = RpcTable::default();
    let mut add = |name: &str, returns_array, answer: fn(RpcArguments) -> RpcResult| {
        let handler: RpcHandler = Arc::new(move |arguments| Box::pin(async move { answer(arguments) }));
        table.commands.insert(name.to_owned(), RpcCommand { doc: String::new(), returns_array, handler });
    };
    add("toy.types", true, |mut arguments| {
        let types = std::iter::from_fn(|| arguments.next_value()).map(|value| {
            RpcValue::from(match value {
                RpcValue::Int(number) => format!("int {number}"),
                RpcValue::Double(number) => format!("double {number}"),
                RpcValue::Text(text) => format!("text {}", String::from_utf8_lossy(&text)),
                other => format!("{other:?}"),
            })
        });
        Ok(types.collect())
    });
    add("toy.shapes", false, |_| {
        let alias = |port: i64| {
            let inner = RpcValue::structure([("host", "localhost".into()), ("port", port.into())]);
            RpcValue::structure([("alias", inner)])
        };
        let slot = RpcValue::structure([("name", "k".into()), ("value", "v w".into())]);
        let shapes = RpcValue::structure([
            ("small", 5.into()),
            ("negative", RpcValue::Int(-5)),
            ("zero", 0.into()),
            ("large", RpcValue::Int(1 << 40)),
            ("ratio", 1.5.into()),
            ("loss", (-0.25).into()),
            ("none", RpcValue::Null),
            ("aliases", RpcValue::Array(vec![alias(1), alias(2)])),
            ("slot", RpcValue::Array(vec![slot.clone(), slot])),
            ("numbers", RpcValue::Array(vec![1.into(), 2.into()])),
        ]);
        Ok(vec!["before".into(), shapes, "".into()])
    });
    add("toy.none", false, |_| Ok(vec![]));
    add("toy.fault", false, |_| Err(RpcFault::new(404, "no such thing")));
    add("toy.large", false, |mut arguments| {
        let one = |number: i64| RpcValue::structure([("number", number.into()), ("text", "x".repeat(100).into())]);
        Ok((0..arguments.take::<i64>()?).map(one).collect())
    });
    let handler: RpcHandler = Arc::new(|_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(1000)).await;
            Ok(vec![])
        })
    });
    let slow = RpcCommand { doc: String::new(), returns_array: false, handler };
    table.commands.insert("toy.slow".to_owned(), slow);
    let table = Arc::new(table);
    Arc::new(move || table.clone())
}

/// A log in memory.
pub(crate) fn memory_log() -> (ErrorLog, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    (Arc::new(move |text: &str| log.lock().push(text.to_owned())), lines)
}

/// Runs a test inside a runtime whose blocking calls hold up nobody else.
pub(crate) fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// Runs a program and gives what it printed. `None`, with a note, when it is not installed.
pub(crate) async fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Option<String> {
    let mut command = std::process::Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    match output {
        Ok(output) => Some([output.stdout, output.stderr].iter().map(|bytes| String::from_utf8_lossy(bytes)).collect()),
        Err(error) => {
            println!("SKIPPED: {program} is not installed ({error})");
            None
        }
    }
}
