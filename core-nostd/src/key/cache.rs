//! Keys that verified before, and what is kept of them.

mod settings;
mod tier;

use core::fmt;

use super::comb::{Comb, Powers};
use super::curve::Point;
use super::equation::{Equation, Solved};
use super::{KeyError, PublicKey};

use self::tier::{Entry, Tier};

pub use self::settings::KeyCacheSettings;

/// Keys that have verified signatures, and tables that make the next ones cheaper.
///
/// A host owns one per thread of work. By default it takes 16 MiB: three for the base point's table,
/// half of one for 1,024 keys without a table, 1.5 for wide tables of two busy keys, which issuers'
/// are, and the rest for 232 tables of 48 KiB.
///
/// Only a good signature leaves a trace here, so a stranger can neither fill the cache nor make it
/// build a table. When tables are short, the key that was used longest ago gives its table up, but
/// only to a key whose good signatures all came after that use: more callers than tables do not
/// make every request build one.
pub struct KeyCache {
    settings: KeyCacheSettings,
    /// Good signatures and warmed keys so far: the time of this cache.
    now: u64,
    base: Option<Comb>,
    /// Keys that are counted, keys with a table, busy keys.
    tiers: [Tier; 3],
}

/// A signature whose sums are made; whether it stands is known once it is settled.
#[must_use = "until it is settled, nobody signed anything"]
pub(crate) struct Pending {
    key: PublicKey,
    solved: Solved,
    /// What the signature says its encoding is.
    r: [u8; 32],
}

impl KeyCache {
    /// A cache that keeps nothing.
    pub fn none() -> Self {
        Self::new(KeyCacheSettings { max_bytes: 0, ..KeyCacheSettings::DEFAULT })
    }

    /// An empty cache.
    pub fn new(settings: KeyCacheSettings) -> Self {
        Self { settings, now: 0, base: None, tiers: settings.tiers() }
    }

    /// [`PublicKey::from_bytes`], without decoding a key that is known.
    pub fn key(&self, bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        self.known(bytes).map_or_else(|| PublicKey::from_bytes(bytes), Ok)
    }

    /// A key that made a good signature before.
    pub(crate) fn known(&self, bytes: &[u8; 32]) -> Option<PublicKey> {
        self.entry(bytes).map(|entry| entry.key.clone())
    }

    fn entry(&self, bytes: &[u8; 32]) -> Option<&Entry> {
        self.tiers.iter().rev().find_map(|tier| tier.held.peek(bytes))
    }

    fn table(&self, key: &PublicKey) -> Option<&Comb> {
        self.entry(key.as_bytes()).and_then(|entry| entry.comb.as_ref())
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
        let solved = equation.solve(key, self.base.as_ref(), self.table(key))?;
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

    /// Remembers a good signature, and lets its key rise by it.
    fn used(&mut self, key: &PublicKey) {
        self.now = self.now.saturating_add(1);
        let now = self.now;
        let touched = self.tiers.iter_mut().enumerate().rev().find_map(|(rank, tier)| {
            let entry = tier.held.touch(key.as_bytes(), now)?;
            entry.good = entry.good.saturating_add(1);
            Some((rank, entry.good, entry.since))
        });
        let Some((rank, good, since)) = touched else {
            self.admit(key);
            return;
        };
        let above = rank.saturating_add(1);
        let Some(tier) = self.tiers.get(above).filter(|tier| good >= tier.after && tier.max > 0) else {
            return;
        };
        let rises = tier.takes(good, since, now);
        if self.build_base() {
            return;
        }
        if rises && let Some(minus) = powers(key) {
            self.raise(key, &minus, above);
        } else if let Some(entry) = self.tiers.get_mut(rank).and_then(|tier| tier.held.touch(key.as_bytes(), now)) {
            (entry.good, entry.since) = (0, now);
        }
    }

    /// Begins to count for a key.
    fn admit(&mut self, key: &PublicKey) {
        let [counted, ..] = &mut self.tiers;
        if counted.max > 0 {
            counted.hold(key, None, 1, self.now);
        }
    }

    /// Builds a key's table ahead of its first signature, and the base point's if need be. Whether
    /// the key has one now: none is built where another would have to go, and none for a key with a
    /// part of small order.
    pub fn warm(&mut self, key: &PublicKey) -> bool {
        if self.table(key).is_some() {
            return true;
        }
        let [_, tables, _] = &self.tiers;
        if tables.held.len() >= tables.max {
            return false;
        }
        let Some(minus) = powers(key) else {
            return false;
        };
        self.now = self.now.saturating_add(1);
        self.build_base();
        self.raise(key, &minus, 1);
        true
    }

    /// How many keys have a table.
    pub fn tables(&self) -> usize {
        let [_, tables, busy] = &self.tiers;
        tables.held.len().saturating_add(busy.held.len())
    }

    /// The memory in use, by the same reckoning as the bound.
    pub fn bytes(&self) -> usize {
        let base = self.base.as_ref().map_or(0, |_| self.settings.base_bytes());
        self.tiers.iter().map(|tier| tier.held.len().saturating_mul(tier.each)).fold(base, usize::saturating_add)
    }

    /// Whether it had to be built: one table a call is enough.
    fn build_base(&mut self) -> bool {
        let missing = self.base.is_none();
        if missing {
            self.base = Powers::of(&Point::base()).and_then(|base| Comb::new(&base, self.settings.base_width()));
        }
        missing
    }

    /// Gives a key the table of a rank.
    fn raise(&mut self, key: &PublicKey, minus: &Powers, rank: usize) {
        for below in self.tiers.iter_mut().take(rank) {
            below.held.remove(key.as_bytes());
        }
        if let Some(tier) = self.tiers.get_mut(rank) {
            tier.hold(key, Some(minus), 0, self.now);
        }
    }
}

/// What a table of the key's negative is built from, if it can have one.
fn powers(key: &PublicKey) -> Option<Powers> {
    Powers::of(&key.minus.point()?)
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new(KeyCacheSettings::default())
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [counted, ..] = &self.tiers;
        f.debug_struct("KeyCache")
            .field("keys", &counted.held.len())
            .field("tables", &self.tables())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
