//! The host's shared data, and the one way to write it that means the same on every host.

#[cfg(test)]
pub(crate) mod rules;

use crate::status;

/// This key holds nothing: it shows what the host does when one that exists is set with 0.
pub(crate) const PROBE: &str = "trustplane.replay.v1.probe";

/// A compare-and-swap number that no read gave. On cpp-host and MOSN it makes `set` insert a missing
/// key and never touch one that exists, where 0 would overwrite it.
const NEVER_READ: u32 = u32::MAX;

/// A host's shared data: one store for all workers of a process, with raw statuses.
pub trait SharedData {
    /// The value and its compare-and-swap number, or the status.
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32>;

    /// Stores a value if the number is still current; the status. What 0 means differs by host.
    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32;
}

/// What came of writing a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Made {
    /// The value is there.
    Here,
    /// Another worker's value is.
    Elsewhere,
    /// The host failed.
    Failed,
}

/// Writes a key as it was read: with that compare-and-swap number, or as one that was missing.
pub fn write(data: &impl SharedData, key: &str, value: &[u8], read: Option<u32>) -> Made {
    match read {
        // With 0 this would overwrite what others stored since.
        Some(0) => Made::Failed,
        Some(cas) => swapped(data.set(key, value, cas)),
        None => make(data, key, value),
    }
}

/// Makes a key unless it exists, atomically, whatever the host takes 0 and other numbers to mean.
///
/// | `set` of a missing key | cpp-host (Envoy) | MOSN | ngx_wasm_module |
/// | --- | --- | --- | --- |
/// | with a number never read | inserts | inserts | mismatch |
/// | with 0 | inserts | inserts | inserts |
///
/// | `set` of a key that exists | | | |
/// | --- | --- | --- | --- |
/// | with a number never read | mismatch | mismatch | mismatch |
/// | with 0 | **overwrites** | mismatch | mismatch |
///
/// So 0 is used only where a mismatch was given for a key that is still missing, and the host shows
/// that it does not overwrite: should it have lied about the missing key, entries would be lost.
pub fn make(data: &impl SharedData, key: &str, value: &[u8]) -> Made {
    match swapped(data.set(key, value, NEVER_READ)) {
        Made::Elsewhere => match data.get(key) {
            Ok(_) => Made::Elsewhere,
            Err(status::NOT_FOUND) if keeps_what_exists(data) => swapped(data.set(key, value, 0)),
            Err(_) => Made::Failed,
        },
        made => made,
    }
}

/// Whether 0 never overwrites. By the second time at the latest, the key exists.
fn keeps_what_exists(data: &impl SharedData) -> bool {
    let _exists_now = data.set(PROBE, b"", 0);
    data.set(PROBE, b"", 0) == status::CAS_MISMATCH
}

fn swapped(status: u32) -> Made {
    match status {
        status::OK => Made::Here,
        status::CAS_MISMATCH => Made::Elsewhere,
        _ => Made::Failed,
    }
}
