use std::ptr;

/// Memory that the host filled for us: it asked for it through the exported `malloc`, which gives
/// out a boxed slice of exactly that many bytes.
pub(super) struct Returned {
    pub(super) data: *mut u8,
    pub(super) size: usize,
}

impl Default for Returned {
    fn default() -> Self {
        Self { data: ptr::null_mut(), size: 0 }
    }
}

impl Returned {
    /// Takes ownership; whatever the status, so that nothing leaks.
    pub(super) fn take(self) -> Vec<u8> {
        if self.data.is_null() || self.size == 0 {
            return Vec::new();
        }
        // SAFETY: the host returns what `malloc` gave it for `size` bytes, filled; a boxed slice of
        // that length has the layout of a full vector of it, and nobody else owns it.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}
