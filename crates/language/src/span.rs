//! Where a piece of configuration text comes from.
//!
//! Spans always point into the *original* files, also for text that a `#!define`, `#!subst` or include produced.

use std::fmt;

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FileId(pub u32);

/// A range of bytes in an original file, and the macro expansion it came through, if any.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The expansion (`#!define` use) that produced the text: an index into [`SourceMap::expansions`] plus one; 0: none.
    pub expansion: u32,
}

impl Span {
    /// The smallest span that holds `self` and `other`; `self` when they are in different files or expansions
    /// ([`SourceMap::join`] knows better).
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file || self.expansion != other.expansion {
            return self;
        }
        Self { start: self.start.min(other.start), end: self.end.max(other.end), ..self }
    }

    /// The place of a part of a text: exact when the text stands in the file as it is (with or without quotes).
    #[must_use]
    pub fn part(self, text: &str, range: std::ops::Range<usize>) -> Self {
        let quotes = match ((self.end - self.start) as usize).checked_sub(text.len()) {
            Some(0) => 0,
            Some(2) => 1,
            _ => return self,
        };
        let at = |offset: usize| self.start + quotes + offset as u32;
        Self { start: at(range.start), end: at(range.end), ..self }
    }
}

/// A value with the place it was written at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a span on a value.
    pub const fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }
}

/// One use of a `#!define`d name: the token at `used` was replaced by the text at `defined`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expansion {
    /// The defined name.
    pub name: String,
    /// Where the name was used (may itself carry an expansion).
    pub used: Span,
    /// Where the value was defined; `None` for command-line and built-in defines.
    pub defined: Option<Span>,
}

/// A configuration file as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// Path as the user wrote it.
    pub name: String,
    /// Its text; bytes that are no UTF-8 were replaced.
    pub text: String,
    /// Byte offset at which each line starts.
    pub line_starts: Vec<u32>,
}

/// All files of one configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceMap {
    /// The files; the main one first.
    pub files: Vec<SourceFile>,
    /// Every expansion, in the order it happened.
    pub expansions: Vec<Expansion>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1)).collect();
        self.files.push(SourceFile { name: name.into(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// The expansion a span came through.
    #[must_use]
    pub fn expansion(&self, span: Span) -> Option<&Expansion> {
        self.expansions.get((span.expansion as usize).checked_sub(1)?)
    }

    /// Where a reader of the file sees the span: the outermost use of the defines it came through.
    #[must_use]
    pub fn surface(&self, mut span: Span) -> Span {
        while let Some(expansion) = self.expansion(span) {
            span = expansion.used;
        }
        span
    }

    /// The span from `first` to `last`, also when they came through different expansions: then of the places where
    /// those were used. `first` when they have no file in common.
    #[must_use]
    pub fn join(&self, mut first: Span, mut last: Span) -> Span {
        // An expansion is recorded after the one it happened in, so climbing on the younger side meets the common one.
        while first.expansion != last.expansion {
            let younger = if first.expansion > last.expansion { &mut first } else { &mut last };
            match self.expansion(*younger) {
                Some(expansion) => *younger = expansion.used,
                None => return first,
            }
        }
        first.to(last)
    }

    /// The file of an id.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The text a span covers.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Name, line and column (from 1) of a span's start.
    #[must_use]
    pub fn location(&self, span: Span) -> Location<'_> {
        let file = self.file(span.file);
        let line = file.line_starts.partition_point(|&start| start <= span.start).max(1);
        let line_start = file.line_starts.get(line - 1).copied().unwrap_or_default();
        Location { file: &file.name, line, column: span.start.saturating_sub(line_start) as usize + 1 }
    }
}

/// A place for people: prints as `file:line:column`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location<'a> {
    /// Path as the user wrote it.
    pub file: &'a str,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
