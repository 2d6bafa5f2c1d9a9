use super::super::PublicKey;
use super::super::comb::{Comb, Powers, Width};
use super::super::recent::Recent;

/// Keys of one rank. A key rises from one to the next by its good signatures alone.
pub(super) struct Tier {
    pub held: Recent<Entry>,
    /// The most keys.
    pub max: usize,
    /// What one takes.
    pub each: usize,
    /// What it has here.
    pub table: Option<Width>,
    /// So many good signatures in the rank below bring it here,
    pub after: u32,
    /// if they were at least one in so many of all keys' together.
    pub one_in: u64,
}

/// A key that made good signatures.
pub(super) struct Entry {
    pub key: PublicKey,
    /// Of the key's negative.
    pub comb: Option<Comb>,
    /// Good signatures since the count began.
    pub good: u32,
    /// When that was.
    pub since: u64,
}

/// What a key without a table takes, its share of the lists included.
pub(super) const KEY_BYTES: usize = 512;

impl Tier {
    /// As many keys with such a table as fit into `bytes`.
    pub fn new(bytes: usize, table: Option<Width>) -> Self {
        let each = table.map_or(0, Width::table_bytes).saturating_add(KEY_BYTES);
        let max = bytes.checked_div(each).unwrap_or(0);
        Self { held: Recent::new(), max, each, table, after: 0, one_in: u64::MAX }
    }

    /// The most memory.
    pub fn max_bytes(&self) -> usize {
        self.max.saturating_mul(self.each)
    }

    /// Whether a key may rise to here that made `good` of all signatures from `since` to `now`: into
    /// an empty place, or that of a key which was not used in all that time.
    pub fn takes(&self, good: u32, since: u64, now: u64) -> bool {
        let all = now.saturating_sub(since);
        u64::from(good).saturating_mul(self.one_in) >= all
            && (self.held.len() < self.max || self.held.oldest().is_some_and(|used_at| used_at < since))
    }

    /// Takes a key with `good` signatures of its count, in the place of whoever was used longest ago,
    /// if need be; `minus` is its negative, where it shall have a table.
    pub fn hold(&mut self, key: &PublicKey, minus: Option<&Powers>, good: u32, now: u64) {
        if self.held.len() >= self.max {
            self.held.remove_oldest();
        }
        let comb = minus.zip(self.table).and_then(|(minus, width)| Comb::new(minus, width));
        self.held.insert(*key.as_bytes(), Entry { key: key.clone(), comb, good, since: now }, now);
    }
}
