//! Module `textopsx`: further changes of messages: queued changes applied, the reply's code, values in lists, iterators.
//!
//! As in `textops` all changes are queued edits; `msg_apply_changes()` makes them visible to the script.

mod apply;
mod fnmatch;
mod headers;
mod iterators;
mod lists;
mod parameters;
mod status;
#[cfg(test)]
mod tests;

use engine::ModuleDef;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "textopsx",
    summary: "Further changes of messages as text.",
    functions: &[
        apply::MSG_APPLY_CHANGES,
        apply::MSG_SET_BUFFER,
        apply::REMOVE_BODY,
        fnmatch::FNMATCH,
        headers::KEEP_HF,
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
        lists::APPEND_HF_VALUE,
        lists::ASSIGN_HF_VALUE,
        lists::EXCLUDE_HF_VALUE,
        lists::HF_VALUE_EXISTS,
        lists::INCLUDE_HF_VALUE,
        lists::INSERT_HF_VALUE,
        lists::REMOVE_HF_VALUE,
        parameters::ASSIGN_HF_VALUE2,
        parameters::REMOVE_HF_VALUE2,
        status::CHANGE_REPLY_STATUS,
        status::CHANGE_REPLY_STATUS_CODE,
    ],
    variables: &[iterators::BLITVAL, iterators::HFITBODY, iterators::HFITNAME],
    ..ModuleDef::EMPTY
};
