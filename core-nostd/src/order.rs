use alloc::vec::Vec;
use core::cmp::Ordering;

/// The places `0..len` in the order that `compare` gives them; equal ones stay as they stand.
///
/// The library's sort compiles to several KiB for each type it sorts, and the module has to be
/// small: this is the one type.
pub(crate) fn sorted(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}
