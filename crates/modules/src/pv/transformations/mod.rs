//! The transformations of module `pv`, one class per file (`s.` has several).
//!
//! Common rules: `$null` stays `$null`; what cannot be done (text that is no number, a malformed URI) is `$null` too;
//! a part that is merely missing is the empty text.

mod encode;
mod escape;
mod hash;
mod line;
mod nameaddr;
mod num;
mod param;
mod part;
mod string;
#[cfg(test)]
mod tests;
mod time;
mod tobody;
mod uri;
mod urialias;
mod val;

use engine::transformation::Maybe;
use engine::{CompileEnv, Diagnostic, RouteCx, Str, TransformArg, TransformArgs, TransformationDef, Value};

/// All of them.
pub const TRANSFORMATIONS: &[TransformationDef] = &[
    encode::DECODE_7BIT,
    encode::DECODE_BASE58,
    encode::DECODE_BASE64,
    encode::DECODE_BASE64T,
    encode::DECODE_BASE64URL,
    encode::DECODE_BASE64URLT,
    encode::DECODE_HEXA,
    encode::ENCODE_7BIT,
    encode::ENCODE_BASE58,
    encode::ENCODE_BASE64,
    encode::ENCODE_BASE64T,
    encode::ENCODE_BASE64URL,
    encode::ENCODE_BASE64URLT,
    encode::ENCODE_HEXA,
    escape::COMMON,
    escape::CRLF,
    escape::CSV,
    escape::PARAM,
    escape::UNCOMMON,
    escape::UNCRLF,
    escape::UNPARAM,
    escape::UNUSER,
    escape::URLDECODE,
    escape::URLENCODE,
    escape::USER,
    hash::COREHASH,
    hash::CRC32,
    hash::KECCAK,
    hash::MD5,
    hash::SHA1,
    hash::SHA256,
    hash::SHA3,
    hash::SHA384,
    hash::SHA512,
    line::AT,
    line::COUNT,
    line::SW,
    nameaddr::LEN,
    nameaddr::NAME,
    nameaddr::URI,
    num::FDIGIT,
    num::LDIGIT,
    param::COUNT,
    param::HAS,
    param::NAME,
    param::VALUE,
    param::VALUEAT,
    part::AFTER,
    part::BEFORE,
    part::BYTEAT,
    part::CHARAT,
    part::COUNT,
    part::PREFIXES,
    part::PREFIXES_QUOTED,
    part::RAFTER,
    part::RBEFORE,
    part::SELECT,
    part::SELECTSW,
    part::SELECTWS,
    part::STRIP,
    part::STRIPTAIL,
    part::STRIPTO,
    part::SUBSTR,
    string::FMTLINES,
    string::FMTLINET,
    string::INT,
    string::INTV,
    string::LEN,
    string::LTRIM,
    string::NUMERIC,
    string::REPLACE,
    string::RM,
    string::RMHDWS,
    string::RMHLWS,
    string::RMWS,
    string::RTRIM,
    string::TOLOWER,
    string::TOUPPER,
    string::TRIM,
    string::UNBRACKET,
    string::UNQUOTE,
    time::FTIME,
    tobody::DISPLAY,
    tobody::HOST,
    tobody::PARAMS,
    tobody::TAG,
    tobody::URI,
    tobody::USER,
    uri::DOMAIN,
    uri::DURI,
    uri::HEADERS,
    uri::HOST,
    uri::LR,
    uri::MADDR,
    uri::METHOD,
    uri::PARAM,
    uri::PARAMS,
    uri::PASSWD,
    uri::PORT,
    uri::R2,
    uri::RMPARAM,
    uri::SAOR,
    uri::SCHEME,
    uri::SURI,
    uri::TOSOCKET,
    uri::TRANSPORT,
    uri::TTL,
    uri::UPARAM,
    uri::USER,
    urialias::DECODE,
    urialias::ENCODE,
    val::JSON,
    val::JSONQE,
    val::N0,
    val::NE,
];

/// `change` of the value's text; `$null` for `$null` and when `change` has no answer.
fn map<T: Into<Value>>(input: &Value, change: impl FnOnce(&Str) -> Option<T>) -> Value {
    if input.is_null() {
        return Value::Null;
    }
    change(&input.to_str()).map_or(Value::Null, Into::into)
}

/// All that is left of the arguments, commas included; or a variable.
pub(super) struct Rest(Str);

impl TransformArg for Rest {
    type Compiled = Maybe<Str>;
    const KIND: &'static str = "string";
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let text = args
            .rest()
            .ok_or_else(|| args.error(format!("`{{{}}}` needs a further argument: {}", args.name, Self::KIND)))?;
        if text.starts_with('$') && text.len() > 1 {
            return Ok(Maybe::Variable(env.variable_text(text, args.span)?));
        }
        Ok(Maybe::Constant(Str::from(text)))
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self> {
        <Str as TransformArg>::eval(compiled, cx).map(Self)
    }
}
