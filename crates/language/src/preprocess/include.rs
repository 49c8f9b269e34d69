//! `include_file` and `import_file`, with or without `#!`.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::{Code, Diagnostic, reason};
use crate::lexer::Lexer;
use crate::reader::Mark;
use crate::span::{FileId, Span};

/// How deep files may include each other.
const MAX_DEPTH: usize = 10;
/// How many includes there may be; files that include themselves twice reach it.
const MAX_INCLUDES: usize = 2000;
/// Longest name.
const MAX_NAME: usize = 127;

impl Lexer<'_> {
    /// Reads the file whose name follows; the position is behind the word.
    pub(crate) fn include(&mut self, word: &str, mark: Mark) {
        self.skip_line_blanks();
        let Some(name) = self.include_name() else {
            let span = self.reader.span_from(mark);
            let message = format!("`{word}` needs a file name");
            let mistake = Diagnostic::error(Code::Preprocessor, message, span, "expected a name in double quotes here");
            self.report(mistake.help(format!("as in `{word} \"routes.cfg\"`; the name has no blanks")));
            self.reader.take_while(|byte| byte != b'\n');
            return;
        };
        let span = self.reader.span_from(mark);
        let name = self.substitute(name, span);
        if name.is_empty() || name.len() > MAX_NAME {
            let message = format!("the name of an included file has 1 to {MAX_NAME} characters");
            self.report(Diagnostic::error(Code::File, message, span, ""));
            return;
        }
        self.includes += 1;
        if self.reader.files().count() > MAX_DEPTH || self.includes > MAX_INCLUDES {
            let message = format!("files include each other more than {MAX_DEPTH} levels deep, or too often");
            self.report(Diagnostic::error(Code::File, message, span, "this one is not read"));
            return;
        }
        match self.find(&name) {
            Ok((path, bytes)) => {
                if self.spend(bytes.len(), span) {
                    self.enter(&path, &bytes, span);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && word == "import_file" => {}
            Err(error) => {
                let message = format!("cannot read `{name}`: {}", reason(&error));
                let mut mistake = Diagnostic::error(Code::File, message, span, "included here");
                if error.kind() == io::ErrorKind::NotFound {
                    mistake = mistake
                        .help("relative names are looked up in the working directory, then beside the including file")
                        .help("`import_file` ignores a missing file");
                }
                self.report(mistake);
            }
        }
    }

    fn include_name(&mut self) -> Option<String> {
        if self.reader.peek() != Some(b'"') {
            return None;
        }
        self.reader.skip(1);
        let name = self.reader.take_while(|byte| byte != b'"' && !byte.is_ascii_whitespace()).to_owned();
        if self.reader.peek() != Some(b'"') {
            return None;
        }
        self.reader.skip(1);
        Some(name)
    }

    /// The file as named from the working directory, else from the folder of the including file.
    fn find(&self, name: &str) -> io::Result<(PathBuf, Vec<u8>)> {
        let direct = PathBuf::from(name);
        match self.files.read(&direct) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && direct.is_relative() => {
                let including = self.reader.files().next_back().map(|file| &self.sources.file(file).name);
                let folder = including.and_then(|name| Path::new(name).parent());
                match folder {
                    Some(folder) if !folder.as_os_str().is_empty() => {
                        let beside = folder.join(&direct);
                        self.files.read(&beside).map(|bytes| (beside, bytes))
                    }
                    _ => Err(error),
                }
            }
            other => other.map(|bytes| (direct, bytes)),
        }
    }

    /// Continues with the text of a file.
    pub(crate) fn enter(&mut self, path: &Path, bytes: &[u8], span: Span) {
        let file = match self.known_files.get(path) {
            Some(&file) => file,
            None => {
                let text = String::from_utf8_lossy(bytes);
                let Ok(_) = u32::try_from(text.len()) else {
                    let message = format!("`{}` is too large", path.display());
                    self.report(Diagnostic::error(Code::File, message, span, ""));
                    return;
                };
                let file = self.sources.add(path.display().to_string(), text);
                self.known_files.insert(path.to_owned(), file);
                file
            }
        };
        self.resume(file);
    }

    fn resume(&mut self, file: FileId) {
        let text: Rc<str> = self.sources.file(file).text.as_str().into();
        self.reader.push_file(file, text);
    }
}
