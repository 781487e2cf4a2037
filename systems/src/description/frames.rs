//! How peers cut what they say into frames.

use std::sync::Arc;

use nemesis::FrameKind;
use nemesis::hands::{self, FrameForm, Prefix};
use schemars::JsonSchema;
use serde::Deserialize;

/// How peers cut what they say to each other into frames, and what kinds of them are known by: with it a schedule stops a link
/// after so many of a kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Frames {
    /// How the length in front of a frame is written.
    pub length: Length,
    /// Whether the length counts its own bytes, too.
    #[serde(default)]
    pub counts_itself: bool,
    /// What the rest of each frame is packed with.
    #[serde(default)]
    pub packed: Packed,
    /// What a candidate's request for a vote is known by.
    pub request_vote: Option<Mark>,
    /// What a vote is known by.
    pub vote: Option<Mark>,
    /// What an AppendEntries is known by that carries as many entries as go into one.
    pub batch: Option<Mark>,
    /// What an AppendEntries is known by that carries entries.
    pub entries: Option<Mark>,
    /// What any AppendEntries is known by, a heartbeat too.
    pub append: Option<Mark>,
    /// How long a value is, in letters that hardly can be packed, whose entry fills a batch: the entries before it travel with it, and
    /// those behind it do not. For systems whose new leader appends an entry of its own at once.
    pub filler: Option<u64>,
}

/// How a length is written: its bits, and which of its bytes comes first.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// 16 bits, the least byte first.
    U16Le,
    /// 16 bits, the greatest byte first.
    U16Be,
    /// 32 bits, the least byte first.
    U32Le,
    /// 32 bits, the greatest byte first.
    U32Be,
    /// 64 bits, the least byte first.
    U64Le,
    /// 64 bits, the greatest byte first.
    U64Be,
}

/// What frames are packed with.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Packed {
    /// Nothing.
    #[default]
    Plain,
    /// A zlib stream for each frame (RFC 1950).
    Zlib,
}

/// What a kind of frames is known by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mark {
    /// What occurs in the first kilobyte of it, unpacked.
    #[serde(default)]
    pub has: String,
    /// How many bytes it has at least, packed and with its length.
    #[serde(default)]
    pub at_least: usize,
}

impl Frames {
    /// The same as the hands know it.
    pub(crate) fn form(&self) -> Arc<FrameForm> {
        let (bytes, little_endian) = match self.length {
            Length::U16Le => (2, true),
            Length::U16Be => (2, false),
            Length::U32Le => (4, true),
            Length::U32Be => (4, false),
            Length::U64Le => (8, true),
            Length::U64Be => (8, false),
        };
        let kinds = [
            (FrameKind::RequestVote, &self.request_vote),
            (FrameKind::RequestVoteReply, &self.vote),
            (FrameKind::Batch, &self.batch),
            (FrameKind::AppendEntries, &self.entries),
            (FrameKind::Append, &self.append),
        ];
        let kinds = kinds.into_iter().filter_map(|(kind, mark)| {
            let Mark { has, at_least } = mark.clone()?;
            Some((kind, hands::Mark { has, at_least }))
        });
        Arc::new(FrameForm {
            length: Prefix {
                bytes,
                little_endian,
                counts_itself: self.counts_itself,
            },
            packed: match self.packed {
                Packed::Plain => hands::Packed::Plain,
                Packed::Zlib => hands::Packed::Zlib,
            },
            kinds: kinds.collect(),
        })
    }
}
