//! Module `textopsx`: applies queued changes at once, edits single values of headers, walks over headers and body lines.
//!
//! All functions queue edits, as those of `textops` do: variables and other functions see them only after
//! `msg_apply_changes()`. Only the code of `change_reply_status` is seen at once.

pub(crate) mod iterators;
mod list;
mod message;
mod pattern;
mod status;
mod target;
mod values;

#[cfg(test)]
mod tests;

use engine::ModuleDef;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "textopsx",
    summary: "More text operations: apply changes at once, edit values of headers, iterators.",
    functions: &[
        iterators::BL_ITERATOR_APPEND,
        iterators::BL_ITERATOR_END,
        iterators::BL_ITERATOR_INSERT,
        iterators::BL_ITERATOR_NEXT,
        iterators::BL_ITERATOR_RM,
        iterators::BL_ITERATOR_START,
        iterators::HF_ITERATOR_APPEND,
        iterators::HF_ITERATOR_END,
        iterators::HF_ITERATOR_INSERT,
        iterators::HF_ITERATOR_NEXT,
        iterators::HF_ITERATOR_PREV,
        iterators::HF_ITERATOR_RM,
        iterators::HF_ITERATOR_START,
        message::KEEP_HF,
        message::MSG_APPLY_CHANGES,
        message::MSG_SET_BUFFER,
        message::REMOVE_BODY,
        pattern::FNMATCH,
        status::CHANGE_REPLY_STATUS,
        status::CHANGE_REPLY_STATUS_CODE,
        values::APPEND_HF_VALUE,
        values::ASSIGN_HF_VALUE,
        values::ASSIGN_HF_VALUE2,
        values::EXCLUDE_HF_VALUE,
        values::HF_VALUE_EXISTS,
        values::INCLUDE_HF_VALUE,
        values::INSERT_HF_VALUE,
        values::REMOVE_HF_VALUE,
        values::REMOVE_HF_VALUE2,
    ],
    variables: &[iterators::BLITVAL, iterators::HFITBODY, iterators::HFITNAME],
    ..ModuleDef::EMPTY
};
