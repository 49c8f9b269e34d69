//! The tree of a configuration, after preprocessing. Nothing is resolved here: names are what the user wrote.

use crate::span::{Span, Spanned};

/// A whole configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Config {
    /// Top-level items in file order.
    pub items: Vec<Item>,
    /// The `#!KAMAILIO` (or `#!SER`, `#!ALL`) line.
    pub mode: Mode,
    /// Every define that is set at the end, command line included: name and value.
    pub defines: Vec<(String, Option<String>)>,
}

/// How `$x` names are understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// `#!KAMAILIO`: `$x` must be a known variable.
    Kamailio,
    /// `#!SER`.
    Ser,
    /// No mode line or `#!ALL`: an unknown `$x` is an AVP named x.
    #[default]
    MaxCompat,
}

/// One top-level item.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// The whole item.
    pub span: Span,
}

/// Kinds of top-level items.
#[allow(missing_docs)] // the variants' docs describe their fields
#[derive(Clone, PartialEq, Debug)]
pub enum ItemKind {
    /// `name = value` of a core parameter, as the user spelled it; `coreparam[x]` has `x` as `index`.
    CoreParam { name: Spanned<String>, index: Option<Spanned<String>>, value: Spanned<ConfigValue> },
    /// `listen=..` (one entry per address) or a `socket = { .. }` block.
    Listen(Vec<Socket>),
    /// `alias=` / `domain=`.
    Alias(Vec<SocketAddress>),
    /// `loadmodule "x"` (`evaluated`: `loadmodulex`).
    LoadModule { name: Spanned<String>, options: Option<Spanned<String>>, evaluated: bool },
    /// `loadpath "x"` / `mpath`.
    LoadPath(Spanned<String>),
    /// `modparam("modules", "name", value)` (`evaluated`: `modparamx`).
    ModParam { modules: Spanned<String>, name: Spanned<String>, value: Spanned<ConfigValue>, evaluated: bool },
    /// `group.name = value desc "text"`.
    CustomParam {
        group: Spanned<String>,
        name: Spanned<String>,
        value: Spanned<ConfigValue>,
        description: Option<String>,
    },
    /// `flags A:1, B;`.
    Flags(Vec<(Spanned<String>, Option<Spanned<i64>>)>),
    /// `avpflags A, B;`.
    AvpFlags(Vec<Spanned<String>>),
    /// `cfgengine "native"`.
    CfgEngine(Spanned<String>),
    /// A routing block.
    Route(RouteBlock),
}

/// A constant on the right of a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigValue {
    /// A number (also yes, no, on, off ..).
    Int(i64),
    /// A quoted string, adjacent ones joined.
    String(String),
    /// A bare word (`LOG_LOCAL0`), IP address or host name.
    Word(String),
}

/// One local address to listen on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Socket {
    /// Protocol, addresses (more than one for `(a,b)`), port.
    pub address: SocketAddress,
    /// `advertise ..`.
    pub advertise: Option<SocketAddress>,
    /// `name "x"`.
    pub name: Option<Spanned<String>>,
    /// `agname` of a socket block.
    pub group: Option<Spanned<String>>,
    /// `workers` of a socket block.
    pub workers: Option<i64>,
    /// `virtual`.
    pub is_virtual: bool,
    /// `vrf` of a socket block.
    pub vrf: Option<Spanned<String>>,
}

/// `[proto:]host[:port]` as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SocketAddress {
    /// `udp`, `tcp`, `tls`, `sctp`, `ws`, `wss` in lower case; `None` when absent or `*`.
    pub protocol: Option<String>,
    /// Addresses, host or interface names; IPv6 without brackets; `*` is kept.
    pub hosts: Vec<Spanned<String>>,
    /// Port; `None` when absent or `*`.
    pub port: Option<u16>,
    /// The whole.
    pub span: Span,
}

/// A `route[..] { .. }` block of any kind.
#[derive(Clone, PartialEq, Debug)]
pub struct RouteBlock {
    /// Which keyword opened it.
    pub kind: RouteKind,
    /// Name in brackets; `None` for the unnamed block (also `[0]`).
    pub name: Option<Spanned<String>>,
    /// Its statements.
    pub body: Block,
    /// Keyword and brackets, for messages.
    pub header: Span,
}

/// Kinds of routing blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum RouteKind {
    /// `request_route`, `route`, `route[X]`.
    Request,
    /// `reply_route` and unnamed `onreply_route`: before the transaction is known. Named `onreply_route[X]` is [`Self::OnReply`].
    Reply,
    /// `onreply_route[X]`, armed by `t_on_reply`.
    OnReply,
    /// `failure_route[X]`.
    Failure,
    /// `branch_route[X]`.
    Branch,
    /// `onsend_route`.
    OnSend,
    /// `event_route[a:b]`.
    Event,
}

/// Statements between braces.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// In order.
    pub statements: Vec<Statement>,
    /// With the braces.
    pub span: Span,
}

/// One statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Without the semicolon.
    pub span: Span,
}

/// Kinds of statements.
#[allow(missing_docs)] // the variants' docs describe their fields
#[derive(Clone, PartialEq, Debug)]
pub enum StatementKind {
    /// A call, an assignment, any other expression.
    Expr(Expr),
    /// `if cond then else otherwise`.
    If { condition: Expr, then: Block, otherwise: Option<Block> },
    /// `while cond body`.
    While { condition: Expr, body: Block },
    /// `switch (on) { case ..: .. }`.
    Switch { on: Expr, cases: Vec<Case> },
    /// `break`.
    Break,
    /// `return`, `return(x)`.
    Return(Option<Expr>),
    /// `exit`, `exit(x)`.
    Exit(Option<Expr>),
    /// `drop`, `drop(x)`.
    Drop(Option<Expr>),
    /// `{ .. }`.
    Block(Block),
    /// A lone `;`.
    Empty,
}

/// One `case X:` or `default:` with what follows it; falls through into the next one without `break`.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// `None`: default.
    pub label: Option<Label>,
    /// Statements up to the next label (may be none).
    pub body: Vec<Statement>,
    /// The label.
    pub span: Span,
}

/// The constant of a case.
#[derive(Clone, PartialEq, Debug)]
pub enum Label {
    /// A constant expression (number or string).
    Value(Expr),
    /// `case /"re":`, with its flags (`i`, `s`, `g` ..) when given.
    Regex(Spanned<String>, String),
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of expressions.
#[allow(missing_docs)] // the variants' docs describe their fields
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// A number, also yes/no/on/off, `inet`.
    Int(i64),
    /// A string, escapes undone, adjacent ones joined. Not interpolated here; functions may do so.
    String(String),
    /// `$ru`, `$(avp(x)[1]{s.len})`.
    Variable(Variable),
    /// `@a.b["c"]`, as written without the `@`.
    Select(String),
    /// `%name` and other SER attributes, as written.
    Attribute(String),
    /// `a + b`.
    Binary { op: BinaryOp, left: Box<Expr>, right: Box<Expr> },
    /// `! a`.
    Unary { op: UnaryOp, operand: Box<Expr> },
    /// `left = right`.
    Assign { target: Box<Expr>, value: Box<Expr> },
    /// `name(args)`, and keywords that may stand without parentheses (`force_rport`).
    Call(Call),
    /// `method`, `uri`, `src_ip`, `msg:len` ..: spelled as in core.tsv, aliases resolved.
    Operand(String),
    /// `myself`.
    Myself,
    /// `1.2.3.4`, `1.2.3.0/24`, `2001:db8::1`, as written.
    Address(String),
    /// A word that is no variable and no call: `INVITE` after `method==`, a flag name, a route name, a host name.
    Word(String),
    /// `{ statements }` as a value.
    Block(Block),
}

/// A call of a core or module function.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// As spelled.
    pub name: Spanned<String>,
    /// Arguments; an empty list also when there were no parentheses.
    pub arguments: Vec<Expr>,
    /// Was written with parentheses.
    pub parenthesized: bool,
}

/// Binary operators, loose to tight as in `language.md`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    /// `||`, `or`
    Or,
    /// `&&`, `and`
    And,
    /// `|`
    BitOr,
    /// `&`
    BitAnd,
    /// `^`
    BitXor,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Match,
    /// `eq`: string equality
    StringEqual,
    /// `ne`
    StringNotEqual,
    /// `ieq`: number equality
    IntEqual,
    /// `ine`
    IntNotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterEqual,
    /// `<=`
    LessEqual,
    /// `+`: adds when the left side is a number, else joins
    Plus,
    /// `-`
    Minus,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `mod`
    Modulo,
    /// `.`: joins strings
    Concat,
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    /// `!`, `not`
    Not,
    /// `-`
    Negate,
    /// `~`
    BitNot,
    /// `defined`
    Defined,
    /// `(int)`
    ToInt,
    /// `(str)`
    ToString,
    /// `strlen(x)`
    StrLen,
    /// `strempty(x)`
    StrEmpty,
}

/// `$name`, `$name(inner)`, `$(name(inner)[index]{transformations})`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// The name: `ru`, `avp`, `fU`, `T_branch_idx`.
    pub name: String,
    /// The text in parentheses, as written.
    pub inner: Option<Spanned<String>>,
    /// The text in brackets.
    pub index: Option<Index>,
    /// `{class.name,args}` in order.
    pub transformations: Vec<Transformation>,
    /// The whole, with the dollar.
    pub span: Span,
}

/// What stands in `[..]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Index {
    /// A number; negative ones count from the end.
    At(i64),
    /// `[*]`.
    All,
    /// `[$var(i)]`.
    Variable(Box<Variable>),
}

/// One `{class.name,arg,arg}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transformation {
    /// `s`, `uri`, `param` ..
    pub class: String,
    /// `len`, `encode.hexa` ..
    pub name: String,
    /// What stands behind the name, without the first comma and not split yet: `{s.substr,0,3}` has `0,3`,
    /// `{re.subst,/a,b/c/}` keeps its comma. `None`: nothing. [`crate::variable::split_arguments`] splits.
    pub arguments: Option<Spanned<String>>,
    /// With the braces.
    pub span: Span,
}

/// One piece of a format string such as `"call from $fu\n"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormatPiece {
    /// Literal text (`$$` became `$`).
    Text(String),
    /// A variable.
    Variable(Variable),
}
