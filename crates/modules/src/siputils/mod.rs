//! Module `siputils`: questions about messages, URIs and numbers; changes of URIs and contacts; answers to OPTIONS.

mod arguments;
mod charging_vector;
mod checks;
mod contact_encoding;
mod contact_params;
mod date;
mod numbers;
mod options;
mod remote_party;
mod tel;
mod uri_params;
mod uris;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use engine::{Code, Creating, Diagnostic, Module, ModuleDef, Params, Str};

use crate::sl::Sl;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "siputils",
    summary: "Questions about messages, URIs and numbers; changes of URIs and contacts; answers to OPTIONS.",
    needs: &["sl"],
    params: SiputilsParams::DEFS,
    functions: &[
        uri_params::ADD_URI_PARAM,
        remote_party::APPEND_RPID_HF,
        remote_party::APPEND_RPID_HF_WITH,
        uris::CMP_AOR,
        uris::CMP_HDR_NAME,
        uris::CMP_URI,
        contact_params::CONTACT_PARAM_CHECK,
        contact_params::CONTACT_PARAM_DECODE,
        contact_params::CONTACT_PARAM_DECODE_RURI,
        contact_params::CONTACT_PARAM_ENCODE,
        contact_params::CONTACT_PARAM_RM,
        contact_encoding::DECODE_CONTACT,
        contact_encoding::DECODE_CONTACT_HEADER,
        contact_encoding::ENCODE_CONTACT,
        uri_params::GET_URI_PARAM,
        checks::HAS_TOTAG,
        date::HDR_DATE_CHECK,
        numbers::IS_ALPHANUM,
        numbers::IS_ALPHANUMEX,
        numbers::IS_E164,
        checks::IS_FIRST_HOP,
        checks::IS_GRUU,
        checks::IS_HTTP,
        numbers::IS_NUMERIC,
        checks::IS_REPLY,
        checks::IS_REQUEST,
        remote_party::IS_RPID_USER_E164,
        checks::IS_SIP,
        checks::IS_SUPPORTED,
        numbers::IS_TEL_NUMBER,
        uris::IS_URI,
        numbers::IS_URI_USER_E164,
        options::OPTIONS_REPLY,
        uris::SET_URI_HOST,
        uris::SET_URI_USER,
        charging_vector::SIP_P_CHARGING_VECTOR,
        checks::SIP_PARSE_HEADERS,
        tel::TEL2SIP,
        tel::TEL2SIP2,
        uri_params::URI_PARAM,
        uri_params::URI_PARAM_ANY,
        uri_params::URI_PARAM_RM,
    ],
    variables: &[charging_vector::PCV],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `siputils`.
#[derive(Params)]
pub struct SiputilsParams {
    /// Value of Accept in the answer to OPTIONS.
    #[param(default = "*/*".into())]
    pub options_accept: Str,
    /// Value of Accept-Encoding in the answer to OPTIONS.
    pub options_accept_encoding: Str,
    /// Value of Accept-Language in the answer to OPTIONS.
    #[param(default = "en".into())]
    pub options_accept_language: Str,
    /// Value of Supported in the answer to OPTIONS.
    pub options_support: Str,
    /// Its first character separates the parts that `encode_contact` makes a user of.
    #[param(default = "*".into())]
    pub contact_flds_separator: Str,
    /// Longest E.164 number, `+` included.
    #[param(default = 16)]
    pub e164_max_len: usize,
    /// The AVP that holds the value for Remote-Party-ID; empty: the `rpid` functions fail.
    #[param(default = "$avp(s:rpid)".into())]
    pub rpid_avp: Str,
    /// What `append_rpid_hf` puts before the value.
    pub rpid_prefix: Str,
    /// What `append_rpid_hf` puts behind the value.
    #[param(default = ";party=calling;id-type=subscriber;screen=yes".into())]
    pub rpid_suffix: Str,
}

/// The started module.
pub struct Siputils {
    params: SiputilsParams,
    /// Key of `rpid_avp`.
    rpid_avp: Option<Str>,
    /// First byte of `contact_flds_separator`.
    separator: u8,
    sl: Arc<Sl>,
    /// Counts the charging vectors made here.
    charging_vectors: AtomicU32,
}

impl Module for Siputils {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: SiputilsParams = creating.params()?;
    let wrong = |param, message: String, label| {
        Err(Diagnostic::error(Code::ParamValue, message, creating.span_of(param), label))
    };
    let Some(&separator) = params.contact_flds_separator.first() else {
        return wrong("contact_flds_separator", "`contact_flds_separator` is empty".into(), "one character is needed");
    };
    let rpid_avp = if params.rpid_avp.is_empty() {
        None
    } else {
        match remote_party::avp_key(&params.rpid_avp.to_text()) {
            Some(key) => Some(key),
            None => return wrong("rpid_avp", format!("`{}` is no AVP", params.rpid_avp), "write `$avp(name)`"),
        }
    };
    let Some(sl) = creating.modules.get::<Sl>() else {
        return Err(Diagnostic::error(
            Code::MissingDependency,
            "module `siputils` needs module `sl`",
            creating.span,
            "",
        ));
    };
    Ok(Arc::new(Siputils { params, rpid_avp, separator, sl, charging_vectors: AtomicU32::new(0) }))
}
