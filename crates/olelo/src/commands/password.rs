//! Asking for a password.

use std::io::{BufRead, IsTerminal as _, Read as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// A longer line is no password.
const MOST_INPUT: u64 = 1024;
/// What Ctrl-C is while it interrupts nothing.
const INTERRUPT: char = '\u{3}';

/// The terminal shows what is typed again when this is dropped.
struct Silent {
    before: Termios,
}

impl Silent {
    fn start() -> Result<Self, String> {
        let wrong = |error| format!("the terminal cannot be silenced: {error}");
        let before = tcgetattr(std::io::stdin()).map_err(wrong)?;
        let mut silent = before.clone();
        // An interrupt would leave the terminal silent, so there is none meanwhile.
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &silent).map_err(wrong)?;
        Ok(Self { before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &self.before);
    }
}

/// The new password of `who`: asked twice without echo, or one line of stdin when that is no terminal.
pub(crate) fn ask(who: &str) -> Result<String, String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return read(&mut stdin.lock().take(MOST_INPUT));
    }
    let _silent = Silent::start()?;
    let answer = |question: &str| {
        let mut out = std::io::stderr();
        let _ = write!(out, "{question}: ").and_then(|()| out.flush());
        let line = read(&mut stdin.lock().take(MOST_INPUT));
        let _ = writeln!(out);
        line
    };
    let first = answer(&format!("New password of {who}"))?;
    if answer("Once more")? == first { Ok(first) } else { Err("the two passwords differ".into()) }
}

fn read(input: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| format!("the password cannot be read: {error}"))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.contains(INTERRUPT) {
        return Err("interrupted".into());
    }
    if password.is_empty() {
        return Err("the password is empty".into());
    }
    if line.len() as u64 == MOST_INPUT || password.chars().any(char::is_control) {
        return Err("the password is too long, or has control characters".into());
    }
    Ok(password.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let read = |text: &str| read(&mut text.as_bytes().take(MOST_INPUT));
        assert_eq!(read("se cret\r\nmore\n").as_deref(), Ok("se cret"));
        assert_eq!(read("pass").as_deref(), Ok("pass"));
        for (wrong, text) in [("", "empty"), ("\n", "empty"), ("a\u{3}\n", "interrupted"), ("a\tb\n", "control")] {
            assert!(read(wrong).unwrap_err().contains(text), "{wrong:?}");
        }
        assert!(read(&"x".repeat(2000)).is_err());
    }
}
