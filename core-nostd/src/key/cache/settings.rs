use super::super::comb::Width;
use super::tier::{KEY_BYTES, Tier};

/// How much memory a [`KeyCache`](super::KeyCache) may take, and when it spends it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyCacheSettings {
    /// The most that keys and tables take together. At 0 nothing is kept.
    pub max_bytes: usize,
    /// The width of a key's table.
    pub key_width: Width,
    /// The width of the base point's table; it is narrower where that takes more than a quarter.
    pub base_width: Width,
    /// The width of a busy key's table; it is narrower where that takes more than an eighth.
    pub busy_width: Width,
    /// A key's table is built at this many good signatures.
    pub build_after: u32,
}

/// A wide table takes three milliseconds to build and saves more than two microseconds a signature.
pub(super) const BUSY_AFTER: u32 = 512;

/// A key is busy that makes one in so many of all good signatures.
pub(super) const BUSY_SHARE: u64 = 8;

impl KeyCacheSettings {
    /// 16 MiB.
    pub(super) const DEFAULT: Self = Self {
        max_bytes: 16 << 20,
        key_width: Width::KEY,
        base_width: Width::BASE,
        busy_width: Width::BUSY,
        build_after: 6,
    };

    /// As wide as was asked for, if that takes no more than a quarter.
    pub(super) fn base_width(&self) -> Width {
        self.base_width.within(self.max_bytes / 4)
    }

    pub(super) fn base_bytes(&self) -> usize {
        self.base_width().table_bytes()
    }

    /// Keys that are counted, keys with a table, and busy keys.
    pub(super) fn tiers(&self) -> [Tier; 3] {
        let counted = Tier::new(self.max_bytes / 32, None);
        let busy_bytes = self.max_bytes / 8;
        let busy = Tier::new(busy_bytes, Some(self.busy_width.within(busy_bytes.saturating_sub(KEY_BYTES))));
        let taken = self.base_bytes().saturating_add(counted.max_bytes()).saturating_add(busy.max_bytes());
        let tables = Tier::new(self.max_bytes.saturating_sub(taken), Some(self.key_width));
        [counted, Tier { after: self.build_after, ..tables }, Tier { after: BUSY_AFTER, one_in: BUSY_SHARE, ..busy }]
    }
}

impl Default for KeyCacheSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}
