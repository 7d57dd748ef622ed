//! Names that occur again and again, kept once each.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A kept text: a client identifier, a topic, a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(u32);

impl TextId {
    /// The empty text; also what stands for texts past the bound.
    pub const NONE: Self = Self(0);
    /// What stands for every text that did not fit.
    pub const OTHER: Self = Self(1);

    /// Whether there is no text.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether two ids name the same text for certain.
    pub fn same(self, other: Self) -> bool {
        self == other && self != Self::OTHER && self != Self::NONE
    }
}

/// The texts of a timeline. Bounded in bytes: what does not fit is
/// [`TextId::OTHER`].
#[derive(Debug)]
pub struct Texts {
    ids: BTreeMap<Arc<str>, TextId>,
    all: Vec<Arc<str>>,
    bytes: usize,
    limit: usize,
}

/// What a kept text costs beside its bytes: two counters and what an allocation
/// takes, its place in the list, which may have grown to twice what is in it,
/// and in a map of which half is in use; and as much as a host in another map.
const OVERHEAD: usize = 128;

impl Texts {
    /// No texts, room for `limit` bytes of them with what keeping costs.
    pub fn new(limit: usize) -> Self {
        Self {
            ids: BTreeMap::new(),
            all: [Arc::from(""), Arc::from("(other)")].into(),
            bytes: 0,
            limit,
        }
    }

    /// Keeps a text, once.
    pub fn keep(&mut self, text: &str) -> TextId {
        if text.is_empty() {
            return TextId::NONE;
        }
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let cost = text.len().saturating_add(OVERHEAD);
        let (Ok(number), true) =
            (u32::try_from(self.all.len()), self.bytes.saturating_add(cost) <= self.limit)
        else {
            return TextId::OTHER;
        };
        let id = TextId(number);
        self.bytes += cost;
        let text: Arc<str> = text.into();
        self.all.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// A kept text.
    pub fn text(&self, id: TextId) -> &str {
        self.all.get(id.0 as usize).map_or("", |text| text)
    }
}
