//! `kamailio.cfg` as text: preprocess, lex, parse, draw mistakes.
//!
//! Start reading at [`parse`], then [`ast`]. Parsing never fails: it yields a tree and a list of mistakes. Nothing here
//! knows which functions, variables or modules exist (`engine` does), opens a socket or runs anything.

use std::io;
use std::path::{Path, PathBuf};

pub mod ast;
pub mod check;
pub mod diagnostic;
pub mod keyword;
pub mod known;
mod lexer;
mod parser;
mod preprocess;
mod reader;
pub mod render;
pub mod span;
mod token;
pub mod variable;

/// What [`parse`] reads.
pub struct Source<'a> {
    /// Path of the main file; shown in messages, and the folder of relative includes.
    pub main: PathBuf,
    /// Its text when it is already known (tests, editors); otherwise `reader` is asked.
    pub text: Option<String>,
    /// Names defined before the first line, as `-A NAME` and `-A NAME=VALUE` do.
    pub defines: Vec<(String, Option<String>)>,
    /// Where files and environment variables come from.
    pub reader: &'a dyn ReadFile,
}

impl<'a> Source<'a> {
    /// The file at `main`, without defines.
    pub fn file(main: impl Into<PathBuf>, reader: &'a dyn ReadFile) -> Self {
        Self { main: main.into(), text: None, defines: Vec::new(), reader }
    }

    /// A text that is already in memory, without defines.
    pub fn text(main: impl Into<PathBuf>, text: impl Into<String>, reader: &'a dyn ReadFile) -> Self {
        Self { text: Some(text.into()), ..Self::file(main, reader) }
    }

    /// Adds defines.
    #[must_use]
    pub fn with_defines(mut self, defines: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        self.defines.extend(defines);
        self
    }
}

/// Where files and environment variables come from.
pub trait ReadFile {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Any; `NotFound` makes an `include_file` try the next folder and an `import_file` do nothing.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The value of an environment variable (`#!defenv`).
    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Whether every user of the machine may read a file.
    fn is_world_readable(&self, _path: &Path) -> bool {
        false
    }
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl ReadFile for FileSystem {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn is_world_readable(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
}

/// Files in memory, by path; an empty one serves texts without includes.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(pub Vec<(PathBuf, Vec<u8>)>);

impl ReadFile for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, _)| name == path);
        found.map(|(_, bytes)| bytes.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What [`parse`] found.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The tree; the parts that were understood.
    pub config: ast::Config,
    /// The texts that spans point into.
    pub sources: span::SourceMap,
    /// All mistakes, in the order they were met.
    pub diagnostics: Vec<diagnostic::Diagnostic>,
    /// The names that the files define (`#!define`, `#!substdef` ..), in order.
    pub defined: Vec<span::Spanned<String>>,
    /// Pieces of text that `#!ifdef` and its kin left out.
    pub skipped: Vec<span::Span>,
}

impl Parsed {
    /// Whether any mistake keeps the server from starting.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == diagnostic::Severity::Error)
    }
}

/// Reads a configuration with all its includes.
///
/// Never fails: what could not be understood is described in [`Parsed::diagnostics`] and left out of the tree.
#[must_use]
pub fn parse(source: &Source<'_>) -> Parsed {
    parser::parse(source)
}
