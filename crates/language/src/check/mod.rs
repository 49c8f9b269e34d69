//! Lints: mistakes that do not stop Kamailio, and ones that stop it only at start, found in the tree.
//!
//! Start reading at [`check`]. A lint is a function over the [`Model`] in a file of its own, listed in [`LINTS`]; what it
//! has to know about functions is in [`effects`], what exists in [`crate::known`]. Its code has a page in `docs/errors/`
//! that shows a configuration it finds, with the message, and one where it is silent. A lint reports only what is
//! certain or very probable from the text alone: a false alarm costs more trust than a missed mistake.

pub mod effects;
mod flow;
mod model;

mod assignment;
mod common;
mod condition;
mod db_driver;
mod dispatcher_algorithm;
mod duplicate_param;
mod ends_silently;
mod flag_range;
mod hash_table;
mod header_spelling;
mod location_table;
mod never_called;
mod never_written;
mod open_relay;
mod pattern;
mod relay_ignored;
mod reply_in_called;
mod reply_kind;
mod secret;
#[cfg(test)]
mod testing;
mod unknown_target;
mod unreachable;
mod unused_define;
mod visit;
mod writers;
mod zero;

pub use model::{Access, CallSite, Model, Param, VariableUse};

use crate::diagnostic::Diagnostic;
use crate::{Parsed, ReadFile};

/// What a lint works with.
pub struct Check<'a> {
    /// The configuration.
    pub model: Model<'a>,
    /// Every way through the request route.
    pub paths: flow::Paths,
    /// For questions about files.
    pub files: &'a dyn ReadFile,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// All lints.
const LINTS: &[fn(&mut Check<'_>)] = &[
    ends_silently::check,
    open_relay::check,
    unreachable::check,
    never_called::check,
    relay_ignored::check,
    assignment::check,
    zero::check,
    reply_kind::check,
    reply_in_called::check,
    unknown_target::check,
    flag_range::check,
    never_written::check,
    duplicate_param::check,
    unused_define::check,
    header_spelling::check,
    secret::check,
    location_table::check,
    dispatcher_algorithm::check,
    hash_table::check,
    db_driver::check,
    pattern::check,
];

/// Runs all lints on a configuration that was parsed.
#[must_use]
pub fn check(parsed: &Parsed, files: &dyn ReadFile) -> Vec<Diagnostic> {
    let model = Model::new(parsed);
    let paths = flow::Paths::of(&model);
    let mut check = Check { model, paths, files, diagnostics: Vec::new() };
    for lint in LINTS {
        lint(&mut check);
    }
    check.diagnostics
}
