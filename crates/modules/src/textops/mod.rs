//! Module `textops`: a message as text. Headers are added and removed, texts searched and replaced, bodies set.
//!
//! All changes are queued edits: the script sees them after `msg_apply_changes()`, the next hop in any case. Start
//! reading at `headers.rs`. Searches look at the message as it was received.

mod arguments;
mod body;
mod checks;
mod compare;
mod headers;
mod method;
mod multipart;
mod presence;
mod removal;
mod replace;
mod reply;
mod search;
mod substitute;
#[cfg(test)]
mod tests;
mod via;

use engine::ModuleDef;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "textops",
    summary: "Searches and changes messages as text.",
    functions: &[
        body::HAS_BODY,
        body::SET_BODY,
        body::SET_BODY_HEX,
        checks::IS_AUDIO_ON_HOLD,
        checks::IS_PRIVACY,
        compare::CMP_ISTR,
        compare::CMP_STR,
        compare::ENDS_WITH,
        compare::IN_LIST,
        compare::IN_LIST_PREFIX,
        compare::STARTS_WITH,
        compare::STR_ALL_IN,
        compare::STR_ANY_IN,
        compare::STR_FIND,
        compare::STR_IFIND,
        headers::APPEND_HF,
        headers::APPEND_TIME_TO_REQUEST,
        headers::APPEND_URIHF,
        headers::INSERT_HF,
        method::IS_METHOD,
        multipart::APPEND_BODY_PART,
        multipart::APPEND_BODY_PART_HEX,
        multipart::FILTER_BODY,
        multipart::GET_BODY_PART,
        multipart::GET_BODY_PART_RAW,
        multipart::REMOVE_BODY_PART,
        multipart::SET_BODY_MULTIPART,
        presence::IS_PRESENT_HF,
        presence::IS_PRESENT_HF_PV,
        presence::IS_PRESENT_HF_RE,
        presence::IS_PRESENT_HF_RE_PV,
        removal::REMOVE_HF,
        removal::REMOVE_HF_EXP,
        removal::REMOVE_HF_EXP_PV,
        removal::REMOVE_HF_IDX,
        removal::REMOVE_HF_MATCH,
        removal::REMOVE_HF_PV,
        removal::REMOVE_HF_RE,
        removal::REMOVE_HF_RE_PV,
        replace::REPLACE,
        replace::REPLACE_ALL,
        replace::REPLACE_BODY,
        replace::REPLACE_BODY_ALL,
        replace::REPLACE_BODY_ATONCE,
        replace::REPLACE_BODY_STR,
        replace::REPLACE_HDRS,
        replace::REPLACE_HDRS_STR,
        replace::REPLACE_STR,
        reply::APPEND_TIME,
        reply::APPEND_TO_REPLY,
        reply::SET_REPLY_BODY,
        reply::SET_REPLY_BODY_HEX,
        search::REGEX_SUBSTRING,
        search::SEARCH,
        search::SEARCH_APPEND,
        search::SEARCH_APPEND_BODY,
        search::SEARCH_BODY,
        search::SEARCH_HF,
        search::SEARCH_STR,
        substitute::SUBST,
        substitute::SUBST_BODY,
        substitute::SUBST_HF,
        substitute::SUBST_URI,
        substitute::SUBST_USER,
        substitute::SUBST_V,
        via::VIA_PARAM_RM,
    ],
    transformations: &[substitute::RE_SUBST],
    ..ModuleDef::EMPTY
};
