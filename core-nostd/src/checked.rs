use alloc::sync::Arc;

use crate::time::UnixTime;

/// A verified document and the moment it was last known to be current.
#[derive(Debug)]
pub struct Checked<T> {
    document: Arc<T>,
    checked_at: UnixTime,
}

impl<T> Checked<T> {
    /// A document that was verified, or told to be unchanged, at that moment.
    pub fn new(document: T, checked_at: UnixTime) -> Self {
        Self { document: Arc::new(document), checked_at }
    }

    /// The document.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// The last verified fetch or "not modified".
    pub const fn checked_at(&self) -> UnixTime {
        self.checked_at
    }

    /// The same document, known to be current until `now`; time never runs back.
    pub fn still_current(&self, now: UnixTime) -> Self {
        Self { document: Arc::clone(&self.document), checked_at: self.checked_at.max(now) }
    }
}

impl<T> Clone for Checked<T> {
    fn clone(&self) -> Self {
        self.still_current(self.checked_at)
    }
}
