//! What the lexer hands to the parser.

use crate::span::Span;

/// One token.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// A word's, number's or variable's text as written; a string's value.
    pub(crate) text: String,
    pub(crate) span: Span,
    /// What a define did right before, when that explains a syntax error here.
    pub(crate) hint: Option<String>,
}

/// Kinds of tokens.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    /// An identifier or reserved word, also `msg:len`.
    Word,
    /// A number.
    Number(i64),
    /// Something that begins like a number: `08`, `1abc`, `0b1`; legal in host names only.
    BadNumber,
    /// A string.
    String,
    /// `$ru`, `$(..)`.
    Variable,
    /// `@a.b["c"]`; the text is without `@`.
    Select,
    /// `%name`, `$f.x`.
    Attribute,
    /// An IPv6 address without brackets.
    Ipv6,
    /// `#!subst` and its kin; a string follows.
    Subst(Subst),
    /// Punctuation and operators.
    Punct(Punct),
    /// The end of the configuration.
    End,
}

/// Which text-replacing directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subst {
    /// `#!subst`
    Plain,
    /// `#!substdef`: also defines the pattern.
    Define,
    /// `#!substdefs`: the defined value is quoted.
    DefineQuoted,
}

macro_rules! puncts {
    ($($name:ident = $text:literal,)+) => {
        /// Punctuation and operators.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Punct { $($name),+ }
        impl Punct {
            pub(crate) const fn text(self) -> &'static str { match self { $(Self::$name => $text),+ } }
            /// The longest one that `text` begins with.
            pub(crate) fn longest(text: &[u8]) -> Option<Self> {
                $(if text.starts_with($text.as_bytes()) { return Some(Self::$name); })+
                None
            }
        }
    };
}

// Longer ones first. Those the language does not have are here for the sake of the message.
puncts! {
    Equal = "==",
    NotEqual = "!=",
    Match = "=~",
    LessEqual = "<=",
    GreaterEqual = ">=",
    ShiftLeft = "<<",
    ShiftRight = ">>",
    AndAnd = "&&",
    OrOr = "||",
    PlusAssign = "+=",
    MinusAssign = "-=",
    ColonAssign = ":=",
    OpenParen = "(",
    CloseParen = ")",
    OpenBrace = "{",
    CloseBrace = "}",
    OpenBracket = "[",
    CloseBracket = "]",
    Comma = ",",
    Semicolon = ";",
    Colon = ":",
    Dot = ".",
    Assign = "=",
    Not = "!",
    And = "&",
    Or = "|",
    Xor = "^",
    Less = "<",
    Greater = ">",
    Plus = "+",
    Minus = "-",
    Star = "*",
    Slash = "/",
    Tilde = "~",
    Percent = "%",
    Question = "?",
}

impl Token {
    pub(crate) fn is(&self, punct: Punct) -> bool {
        self.kind == Kind::Punct(punct)
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// The token for people.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            Kind::Word if crate::keyword::is_reserved(&self.text) => format!("the reserved word `{}`", self.text),
            Kind::Word | Kind::Ipv6 | Kind::Variable | Kind::Attribute => format!("`{}`", shorten(&self.text)),
            Kind::Number(_) | Kind::BadNumber => format!("`{}`", shorten(&self.text)),
            Kind::String => format!("the string \"{}\"", shorten(&self.text)),
            Kind::Select => format!("`@{}`", shorten(&self.text)),
            Kind::Subst(_) => "a `#!subst` directive".to_owned(),
            Kind::Punct(punct) => format!("`{}`", punct.text()),
            Kind::End => "the end of the file".to_owned(),
        }
    }
}

/// A text short enough for a message.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= 40 {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(37).collect();
    short.push_str("...");
    short
}
