use core::fmt;

use super::comb::{Comb, Rows, Width};
use super::curve::Point;
use super::equation::{Equation, Solved};
use super::recent::Recent;
use super::{KeyError, PublicKey};

/// How much memory a [`KeyCache`] may take, and when it spends it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyCacheSettings {
    /// The most that keys and tables take together. At 0 nothing is kept.
    pub max_bytes: usize,
    /// The width of a key's table.
    pub key_width: Width,
    /// The width of the base point's table.
    pub base_width: Width,
    /// A key's table is built at this many good signatures.
    pub build_after: u32,
}

/// Keys that have verified signatures, and tables that make the next ones cheaper.
///
/// A host owns one per thread of work. By default it takes 16 MiB: 512 KiB for the base point's
/// table, as much for 1,024 keys without a table, and the rest for 173 tables of 88 KiB.
///
/// Only a good signature leaves a trace here, so a stranger can neither fill the cache nor make it
/// build a table. When tables are short, the key that was used longest ago gives its table up, but
/// only to a key whose good signatures all came after that use: more callers than tables do not
/// make every request build one.
pub struct KeyCache {
    settings: KeyCacheSettings,
    /// Good signatures so far: the time of this cache.
    now: u64,
    base: Option<Comb>,
    keys: Recent<Counted>,
    tables: Recent<Prepared>,
}

/// A signature whose sums are made; whether it stands is known once it is settled.
#[must_use = "until it is settled, nobody signed anything"]
pub(crate) struct Pending {
    key: PublicKey,
    solved: Solved,
    /// What the signature says its encoding is.
    r: [u8; 32],
}

/// A key on its way to a table.
struct Counted {
    key: PublicKey,
    good: u32,
    /// When the count began.
    since: u64,
}

struct Prepared {
    key: PublicKey,
    /// Of the key's negative.
    comb: Comb,
}

/// What a key without a table takes, its share of the lists included.
const KEY_BYTES: usize = 512;

impl Default for KeyCacheSettings {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, key_width: Width::KEY, base_width: Width::BASE, build_after: 6 }
    }
}

impl KeyCacheSettings {
    /// What a thirty-second of the memory holds.
    const fn max_keys(&self) -> usize {
        self.max_bytes / 32 / KEY_BYTES
    }

    const fn base_bytes(&self) -> usize {
        self.base_width.table_bytes(Rows::All)
    }

    const fn key_bytes(&self) -> usize {
        self.key_width.table_bytes(Rows::Even).saturating_add(KEY_BYTES)
    }

    fn max_tables(&self) -> usize {
        let fixed = self.max_keys().saturating_mul(KEY_BYTES).saturating_add(self.base_bytes());
        let each = self.key_bytes();
        self.max_bytes.saturating_sub(fixed).checked_div(each).unwrap_or(0)
    }
}

impl KeyCache {
    /// A cache that keeps nothing.
    pub const fn none() -> Self {
        Self::new(KeyCacheSettings { max_bytes: 0, key_width: Width::KEY, base_width: Width::BASE, build_after: 6 })
    }

    /// An empty cache.
    pub const fn new(settings: KeyCacheSettings) -> Self {
        Self { settings, now: 0, base: None, keys: Recent::new(), tables: Recent::new() }
    }

    /// [`PublicKey::from_bytes`], without decoding a key that is known.
    pub fn key(&self, bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        self.known(bytes).map_or_else(|| PublicKey::from_bytes(bytes), Ok)
    }

    /// A key that made a good signature before.
    pub(crate) fn known(&self, bytes: &[u8; 32]) -> Option<PublicKey> {
        let prepared = self.tables.peek(bytes).map(|prepared| &prepared.key);
        prepared.or_else(|| self.keys.peek(bytes).map(|counted| &counted.key)).cloned()
    }

    /// [`PublicKey::verify`], from tables where there are any. Builds at most one table.
    #[must_use]
    pub fn verify(&mut self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.begin(key, message, signature).is_some_and(|pending| self.settle(&pending))
    }

    /// The sums of a verification, from tables where there are any; nothing if no key could have
    /// made the signature.
    pub(crate) fn begin(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Option<Pending> {
        let equation = Equation::read(key, message, signature)?;
        let table = self.tables.peek(key.as_bytes()).map(|prepared| &prepared.comb);
        let solved = equation.solve(key, self.base.as_ref(), table)?;
        Some(Pending { key: key.clone(), solved, r: equation.r })
    }

    /// Whether the signature stands.
    pub(crate) fn settle(&mut self, pending: &Pending) -> bool {
        self.compare(pending, &pending.solved.encode())
    }

    /// Whether each of two signatures stands, for little more than the price of one. The second of
    /// which the first fails was vouched for by nobody: it is not looked at, and leaves no trace.
    pub(crate) fn settle_both(&mut self, first: &Pending, second: &Pending) -> (bool, bool) {
        let (one, two) = Solved::encode_both(&first.solved, &second.solved);
        let stands = self.compare(first, &one);
        (stands, stands && self.compare(second, &two))
    }

    fn compare(&mut self, pending: &Pending, encoded: &[u8; 32]) -> bool {
        let stands = *encoded == pending.r;
        if stands {
            self.used(&pending.key);
        }
        stands
    }

    /// Remembers a good signature.
    fn used(&mut self, key: &PublicKey) {
        self.now = self.now.saturating_add(1);
        if self.tables.touch(key.as_bytes(), self.now).is_none() {
            self.count(key);
        }
    }

    /// Builds a key's table ahead of its first signature, and the base point's if need be. Whether
    /// the key has one now: none is built where another would have to go.
    pub fn warm(&mut self, key: &PublicKey) -> bool {
        if self.tables.peek(key.as_bytes()).is_some() {
            return true;
        }
        if self.tables.len() >= self.settings.max_tables() {
            return false;
        }
        self.now = self.now.saturating_add(1);
        self.build_base();
        self.build(key);
        true
    }

    /// How many keys have a table.
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// The memory in use, by the same reckoning as the bound.
    pub fn bytes(&self) -> usize {
        let base = self.base.as_ref().map_or(0, |_| self.settings.base_bytes());
        let each = self.settings.key_bytes();
        let keys = self.keys.len().saturating_mul(KEY_BYTES);
        self.tables.len().saturating_mul(each).saturating_add(keys).saturating_add(base)
    }

    /// Counts a good signature of a key that has no table.
    fn count(&mut self, key: &PublicKey) {
        let now = self.now;
        let Some(counted) = self.keys.touch(key.as_bytes(), now) else {
            self.admit(key);
            return;
        };
        counted.good = counted.good.saturating_add(1);
        let (good, since) = (counted.good, counted.since);
        if good < self.settings.build_after || self.settings.max_tables() == 0 || self.build_base() {
            return;
        }
        if self.tables.len() >= self.settings.max_tables() {
            if self.tables.oldest().is_none_or(|used_at| used_at >= since) {
                self.keys.insert(*key.as_bytes(), Counted { key: key.clone(), good: 0, since: now }, now);
                return;
            }
            self.tables.remove_oldest();
        }
        self.build(key);
    }

    /// Begins to count for a key.
    fn admit(&mut self, key: &PublicKey) {
        if self.settings.max_keys() == 0 {
            return;
        }
        if self.keys.len() >= self.settings.max_keys() {
            self.keys.remove_oldest();
        }
        let counted = Counted { key: key.clone(), good: 1, since: self.now };
        self.keys.insert(*key.as_bytes(), counted, self.now);
    }

    /// Whether it had to be built: one table a call is enough.
    fn build_base(&mut self) -> bool {
        let missing = self.base.is_none();
        if missing {
            self.base = Some(Comb::new(&Point::base(), self.settings.base_width, Rows::All));
        }
        missing
    }

    fn build(&mut self, key: &PublicKey) {
        let Some(minus) = key.minus.point() else {
            return;
        };
        self.keys.remove(key.as_bytes());
        let comb = Comb::new(&minus, self.settings.key_width, Rows::Even);
        self.tables.insert(*key.as_bytes(), Prepared { key: key.clone(), comb }, self.now);
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new(KeyCacheSettings::default())
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache")
            .field("keys", &self.keys.len())
            .field("tables", &self.tables.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
