//! Module `sdpops`: questions about the session description (SDP) in a message's body, and changes of it.
//!
//! `description` finds it, also as a part of a multipart body; `codecs`, `media` and `lines` are the functions by what
//! they look at, `iterators` walks over its lines, `variables` is `$sdp(..)`. All changes are queued edits of the body:
//! what is asked later sees the body as it was until they are applied.

mod codecs;
mod description;
mod iterators;
mod lines;
mod media;
mod variables;

#[cfg(test)]
mod tests;

use engine::ModuleDef;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "sdpops",
    summary: "Questions about session descriptions (SDP), and changes of them.",
    functions: &[
        lines::SDP_CONTENT,
        lines::SDP_GET,
        lines::SDP_GET_ADDRESS_FAMILY,
        lines::SDP_GET_LINE_STARTSWITH,
        iterators::SDP_ITERATOR_APPEND,
        iterators::SDP_ITERATOR_END,
        iterators::SDP_ITERATOR_INSERT,
        iterators::SDP_ITERATOR_NEXT,
        iterators::SDP_ITERATOR_RM,
        iterators::SDP_ITERATOR_START,
        codecs::SDP_KEEP_CODECS_BY_ID,
        codecs::SDP_KEEP_CODECS_BY_NAME,
        lines::SDP_PRINT,
        codecs::SDP_REMOVE_CODECS_BY_ID,
        codecs::SDP_REMOVE_CODECS_BY_NAME,
        lines::SDP_REMOVE_LINE_BY_PREFIX,
        media::SDP_REMOVE_MEDIA,
        media::SDP_REMOVE_TRANSPORT,
        media::SDP_TRANSPORT,
        media::SDP_WITH_ACTIVE_MEDIA,
        codecs::SDP_WITH_CODECS_BY_ID,
        codecs::SDP_WITH_CODECS_BY_NAME,
        media::SDP_WITH_ICE,
        media::SDP_WITH_MEDIA,
        media::SDP_WITH_TRANSPORT,
        media::SDP_WITH_TRANSPORT_LIKE,
    ],
    variables: &[variables::SDP, iterators::SDPITVAL],
    ..ModuleDef::EMPTY
};
