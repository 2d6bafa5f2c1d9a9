//! An allocator that counts: what a bundle holds, and how often a decision asks for memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counting. One a program, as its `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting {
    calls: AtomicUsize,
    held: AtomicUsize,
    most: AtomicUsize,
}

/// What was counted between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Allocations, with those that grow or shrink a piece.
    pub calls: usize,
    /// Bytes that are still held.
    pub held: usize,
    /// The most bytes that were held at a time, above those at the beginning.
    pub most: usize,
}

impl Counting {
    /// Nothing counted yet.
    #[expect(clippy::new_without_default, reason = "a static needs a constant")]
    pub const fn new() -> Self {
        Self { calls: AtomicUsize::new(0), held: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// What `work` allocates; other threads count as well.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (T, Counted) {
        let (calls, held) = (self.calls.load(Relaxed), self.held.load(Relaxed));
        self.most.store(held, Relaxed);
        let made = work();
        let counted = Counted {
            calls: self.calls.load(Relaxed) - calls,
            held: self.held.load(Relaxed).saturating_sub(held),
            most: self.most.load(Relaxed) - held,
        };
        (made, counted)
    }

    fn took(&self, bytes: usize) {
        self.calls.fetch_add(1, Relaxed);
        let held = self.held.fetch_add(bytes, Relaxed) + bytes;
        self.most.fetch_max(held, Relaxed);
    }

    fn gave(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: the caller's promises are the system's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        self.gave(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(piece, layout) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.took(size);
        self.gave(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(piece, layout, size) }
    }
}
