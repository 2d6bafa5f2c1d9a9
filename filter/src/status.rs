//! The ABI's status codes that mean something here. Any other one is an error, whatever its number:
//! hosts answer with codes that no table lists, so a status is never an enum.

/// Done.
pub const OK: u32 = 0;
/// There is no such value.
pub const NOT_FOUND: u32 = 1;
/// The value was changed since it was read, or exists already.
pub const CAS_MISMATCH: u32 = 8;
