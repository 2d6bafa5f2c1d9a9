use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use trustplane_core::UnixTime;

/// A lifetime's nonces are forgotten in so many steps, each a whole table at once: what is never
/// removed singly leaves no gaps that make a table grow.
const GENERATIONS: u64 = 8;

/// The nonces that were used, each at least as long as a passport issued with it can live.
///
/// Bounded: `capacity` nonces are remembered at once, in at most [`Nonces::memory_bound`] bytes. At
/// the bound nothing is issued, since forgetting one would let it be used again.
#[derive(Debug)]
pub struct Nonces {
    capacity: usize,
    /// Keyed at random: nobody can look for nonces with one print. Two by chance (one in 2^44 with
    /// a million remembered) cost a denial.
    keyed: RandomState,
    used: Mutex<Used>,
}

#[derive(Debug)]
struct Used {
    generations: VecDeque<Generation>,
    len: usize,
    /// The latest moment seen: a clock that is set back must not bring a nonce back.
    now: UnixTime,
}

/// Nonces that are forgotten together.
#[derive(Debug)]
struct Generation {
    open_until: UnixTime,
    keep_until: UnixTime,
    prints: HashSet<u64, BuildHasherDefault<AsIs>>,
}

/// What became of a nonce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// It was not used before, and now it is.
    First,
    /// As many as can be are remembered.
    Full,
    /// It was used before.
    Stale,
}

impl Nonces {
    /// A memory of at most `capacity` nonces.
    pub fn new(capacity: usize) -> Self {
        let used = Used { generations: VecDeque::new(), len: 0, now: UnixTime::from_secs(0) };
        Self { capacity, keyed: RandomState::new(), used: Mutex::new(used) }
    }

    /// Uses a nonce, which stays used until at least `keep_seconds` after `now`.
    pub fn consume(&self, nonce: &str, keep_seconds: u64, now: UnixTime) -> Use {
        let print = self.keyed.hash_one(nonce);
        let mut used = self.lock();
        used.advance(now);
        if used.generations.iter().any(|generation| generation.prints.contains(&print)) {
            return Use::Stale;
        }
        if used.len >= self.capacity {
            return Use::Full;
        }
        used.remember(print, keep_seconds);
        Use::First
    }

    /// How many are remembered.
    pub fn remembered(&self) -> usize {
        self.lock().len
    }

    /// How many can be remembered.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The most bytes that `capacity` nonces take: `capacity × 9 × 16/7 × 3/2`.
    ///
    /// Eight bytes and a tag a slot; slots are a power of two and at most 7/8 full; while a table
    /// grows, its old half stands beside it. The capacity that is needed is issues a second × the
    /// longest TTL × 9/8.
    pub const fn memory_bound(capacity: usize) -> usize {
        capacity.saturating_mul(9 * 16 * 3).div_ceil(7 * 2)
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn advance(&mut self, now: UnixTime) {
        self.now = self.now.max(now);
        while let Some(old) = self.generations.pop_front_if(|oldest| oldest.keep_until <= self.now) {
            self.len = self.len.saturating_sub(old.prints.len());
        }
    }

    fn remember(&mut self, print: u64, keep_seconds: u64) {
        let keep_until = self.now.plus(keep_seconds);
        self.len = self.len.saturating_add(1);
        match self.generations.back_mut() {
            Some(open) if self.now < open.open_until => {
                open.keep_until = open.keep_until.max(keep_until);
                open.prints.insert(print);
            }
            _ => self.generations.push_back(Generation {
                open_until: self.now.plus(keep_seconds.div_ceil(GENERATIONS)),
                keep_until,
                prints: HashSet::from_iter([print]),
            }),
        }
    }
}

/// Prints are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, print: u64) {
        self.0 = print;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: UnixTime = UnixTime::from_secs(1_750_000_000);

    #[test]
    fn a_nonce_is_good_once_until_it_expires() {
        let nonces = Nonces::new(8);
        assert_eq!(nonces.consume("a", 300, T), Use::First);
        assert_eq!(nonces.consume("a", 300, T), Use::Stale);
        assert_eq!(nonces.consume("b", 300, T.plus(100)), Use::First);
        assert_eq!(nonces.consume("a", 300, T.plus(299)), Use::Stale);
        assert_eq!(nonces.consume("a", 300, T.plus(300)), Use::First);
        assert_eq!(nonces.consume("b", 300, T.plus(399)), Use::Stale);
        assert_eq!(nonces.remembered(), 2);
    }

    #[test]
    fn nonces_of_one_generation_live_as_long_as_the_last_of_them_needs() {
        let nonces = Nonces::new(8);
        assert_eq!(nonces.consume("a", 300, T), Use::First);
        assert_eq!(nonces.consume("b", 300, T.plus(30)), Use::First);
        assert_eq!(nonces.consume("b", 300, T.plus(329)), Use::Stale);
        assert_eq!(nonces.consume("b", 300, T.plus(330)), Use::First);
    }

    #[test]
    fn a_shorter_lifetime_after_a_reload_shortens_no_earlier_promise() {
        let nonces = Nonces::new(8);
        assert_eq!(nonces.consume("a", 900, T), Use::First);
        assert_eq!(nonces.consume("b", 60, T.plus(1)), Use::First);
        assert_eq!(nonces.consume("a", 60, T.plus(899)), Use::Stale);
    }

    #[test]
    fn a_full_memory_forgets_nothing_that_lives() {
        let nonces = Nonces::new(2);
        assert_eq!(nonces.consume("a", 300, T), Use::First);
        assert_eq!(nonces.consume("b", 300, T.plus(100)), Use::First);
        assert_eq!(nonces.consume("c", 300, T.plus(200)), Use::Full);
        assert_eq!(nonces.consume("a", 300, T.plus(200)), Use::Stale);
        assert_eq!(nonces.consume("c", 300, T.plus(300)), Use::First);
        assert_eq!(nonces.consume("d", 300, T.plus(300)), Use::Full);
    }

    #[test]
    fn a_clock_set_back_brings_no_nonce_back() {
        let nonces = Nonces::new(8);
        assert_eq!(nonces.consume("a", 300, T.plus(1000)), Use::First);
        assert_eq!(nonces.consume("b", 300, T), Use::First);
        assert_eq!(nonces.consume("b", 300, T.plus(301)), Use::Stale, "kept from the latest moment seen");
        assert_eq!(nonces.consume("b", 300, T.plus(1300)), Use::First);
    }

    #[test]
    fn tables_stay_within_the_bound_under_churn() {
        let nonces = Nonces::new(4096);
        let mut issued = 0;
        for step in 0..40_000u64 {
            issued += u32::from(nonces.consume(&step.to_string(), 300, T.plus(step / 10)) == Use::First);
        }
        assert_eq!(issued, 40_000);
        let used = nonces.lock();
        // hashbrown keeps at most 7/8 of its slots full, so its slots are at most 8/7 of that, rounded up.
        let slots: usize = used.generations.iter().map(|g| (g.prints.capacity() * 8 / 7).next_power_of_two()).sum();
        assert!(slots * 9 <= Nonces::memory_bound(4096), "{slots} slots");
        assert!(used.len <= 3000 * 9 / 8 + 10, "{} remembered of 3000 that live", used.len);
    }

    #[test]
    fn the_memory_bound_follows_its_formula() {
        assert_eq!(Nonces::memory_bound(1 << 20), 32_356_060);
        assert_eq!(Nonces::memory_bound(7), 216);
    }
}
