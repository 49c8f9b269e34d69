//! `olelo opc --op OP --k K`: the OPc that `aka_challenge()` and `aka_check()` want.

use std::io::{BufRead, Read as _};
use std::process::ExitCode;

use modules::auth::milenage::{Block, from_hex, opc};

use crate::arguments::Opc;

/// More than two keys with blanks around them; whatever else comes from stdin is none.
const MOST_INPUT: u64 = 1024;

/// Prints OPc. Keys are secrets: a wrong one is not repeated.
#[allow(clippy::print_stderr)]
pub(crate) fn run(arguments: &Opc) -> ExitCode {
    match compute(arguments, &mut std::io::stdin().lock().take(MOST_INPUT)) {
        Ok(text) => {
            say!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("olelo: {error}");
            ExitCode::from(2)
        }
    }
}

fn compute(arguments: &Opc, input: &mut impl BufRead) -> Result<String, String> {
    let op = key("--op", &arguments.op, input)?;
    let k = key("--k", &arguments.k, input)?;
    Ok(opc(&k, &op).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The key that an option gives; `-`: the next line of the input.
fn key(name: &str, text: &str, input: &mut impl BufRead) -> Result<Block, String> {
    let mut line = String::new();
    let text = if text == "-" {
        input.read_line(&mut line).map_err(|error| format!("{name}: stdin cannot be read: {error}"))?;
        &line
    } else {
        text
    };
    from_hex(text.as_bytes()).ok_or_else(|| format!("{name} must be 32 hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opc_of(op: &str, k: &str, input: &str) -> Result<String, String> {
        compute(&Opc { op: op.into(), k: k.into() }, &mut input.as_bytes())
    }

    /// Test sets 1 and 2 of TS 35.207.
    #[test]
    fn from_arguments_and_from_stdin() {
        let (op, k) = ("cdc202d5123e20f62b6d676ac72cb318", "465b5ce8b199b49faa5f0a2ee238a6bc");
        let expected = Ok("cd63cb71954a9f4e48a5994e37a02baf".to_owned());
        assert_eq!(opc_of(op, k, ""), expected);
        assert_eq!(opc_of("-", "-", &format!("{op}\r\n {k} \n")), expected);
        assert_eq!(opc_of(op, "-", k), expected);
        let second = opc_of("FF53BADE17DF5D4E793073CE9D7579FA", "0396eb317b6d1c36f19c1c84cd6ffd16", "");
        assert_eq!(second.as_deref(), Ok("53c15671c60a4b731c55b4a441c0bde2"));
    }

    #[test]
    fn wrong_keys_are_not_repeated() {
        let key = "465b5ce8b199b49faa5f0a2ee238a6bc";
        assert_eq!(opc_of("1234", key, ""), Err("--op must be 32 hexadecimal digits".into()));
        assert_eq!(opc_of(key, "-", ""), Err("--k must be 32 hexadecimal digits".into()));
    }
}
