use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::*;
use crate::data::rules::{Rules, Table};

const NOW: UnixTime = UnixTime::from_secs(1_740_000_000);
const STORE: SharedStore = SharedStore { cold_margin_seconds: 2, bucket_bytes: 16_384 };

struct Host {
    table: RefCell<Table>,
    /// Answers every `get` and `set` with this status.
    broken: Cell<Option<u32>>,
    /// Finds nothing, whatever is there.
    blind: Cell<bool>,
    writes: Cell<u32>,
}

impl Host {
    fn new(rules: Rules) -> Self {
        Self {
            table: RefCell::new(Table::new(rules)),
            broken: Cell::new(None),
            blind: Cell::new(false),
            writes: Cell::new(0),
        }
    }

    fn begun() -> Self {
        let host = Self::new(Rules::Cpp);
        assert_eq!(STORE.begin(&host, NOW.minus(60)), Some(NOW.minus(60)));
        host
    }

    fn put(&self, key: &str, value: &[u8]) {
        assert_eq!(self.table.borrow_mut().set(key, value, 0), status::OK);
    }
}

impl SharedData for Host {
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        match self.broken.get() {
            Some(status) => Err(status),
            None if self.blind.get() => Err(status::NOT_FOUND),
            None => self.table.borrow().get(key),
        }
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32 {
        self.writes.set(self.writes.get() + 1);
        self.broken.get().unwrap_or_else(|| self.table.borrow_mut().set(key, value, cas))
    }
}

/// The `index`th of many passports that share bucket 0.
fn ticket(index: u64) -> Ticket {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&index.to_le_bytes());
    Ticket { id, issued_at: NOW, keep_until: NOW.plus(600) }
}

#[test]
fn a_passport_is_fresh_once_under_every_host_s_rules() {
    for rules in Rules::ALL {
        let host = Host::new(rules);
        assert_eq!(STORE.begin(&host, NOW.minus(60)), Some(NOW.minus(60)));
        assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Fresh, "{rules:?}");
        assert_eq!(STORE.consume_ticket(&host, &ticket(2), NOW), Consumed::Fresh, "{rules:?}");
        assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Replayed, "{rules:?}");
    }
}

#[test]
fn the_first_moment_holds_for_every_worker() {
    for rules in Rules::ALL {
        let host = Host::new(rules);
        assert_eq!(STORE.begin(&host, NOW), Some(NOW));
        assert_eq!(STORE.begin(&host, NOW.plus(50)), Some(NOW), "{rules:?}");
        assert_eq!(STORE.begin(&host, NOW.minus(50)), Some(NOW), "{rules:?}");
    }
}

#[test]
fn expired_entries_leave_on_write_and_live_ones_stay() {
    let host = Host::begun();
    for index in 0..3 {
        let ticket = Ticket { keep_until: NOW.plus(10 + index), ..ticket(index) };
        assert_eq!(STORE.consume_ticket(&host, &ticket, NOW), Consumed::Fresh);
    }
    assert_eq!(STORE.consume_ticket(&host, &ticket(3), NOW.plus(11)), Consumed::Fresh);
    let (value, _) = host.get(&bucket_key(0)).unwrap();
    let bucket = Bucket::read(value).unwrap();
    let held = (0..4).map(|index| bucket.holds(ticket(index).id.first_chunk().unwrap()));
    assert_eq!(held.collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn a_bucket_full_of_live_entries_denies_and_serves_again_once_they_expire() {
    let host = Host::begun();
    let store = SharedStore { bucket_bytes: 12 + 2 * 20, ..STORE };
    assert_eq!(store.consume_ticket(&host, &ticket(1), NOW), Consumed::Fresh);
    assert_eq!(store.consume_ticket(&host, &ticket(2), NOW), Consumed::Fresh);
    assert_eq!(store.consume_ticket(&host, &ticket(3), NOW), Consumed::Full);
    assert_eq!(store.consume_ticket(&host, &ticket(1), NOW), Consumed::Replayed);
    assert_eq!(store.consume_ticket(&host, &ticket(3), NOW.plus(600)), Consumed::Fresh);
}

#[test]
fn a_passport_from_before_the_store_s_beginning_is_cold() {
    let host = Host::new(Rules::Cpp);
    assert_eq!(STORE.begin(&host, NOW), Some(NOW));
    for (later, expected) in [(0, Consumed::Cold), (2, Consumed::Cold), (3, Consumed::Fresh)] {
        let ticket = Ticket { issued_at: NOW.plus(later), ..ticket(later) };
        assert_eq!(STORE.consume_ticket(&host, &ticket, NOW.plus(5)), expected, "{later} s later");
    }
}

#[test]
fn a_cold_passport_is_not_stored() {
    let host = Host::new(Rules::Cpp);
    assert_eq!(STORE.begin(&host, NOW), Some(NOW));
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Cold);
    assert_eq!(host.get(&bucket_key(0)), Err(status::NOT_FOUND));
}

#[test]
fn a_store_without_a_beginning_denies_and_begins() {
    let host = Host::new(Rules::Cpp);
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable);
    assert_eq!(began(&host), Ok(NOW));
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Cold);
    let later = Ticket { issued_at: NOW.plus(3), ..ticket(1) };
    assert_eq!(STORE.consume_ticket(&host, &later, NOW.plus(3)), Consumed::Fresh);
}

#[test]
fn a_store_that_was_emptied_admits_nothing_it_may_have_consumed() {
    let host = Host::begun();
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Fresh);
    *host.table.borrow_mut() = Table::new(Rules::Cpp);
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW.plus(1)), Consumed::Unavailable);
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW.plus(2)), Consumed::Cold);
}

#[test]
fn what_another_writer_left_is_neither_read_nor_replaced() {
    for value in [&b""[..], b"x", b"tpr1\0\0\0\0\0\0\0", b"tpr2\0\0\0\0\0\0\0\0", b"tpr1\0\0\0\0\0\0\0\0z"] {
        let host = Host::begun();
        host.put(&bucket_key(0), value);
        let writes = host.writes.get();
        assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable, "{value:?}");
        assert_eq!(host.writes.get(), writes);

        let host = Host::new(Rules::Cpp);
        host.put(BEGAN, value);
        assert_eq!(STORE.begin(&host, NOW), None);
        assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable);
    }
}

#[test]
fn a_read_without_a_swap_number_writes_nothing() {
    struct NoCas;
    impl SharedData for NoCas {
        fn get(&self, _key: &str) -> Result<(Vec<u8>, u32), u32> {
            Ok((Bucket::new(NOW.minus(60)).write(), 0))
        }
        fn set(&self, _key: &str, _value: &[u8], _cas: u32) -> u32 {
            panic!("a write with cas 0 overwrites what others stored");
        }
    }
    assert_eq!(STORE.consume_ticket(&NoCas, &ticket(1), NOW), Consumed::Unavailable);
}

#[test]
fn every_other_status_of_the_host_denies() {
    for status in (2..8).chain(9..16).chain([u32::MAX]) {
        let host = Host::begun();
        host.broken.set(Some(status));
        assert_eq!(STORE.begin(&host, NOW), None, "status {status}");
        assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable, "status {status}");
    }
}

#[test]
fn a_host_that_overwrites_and_finds_nothing_loses_no_entry() {
    let host = Host::begun();
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Fresh);
    host.blind.set(true);
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable);
    assert_eq!(STORE.begin(&host, NOW), None);
    host.blind.set(false);
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Replayed);
    assert_eq!(began(&host), Ok(NOW.minus(60)));
}

#[test]
fn a_write_that_never_wins_ends_in_a_denial() {
    struct Lost(Cell<u32>);
    impl SharedData for Lost {
        fn get(&self, _key: &str) -> Result<(Vec<u8>, u32), u32> {
            Ok((Bucket::new(NOW.minus(60)).write(), 7))
        }
        fn set(&self, _key: &str, _value: &[u8], _cas: u32) -> u32 {
            self.0.set(self.0.get() + 1);
            status::CAS_MISMATCH
        }
    }
    let host = Lost(Cell::new(0));
    assert_eq!(STORE.consume_ticket(&host, &ticket(1), NOW), Consumed::Unavailable);
    assert_eq!(host.0.get(), ATTEMPTS);
}

#[test]
fn a_time_beyond_2106_is_refused_not_cut() {
    let host = Host::begun();
    let ticket = Ticket { keep_until: UnixTime::from_secs(1 << 32), ..ticket(1) };
    assert_eq!(STORE.consume_ticket(&host, &ticket, NOW), Consumed::Unavailable);
}

#[test]
fn the_bucket_comes_from_bytes_that_are_not_kept() {
    let mut id = [0xff; 32];
    id[16] = 0x1a;
    id[17] = 0xbc;
    assert_eq!(place(&id), Some(("trustplane.replay.v1.abc".to_owned(), &[0xff; 16])));
    let keys: BTreeSet<String> = (0..=u16::MAX)
        .map(|part| {
            let mut id = [0; 32];
            id[16..18].copy_from_slice(&part.to_be_bytes());
            place(&id).unwrap().0
        })
        .collect();
    assert_eq!(keys.len(), usize::from(BUCKETS));
}

#[test]
fn no_two_keys_share_a_crc32() {
    fn crc32(key: &str) -> u32 {
        !key.bytes().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }
    assert_eq!(crc32("123456789"), 0xcbf4_3926);
    let mut sums: BTreeSet<u32> = (0..BUCKETS).map(|index| crc32(&bucket_key(index))).collect();
    sums.extend([crc32(BEGAN), crc32(crate::data::PROBE)]);
    assert_eq!(sums.len(), usize::from(BUCKETS) + 2);
}
