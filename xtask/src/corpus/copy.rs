//! Copies of the configurations in which what belongs to another machine is taken out: module paths and included files
//! that are not there; for Kamailio also the modules that are not installed. Lines keep their numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Larger files are no configurations.
const LARGEST: u64 = 1 << 20;

/// The copied files.
pub(super) struct Copy {
    /// The folder that was copied.
    pub(super) original: PathBuf,
    /// The folder of the copies; removed at the end.
    folder: PathBuf,
    /// The copy for us.
    pub(super) ours: PathBuf,
    /// The copy for Kamailio.
    pub(super) kamailio: PathBuf,
    /// Main files, from the folder.
    pub(super) mains: Vec<PathBuf>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Copy {
    /// Copies a folder.
    pub(super) fn new(original: &Path, modules: &Path) -> Result<Self, String> {
        let original = std::fs::canonicalize(original).map_err(|error| format!("{}: {error}", original.display()))?;
        let folder = std::env::temp_dir().join(format!("olelo-corpus-{}", std::process::id()));
        let (ours, kamailio) = (folder.join("olelo"), folder.join("kamailio"));
        let mut copy = Self { original, folder, ours, kamailio, mains: Vec::new() };
        let mut files = Vec::new();
        walk(&copy.original, &mut files)?;
        files.sort();
        let places = Places::new(&copy.original, &files);
        let mut included = Vec::new();
        let mut candidates = Vec::new();
        for file in &files {
            let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let text = bytes.iter().copied().map(char::from).collect::<String>();
            let relative = file.strip_prefix(&copy.original).map_err(|error| error.to_string())?;
            let changed = adjust(&text, file, &places, &mut included);
            if file.extension().is_some_and(|extension| extension == "cfg") && has_program(&changed) {
                candidates.push(relative.to_owned());
            }
            write(&copy.ours.join(relative), &changed)?;
            write(&copy.kamailio.join(relative), &without_missing(&changed, modules))?;
        }
        copy.mains =
            candidates.into_iter().filter(|relative| !included.contains(&copy.original.join(relative))).collect();
        Ok(copy)
    }

    /// A path in the copy as the reader knows it.
    pub(super) fn shown(&self, text: &str) -> String {
        let original = self.original.to_string_lossy();
        let text = text.replace(&*self.ours.to_string_lossy(), &original);
        text.replace(&*self.kamailio.to_string_lossy(), &original)
    }
}

/// Writes a text of which each character is one byte, so that any encoding survives.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
    }
    let bytes: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect();
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if kind.is_file() && entry.metadata().is_ok_and(|data| data.len() <= LARGEST) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Where the files are: to find what an absolute path of another machine means.
struct Places {
    root: PathBuf,
    by_name: HashMap<String, Vec<PathBuf>>,
}

impl Places {
    fn new(root: &Path, files: &[PathBuf]) -> Self {
        let mut by_name: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            by_name.entry(name).or_default().push(file.clone());
        }
        Self { root: root.to_owned(), by_name }
    }

    /// The project of a file: the folder right below the root.
    fn project(&self, file: &Path) -> PathBuf {
        let first = file.strip_prefix(&self.root).ok().and_then(|relative| relative.components().next());
        first.map_or_else(|| self.root.clone(), |first| self.root.join(first))
    }

    /// The file that `path`, written in `file`, means.
    fn find(&self, file: &Path, path: &str) -> Option<PathBuf> {
        let beside = file.parent()?.join(path);
        if !path.starts_with('/') && beside.is_file() {
            return std::fs::canonicalize(beside).ok();
        }
        let name = Path::new(path).file_name()?.to_string_lossy().into_owned();
        let same = self.by_name.get(&name)?;
        let project = self.project(file);
        let near = |candidate: &&PathBuf| candidate.parent() == file.parent();
        let inside = |candidate: &&PathBuf| candidate.starts_with(&project) && candidate.as_path() != file;
        same.iter().find(near).or_else(|| same.iter().find(inside)).cloned()
    }
}

/// True for a text that routes messages or loads modules.
fn has_program(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let word: String = line.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
        let rest = line[word.len()..].trim_start();
        match &*word {
            "loadmodule" | "loadmodulex" => rest.starts_with(['"', '\'', '(']),
            "request_route" | "route" | "reply_route" => rest.is_empty() || rest.starts_with(['{', '[']),
            _ => false,
        }
    })
}

/// The text with what belongs to another machine taken out.
fn adjust(text: &str, file: &Path, places: &Places, included: &mut Vec<PathBuf>) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| adjust_line(line, file, places, included)).collect();
    lines.join("\n")
}

/// The word that a line begins with, `#!` or `!!` before it included.
fn first_word(line: &str) -> &str {
    let length = line
        .char_indices()
        .find(|(at, char)| !(char.is_ascii_alphabetic() || *char == '_' || (*at < 2 && matches!(char, '#' | '!'))))
        .map_or(line.len(), |(at, _)| at);
    &line[..length]
}

fn adjust_line(line: &str, file: &Path, places: &Places, included: &mut Vec<PathBuf>) -> String {
    let trimmed = line.trim_start();
    let word = first_word(trimmed);
    let directive = word.trim_start_matches("#!").trim_start_matches("!!");
    match (directive, quoted(trimmed)) {
        ("mpath" | "loadpath", _) => String::new(),
        ("loadmodule", Some(path)) if path.contains('/') => {
            line.replacen(path, path.rsplit('/').next().unwrap_or_default(), 1)
        }
        ("include_file" | "import_file", Some(path)) => match places.find(file, path) {
            Some(found) => {
                let relative = relative(file, &found);
                included.push(found);
                line.replacen(path, &relative, 1)
            }
            None => String::new(),
        },
        _ => line.to_owned(),
    }
}

/// The text without modules that are not installed, and without their parameters.
fn without_missing(text: &str, modules: &Path) -> String {
    let mut missing = Vec::new();
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let trimmed = line.trim_start();
        let name = quoted(trimmed).filter(|_| first_word(trimmed) == "loadmodule");
        let name = name.map(|name| name.strip_suffix(".so").unwrap_or(name));
        let gone = name.filter(|name| !modules.join(format!("{name}.so")).exists());
        missing.extend(gone);
        lines.push(if gone.is_some() { "" } else { line });
    }
    missing.iter().fold(lines.join("\n"), |text, module| without_params(&text, module))
}

/// The path of `to` as `from` can write it.
fn relative(from: &Path, to: &Path) -> String {
    let folder: Vec<_> = from.parent().map(|parent| parent.components().collect()).unwrap_or_default();
    let target: Vec<_> = to.components().collect();
    let same = folder.iter().zip(&target).take_while(|(left, right)| left == right).count();
    let mut path: PathBuf = folder[same..].iter().map(|_| "..").collect();
    path.extend(&target[same..]);
    path.to_string_lossy().into_owned()
}

/// The text between the first two quotes of a line.
fn quoted(line: &str) -> Option<&str> {
    let (at, quote) = line.char_indices().find(|(_, char)| matches!(char, '"' | '\''))?;
    let rest = &line[at + 1..];
    rest.split_once(quote).map(|(inside, _)| inside)
}

/// Without the `modparam` lines of one module.
fn without_params(text: &str, module: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("modparam") {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        let end = end_of_call(from);
        let call = &from[..end];
        let starts_line = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
        if starts_line && quoted(call) == Some(module) {
            result.extend(call.chars().filter(|char| *char == '\n'));
        } else {
            result.push_str(call);
        }
        rest = &from[end..];
    }
    result.push_str(rest);
    result
}

/// The length of `name(...)` at the start of a text; the length of the name when no bracket closes.
fn end_of_call(text: &str) -> usize {
    let name = "modparam".len();
    let mut quote = None;
    for (at, char) in text.char_indices().skip(name) {
        match (quote, char) {
            (None, '"' | '\'') => quote = Some(char),
            (None, ')') => return at + 1,
            (Some(open), char) if open == char => quote = None,
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_things_are_taken_out() {
        let places = Places::new(Path::new("/nowhere"), &[]);
        let text = "mpath=\"/a/\"\nloadmodule \"/b/none.so\"\nmodparam(\"none\", \"x\",\n  \"y)\")\nmodparam(\"tm\", \"x\", 1)\n\
                    #!include_file \"gone.cfg\"\n#loadmodule \"x.so\"\nroute {\n}";
        let mut included = Vec::new();
        let changed = adjust(text, Path::new("/nowhere/a.cfg"), &places, &mut included);
        assert!(changed.starts_with("\nloadmodule \"none.so\"\nmodparam(\"none\""), "{changed}");
        let changed = without_missing(&changed, Path::new("/nowhere"));
        let expected = "\n\n\n\nmodparam(\"tm\", \"x\", 1)\n\n#loadmodule \"x.so\"\nroute {\n}";
        assert_eq!(changed, expected);
        assert!(has_program(&changed) && !has_program("debug=1\nrouted=2"));
    }

    #[test]
    fn relative_paths() {
        assert_eq!(relative(Path::new("/a/b/c.cfg"), Path::new("/a/d/e.cfg")), "../d/e.cfg");
        assert_eq!(relative(Path::new("/a/b/c.cfg"), Path::new("/a/b/e.cfg")), "e.cfg");
    }
}
