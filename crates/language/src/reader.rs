//! The stream of characters the lexer sees: the main file, included files and the values of expanded defines on top of
//! each other, every byte with the place it came from.

use std::rc::Rc;

use crate::span::{FileId, Span};

/// Where the text of a define stands.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// In a file; the pairs say at which offset of the value which offset of the file begins (a continuation line
    /// begins a new pair).
    File { file: FileId, pieces: Rc<[(u32, u32)]> },
    /// Computed (`#!defexp`, `#!substdef`): every part stands where the directive stands.
    Directive(Span),
    /// From the command line, the environment or built in.
    Nowhere,
}

enum FrameKind {
    File(FileId),
    /// A define's value, the index of the expansion plus one, and where the name was used.
    Expansion {
        origin: Origin,
        index: u32,
        used: Span,
    },
}

struct Frame {
    text: Rc<str>,
    at: usize,
    serial: u32,
    kind: FrameKind,
}

/// A position to which [`Reader::span_from`] spans.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    serial: u32,
    /// The start.
    start: Span,
    /// The end of the frame: the token's end when it runs on into the text behind a define.
    limit: Span,
}

impl Mark {
    /// The place itself.
    pub(crate) const fn span(self) -> Span {
        self.start
    }
}

#[derive(Default)]
pub(crate) struct Reader {
    frames: Vec<Frame>,
    serial: u32,
}

impl Frame {
    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn is_expansion(&self) -> bool {
        matches!(self.kind, FrameKind::Expansion { .. })
    }

    fn place(&self, at: usize) -> Span {
        match &self.kind {
            FrameKind::File(file) => Span { file: *file, start: at as u32, end: at as u32, expansion: 0 },
            FrameKind::Expansion { origin, index, used } => match origin {
                Origin::File { file, pieces } => {
                    let piece = pieces.partition_point(|&(offset, _)| offset as usize <= at).saturating_sub(1);
                    let (offset, start) = pieces.get(piece).copied().unwrap_or_default();
                    let at = start + (at as u32).saturating_sub(offset);
                    Span { file: *file, start: at, end: at, expansion: *index }
                }
                Origin::Directive(span) => Span { expansion: *index, ..*span },
                Origin::Nowhere => Span { expansion: *index, ..*used },
            },
        }
    }
}

impl Reader {
    pub(crate) fn push_file(&mut self, file: FileId, text: Rc<str>) {
        self.push(FrameKind::File(file), text);
    }

    pub(crate) fn push_expansion(&mut self, text: Rc<str>, origin: Origin, index: u32, used: Span) {
        self.push(FrameKind::Expansion { origin, index, used }, text);
    }

    fn push(&mut self, kind: FrameKind, text: Rc<str>) {
        self.serial += 1;
        self.frames.push(Frame { text, at: 0, serial: self.serial, kind });
    }

    /// Ends every text: nothing more will be read.
    pub(crate) fn stop(&mut self) {
        self.frames.clear();
    }

    /// The files being read, outermost first.
    pub(crate) fn files(&self) -> impl DoubleEndedIterator<Item = FileId> + '_ {
        self.frames.iter().filter_map(|frame| match frame.kind {
            FrameKind::File(file) => Some(file),
            FrameKind::Expansion { .. } => None,
        })
    }

    /// Drops finished expansions; the text behind a define's name follows its value directly.
    fn settle(&mut self) {
        while self.frames.last().is_some_and(|frame| frame.rest().is_empty() && frame.is_expansion()) {
            self.frames.pop();
        }
    }

    /// Leaves a finished file; false when it was the last.
    pub(crate) fn leave_file(&mut self) -> bool {
        if self.frames.len() <= 1 {
            return false;
        }
        self.frames.pop();
        true
    }

    /// The next byte; `None` at the end of a file.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.settle();
        self.frames.last()?.rest().first().copied()
    }

    /// What is left of the current file or define.
    pub(crate) fn rest(&mut self) -> &[u8] {
        self.settle();
        self.frames.last().map_or(&[], Frame::rest)
    }

    /// The text from `from` bytes before the position to the position, in the current file or define.
    pub(crate) fn taken(&self, length: usize) -> &str {
        self.frames.last().and_then(|frame| frame.text.get(frame.at.checked_sub(length)?..frame.at)).unwrap_or_default()
    }

    /// Moves on; never past the end of the current file or define.
    pub(crate) fn skip(&mut self, bytes: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at = (frame.at + bytes).min(frame.text.len());
        }
    }

    /// Takes as many bytes as `keep` wants, from the current file or define only.
    pub(crate) fn take_while(&mut self, mut keep: impl FnMut(u8) -> bool) -> &str {
        self.settle();
        let length = self.rest().iter().take_while(|&&byte| keep(byte)).count();
        self.skip(length);
        self.taken(length)
    }

    /// The first byte that is no blank, across the ends of defines.
    pub(crate) fn peek_past_blanks(&self) -> Option<u8> {
        for frame in self.frames.iter().rev() {
            if let Some(&byte) = frame.rest().iter().find(|byte| !byte.is_ascii_whitespace()) {
                return Some(byte);
            }
            if !frame.is_expansion() {
                return None;
            }
        }
        None
    }

    pub(crate) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.take_while(|byte| byte.is_ascii_whitespace());
        }
    }

    pub(crate) fn mark(&mut self) -> Mark {
        self.settle();
        match self.frames.last() {
            Some(frame) => {
                Mark { serial: frame.serial, start: frame.place(frame.at), limit: frame.place(frame.text.len()) }
            }
            None => Mark { serial: 0, start: Span::default(), limit: Span::default() },
        }
    }

    /// The span from a mark to the position.
    pub(crate) fn span_from(&self, mark: Mark) -> Span {
        let end = match self.frames.last() {
            Some(frame) if frame.serial == mark.serial => frame.place(frame.at).end,
            _ => mark.limit.end,
        };
        Span { end: end.max(mark.start.end), ..mark.start }
    }

    /// The span of the next `length` bytes.
    pub(crate) fn span_ahead(&mut self, length: usize) -> Span {
        let mark = self.mark();
        match self.frames.last() {
            Some(frame) => {
                let end = frame.place((frame.at + length).min(frame.text.len())).end;
                Span { end: end.max(mark.start.end), ..mark.start }
            }
            None => mark.start,
        }
    }

    /// How offsets of the next `length` bytes map to a file, for the value of a define. Continuations were taken out by
    /// the caller, who gives the pieces.
    pub(crate) fn origin(&mut self, pieces: &[(u32, u32)], whole: Span) -> Origin {
        match self.frames.last().map(|frame| &frame.kind) {
            Some(FrameKind::File(file)) => Origin::File { file: *file, pieces: pieces.into() },
            _ => Origin::Directive(whole),
        }
    }

    /// The offset of the position in the current file.
    pub(crate) fn offset(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.at as u32)
    }
}
