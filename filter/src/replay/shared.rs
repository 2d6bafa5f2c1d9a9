use trustplane_core::{Consumed, ReplayKey, UnixTime};

use super::bucket::{Bucket, read_moment, write_moment};
use crate::status;

/// How many keys hold the consumed passports. Fixed: another count would be another store, in which
/// everything that was consumed is fresh again.
const BUCKETS: u16 = 4096;

/// Under this key stands the moment at which the store began to remember.
const BEGAN: &str = "trustplane.replay.v1.began";

/// This key holds nothing: it shows what the host does when one that exists is set with 0.
const PROBE: &str = "trustplane.replay.v1.probe";

/// A compare-and-swap number that no read gave. On cpp-host and MOSN it makes `set` insert a missing
/// key and never touch one that exists, where 0 would overwrite it.
const NEVER_READ: u32 = u32::MAX;

/// Each lost race means that another worker won one, so this many need as many workers at once.
const ATTEMPTS: u32 = 64;

/// A host's shared data: one store for all workers of a process, with raw statuses.
pub trait SharedData {
    /// The value and its compare-and-swap number, or the status.
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32>;

    /// Stores a value if the number is still current; the status. What 0 means differs by host.
    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32;
}

/// The replay store of one process, in its host's shared data.
///
/// Hosts offer no delete and no expiry, so one key for each passport would leak the host's memory.
/// The passports lie in a fixed number of buckets instead; the expired leave on each write, and a
/// bucket that is full of live ones denies. At most `4096 × bucket_bytes` are held.
///
/// The store ends with its process. Passports from before it began are refused, for they may have
/// been consumed in an earlier one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SharedStore {
    /// How much later than the store's first moment a passport must be issued, in seconds.
    pub cold_margin_seconds: u64,
    /// The most bytes one bucket may hold.
    pub bucket_bytes: usize,
}

/// What a consume needs of a [`ReplayKey`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub id: [u8; 32],
    pub issued_at: UnixTime,
    pub keep_until: UnixTime,
}

/// What came of making a key.
enum Made {
    Here,
    Elsewhere,
    Failed,
}

impl SharedStore {
    /// Notes when the store began to remember, if nobody has, and returns that moment.
    ///
    /// Every worker asks, at configuration; the first one's moment holds for all. The value is read
    /// back: a host that drops what is stored must not look like one that keeps it.
    pub fn begin(self, data: &impl SharedData, now: UnixTime) -> Option<UnixTime> {
        match make(data, BEGAN, &write_moment(now)) {
            Made::Here | Made::Elsewhere => began(data).ok(),
            Made::Failed => None,
        }
    }

    /// Consumes a passport.
    pub fn consume(self, data: &impl SharedData, key: &ReplayKey, now: UnixTime) -> Consumed {
        self.consume_ticket(
            data,
            &Ticket { id: *key.id(), issued_at: key.issued_at(), keep_until: key.keep_until() },
            now,
        )
    }

    pub(super) fn consume_ticket(self, data: &impl SharedData, ticket: &Ticket, now: UnixTime) -> Consumed {
        let Some((key, id)) = place(&ticket.id) else {
            return Consumed::Unavailable;
        };
        for _ in 0..ATTEMPTS {
            let (mut bucket, cas) = match data.get(&key) {
                // With 0 the write below would overwrite what others stored since.
                Ok((_, 0)) => return Consumed::Unavailable,
                Ok((value, cas)) => match Bucket::read(&value) {
                    Some(bucket) => (bucket, Some(cas)),
                    None => return Consumed::Unavailable,
                },
                Err(status::NOT_FOUND) => match began(data) {
                    Ok(began) => (Bucket::new(began), None),
                    Err(status) => return self.without_beginning(data, status, now),
                },
                Err(_) => return Consumed::Unavailable,
            };
            if bucket.holds(id) {
                return Consumed::Replayed;
            }
            if ticket.issued_at <= bucket.began().plus(self.cold_margin_seconds) {
                return Consumed::Cold;
            }
            bucket.forget_expired(now);
            if bucket.remember(id, ticket.keep_until).is_none() {
                return Consumed::Unavailable;
            }
            let value = bucket.write();
            if value.len() > self.bucket_bytes {
                return Consumed::Full;
            }
            let stored = match cas {
                Some(cas) => swapped(data.set(&key, &value, cas)),
                None => make(data, &key, &value),
            };
            match stored {
                Made::Here => return Consumed::Fresh,
                Made::Elsewhere => {}
                Made::Failed => return Consumed::Unavailable,
            }
        }
        Consumed::Unavailable
    }

    /// No moment, no answer; where it was never noted (the clock failed at configuration) or the
    /// host emptied its store, memory begins with this request and serves the next.
    fn without_beginning(self, data: &impl SharedData, status: u32, now: UnixTime) -> Consumed {
        if status == status::NOT_FOUND {
            let _begun = self.begin(data, now);
        }
        Consumed::Unavailable
    }
}

/// The key of a passport's bucket, and the part of its id that is kept there: other bytes of it.
fn place(id: &[u8; 32]) -> Option<(String, &[u8; 16])> {
    let (kept, rest) = id.split_first_chunk::<16>()?;
    let index = u16::from_be_bytes(*rest.first_chunk()?) % BUCKETS;
    Some((bucket_key(index), kept))
}

/// Keys of equal length that differ in three neighbouring bytes alone: the CRC-32 by which
/// ngx_wasm_module tells keys apart differs for each of them.
fn bucket_key(index: u16) -> String {
    format!("trustplane.replay.v1.{index:03x}")
}

/// Reads the store's first moment; an unreadable one is an error of its own.
fn began(data: &impl SharedData) -> Result<UnixTime, u32> {
    let (value, _) = data.get(BEGAN)?;
    read_moment(&value).ok_or(status::OK)
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
fn make(data: &impl SharedData, key: &str, value: &[u8]) -> Made {
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

#[cfg(test)]
mod tests;
