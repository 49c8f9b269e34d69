//! Lists of option tags: Require, Proxy-Require, Supported, Unsupported (RFC 3261 20.32, 20.29, 20.37, 20.40).

use std::fmt;

use smallvec::SmallVec;

use crate::{Str, scan};

/// `100rel, timer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionTags {
    /// The tags in order, of all headers of that name together.
    pub tags: SmallVec<[Str; 4]>,
}

impl OptionTags {
    /// Adds the value of one header. `None` when a tag is not a token.
    pub(crate) fn add(&mut self, text: &Str) -> Option<()> {
        for (start, end) in scan::split_commas(text) {
            if !text[start..end].iter().all(|&byte| scan::is_token(byte)) {
                return None;
            }
            self.tags.push(text.slice(start..end));
        }
        Some(())
    }

    /// Parses the value of one header; an empty one is a list without tags. `None` when a tag is not a token.
    pub fn parse(text: &Str) -> Option<Self> {
        let mut tags = Self::default();
        tags.add(text)?;
        Some(tags)
    }

    /// Whether `tag` is in the list, letters of either case.
    pub fn has(&self, tag: impl AsRef<[u8]>) -> bool {
        let tag = tag.as_ref();
        self.tags.iter().any(|known| known.eq_ignore_case(tag))
    }

    /// The tags in order.
    pub fn iter(&self) -> impl Iterator<Item = &Str> {
        self.tags.iter()
    }
}

impl fmt::Display for OptionTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tag) in self.tags.iter().enumerate() {
            write!(f, "{}{tag}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_tags() {
        let tags = OptionTags::parse(&Str::from("100rel ,timer,,Path")).unwrap();
        assert!(tags.has("path") && tags.has("TIMER") && !tags.has("outbound"));
        assert_eq!(tags.to_string(), "100rel, timer, Path");
        assert!(OptionTags::parse(&Str::from("")).unwrap().tags.is_empty());
        assert!(OptionTags::parse(&Str::from("a b")).is_none());
    }
}
