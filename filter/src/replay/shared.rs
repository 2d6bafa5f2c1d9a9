use trustplane_core::{Consumed, ReplayKey, UnixTime};

use super::bucket::{Bucket, read_moment, write_moment};
use crate::data::{self, Made, SharedData};
use crate::status;

/// How many keys hold the consumed passports. Fixed: another count would be another store, in which
/// everything that was consumed is fresh again.
const BUCKETS: u16 = 4096;

/// Under this key stands the moment at which the store began to remember.
const BEGAN: &str = "trustplane.replay.v1.began";

/// Each lost race means that another worker won one, so this many need as many workers at once.
const ATTEMPTS: u32 = 64;

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

impl SharedStore {
    /// Notes when the store began to remember, if nobody has, and returns that moment.
    ///
    /// Every worker asks, at configuration; the first one's moment holds for all. The value is read
    /// back: a host that drops what is stored must not look like one that keeps it.
    pub fn begin(self, data: &impl SharedData, now: UnixTime) -> Option<UnixTime> {
        match data::make(data, BEGAN, &write_moment(now)) {
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
                Ok((value, cas)) => match Bucket::read(value) {
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
            match data::write(data, &key, &value, cas) {
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
    let digits = [index >> 8, index >> 4, index].map(|digits| char::from_digit(u32::from(digits & 0xf), 16));
    let mut key = String::with_capacity(24);
    key.push_str("trustplane.replay.v1.");
    digits.into_iter().flatten().for_each(|digit| key.push(digit));
    key
}

/// Reads the store's first moment; an unreadable one is an error of its own.
fn began(data: &impl SharedData) -> Result<UnixTime, u32> {
    let (value, _) = data.get(BEGAN)?;
    read_moment(&value).ok_or(status::OK)
}

#[cfg(test)]
mod tests;
