use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use trustplane_core::{KeyCache, KeyCacheSettings};

/// The next thread's number.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// Keys that verified before, in as many caches as threads can run at once: none waits for another.
pub(super) struct Keys(Vec<Shard>);

struct Shard {
    cache: Mutex<KeyCache>,
    used: AtomicU64,
}

impl Default for Keys {
    fn default() -> Self {
        let shard = || Shard { cache: Mutex::new(KeyCache::new(KeyCacheSettings::default())), used: AtomicU64::new(0) };
        Self((0..available_parallelism().map_or(1, usize::from)).map(|_| shard()).collect())
    }
}

impl Keys {
    /// Lends this thread's cache, or another that nobody uses, or none at all.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut KeyCache) -> T) -> T {
        let first = NUMBER.with(|number| *number);
        for step in 0..self.0.len() {
            let Some(shard) = self.0.get(first.wrapping_add(step) % self.0.len()) else { continue };
            let cache = match shard.cache.try_lock() {
                Ok(cache) => Some(cache),
                // Tables are whole before they are stored: a panic leaves none half built.
                Err(std::sync::TryLockError::Poisoned(cache)) => Some(PoisonError::into_inner(cache)),
                Err(std::sync::TryLockError::WouldBlock) => None,
            };
            if let Some(mut cache) = cache {
                shard.used.fetch_add(1, Ordering::Relaxed);
                return work(&mut cache);
            }
        }
        work(&mut KeyCache::none())
    }

    /// How often each was lent.
    pub(super) fn shares(&self) -> Vec<u64> {
        self.0.iter().map(|shard| shard.used.load(Ordering::Relaxed)).collect()
    }
}
