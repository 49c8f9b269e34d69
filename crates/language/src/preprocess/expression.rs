//! The small expression language of `#!ifexp` and `#!defexp`: numbers, strings and C operators over defines.

use super::Defines;

/// How deep parentheses, signs and powers may nest; every parenthesis counts about twice.
const MAX_NESTING: usize = 200;

/// A result.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Number(f64),
    Text(String),
}

impl Value {
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
        }
    }

    /// As it goes into a define.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{}", *number as i64),
            Self::Number(number) => format!("{number}"),
            Self::Text(text) => text.clone(),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().unwrap_or(0.0),
        }
    }

    fn integer(&self) -> i64 {
        self.number() as i64
    }

    fn truth(holds: bool) -> Self {
        Self::Number(f64::from(u8::from(holds)))
    }
}

/// Evaluates an expression.
pub(crate) fn evaluate(text: &str, defines: &Defines) -> Result<Value, String> {
    let tokens = tokens(text)?;
    let mut evaluator = Evaluator { tokens: &tokens, at: 0, defines, nesting: 0 };
    let value = evaluator.binary(0)?;
    match evaluator.peek() {
        None => Ok(value),
        Some(token) => Err(format!("unexpected {}", describe(token))),
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Value(Value),
    Name(String),
    Operator(&'static str),
}

fn describe(token: &Token) -> String {
    match token {
        Token::Value(value) => format!("`{}`", value.text()),
        Token::Name(name) => format!("`{name}`"),
        Token::Operator(operator) => format!("`{operator}`"),
    }
}

/// Longer ones first; with the strength of the binary ones, 0 for the rest.
const OPERATORS: [(&str, u8); 24] = [
    ("**", 11),
    ("&&", 2),
    ("||", 1),
    ("==", 6),
    ("!=", 6),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
    ("&", 5),
    ("^", 4),
    ("|", 3),
    ("!", 0),
    ("~", 0),
    ("(", 0),
    (")", 0),
    (",", 0),
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("a string is never closed")?;
                tokens.push(Token::Value(Value::Text(rest[1..=end].to_owned())));
                end + 2
            }
            '0'..='9' | '.' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
                let number = parse_number(&rest[..end]).ok_or_else(|| format!("`{}` is no number", &rest[..end]))?;
                tokens.push(Token::Value(Value::Number(number)));
                end
            }
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            // What follows is a comment, as on any other line.
            '#' => break,
            _ if rest.starts_with("//") => break,
            _ => {
                let found = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator));
                let (operator, _) = found.ok_or_else(|| format!("unexpected `{first}`"))?;
                tokens.push(Token::Operator(operator));
                operator.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn parse_number(text: &str) -> Option<f64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok().map(|number| number as f64),
        None => text.parse().ok(),
    }
}

struct Evaluator<'a> {
    tokens: &'a [Token],
    at: usize,
    defines: &'a Defines,
    nesting: usize,
}

impl Evaluator<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn binary(&mut self, weakest: u8) -> Result<Value, String> {
        self.nesting += 1;
        let value = self.operators(weakest);
        self.nesting -= 1;
        value
    }

    fn operators(&mut self, weakest: u8) -> Result<Value, String> {
        let mut left = self.unary()?;
        while let Some(Token::Operator(operator)) = self.peek() {
            let operator = *operator;
            let strength = OPERATORS.iter().find(|(it, _)| *it == operator).map_or(0, |(_, strength)| *strength);
            if strength == 0 || strength <= weakest {
                break;
            }
            self.at += 1;
            // Powers group to the right.
            let right = self.binary(if operator == "**" { strength - 1 } else { strength })?;
            left = apply(operator, &left, &right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Value, String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err("it is nested too deeply".to_owned());
        }
        let token = self.peek().cloned().ok_or("something is missing at its end")?;
        self.at += 1;
        let value = match token {
            Token::Value(value) => value,
            Token::Name(name) => self.define(&name),
            Token::Operator("-") => Value::Number(-self.unary()?.number()),
            Token::Operator("!") => Value::truth(!self.unary()?.is_true()),
            Token::Operator("~" | "^") => Value::Number(!self.unary()?.integer() as f64),
            Token::Operator("(") => {
                let value = self.binary(0)?;
                if self.peek() != Some(&Token::Operator(")")) {
                    return Err("a `)` is missing".to_owned());
                }
                self.at += 1;
                value
            }
            Token::Operator(operator) => return Err(format!("unexpected `{operator}`")),
        };
        self.nesting -= 1;
        Ok(value)
    }

    /// A define's value: 0 when it is not defined, 1 when it has none.
    fn define(&self, name: &str) -> Value {
        let Some(define) = self.defines.get(name) else { return Value::Number(0.0) };
        let Some(value) = define.value.as_deref() else { return Value::Number(1.0) };
        let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        match (quoted, parse_number(value)) {
            (Some(text), _) => Value::Text(text.to_owned()),
            (None, Some(number)) => Value::Number(number),
            (None, None) => Value::Text(value.to_owned()),
        }
    }
}

fn apply(operator: &str, left: &Value, right: &Value) -> Result<Value, String> {
    // The left side decides, as in the script; a string on either side of a comparison compares as text.
    let texts = matches!(left, Value::Text(_)) || matches!(right, Value::Text(_));
    let order = if texts { Some(left.text().cmp(&right.text())) } else { left.number().partial_cmp(&right.number()) };
    let (a, b) = (left.number(), right.number());
    let (i, j) = (left.integer(), right.integer());
    let shift = u32::try_from(j).unwrap_or(u32::MAX);
    Ok(match operator {
        "+" if matches!(left, Value::Text(_)) => Value::Text(left.text() + &right.text()),
        "+" => Value::Number(a + b),
        "-" => Value::Number(a - b),
        "*" => Value::Number(a * b),
        "/" | "%" if b == 0.0 => return Err("division by zero".to_owned()),
        "/" => Value::Number(a / b),
        "%" => Value::Number(a % b),
        "**" => Value::Number(a.powf(b)),
        "<<" => Value::Number(i.checked_shl(shift).unwrap_or(0) as f64),
        ">>" => Value::Number(i.checked_shr(shift).unwrap_or(0) as f64),
        "&" => Value::Number((i & j) as f64),
        "|" => Value::Number((i | j) as f64),
        "^" => Value::Number((i ^ j) as f64),
        "&&" => Value::truth(left.is_true() && right.is_true()),
        "||" => Value::truth(left.is_true() || right.is_true()),
        "==" => Value::truth(order.is_some_and(|it| it.is_eq())),
        "!=" => Value::truth(order.is_none_or(|it| it.is_ne())),
        "<" => Value::truth(order.is_some_and(|it| it.is_lt())),
        "<=" => Value::truth(order.is_some_and(|it| it.is_le())),
        ">" => Value::truth(order.is_some_and(|it| it.is_gt())),
        ">=" => Value::truth(order.is_some_and(|it| it.is_ge())),
        other => return Err(format!("unexpected `{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Define;
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let mut defines = Defines::default();
        for (name, value) in [("NUM", Some("5")), ("STR", Some("\"abc\"")), ("BARE", Some("linux")), ("SET", None)] {
            defines.set(name, Define::built_in(value.map(str::to_owned)));
        }
        evaluate(text, &defines).map(|value| value.text())
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("7 / 2", "3.5"),
            ("2 ** 3 ** 2", "512"),
            ("NUM >= 5 && !UNSET", "1"),
            ("SET == 1", "1"),
            ("UNSET == 0", "1"),
            ("STR == \"abc\"", "1"),
            ("BARE == 'linux'", "1"),
            ("\"a\" + \"b\" + 1", "ab1"),
            ("-NUM + 0x10", "11"),
            ("1 < 2 # why", "1"),
            ("6 & 3 | 8 ^ 1", "11"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
        for wrong in ["", "1 +", "(1", "1 2", "1 / 0", "\"a", "1 $ 2", &"(".repeat(10_000), &"-".repeat(10_000)] {
            assert!(value(wrong).is_err());
        }
    }
}
