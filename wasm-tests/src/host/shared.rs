//! Shared data: one store for all the VMs ("workers") that are given it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Status;

/// How a host decides a `set`. The ABI says only that a non-zero `cas` must
/// match, and nothing about absent keys, so hosts differ where replay
/// protection needs them to agree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CasRule {
    /// proxy-wasm-cpp-host: zero overwrites, and any other value inserts an
    /// absent key.
    Overwrite,
    /// ngx_wasm_module: zero inserts only, any other value updates only. Keys
    /// are told apart by their CRC-32 alone.
    InsertOrUpdate,
    /// MOSN: zero inserts only, and any other value also inserts an absent key.
    Insert,
}

impl CasRule {
    fn admits(self, present: Option<u32>, cas: u32) -> bool {
        match (present, self) {
            (None, Self::Overwrite | Self::Insert) => true,
            (None, Self::InsertOrUpdate) => cas == 0,
            (Some(_), Self::Overwrite) if cas == 0 => true,
            (Some(held), _) => held == cas,
        }
    }

    fn key(self, key: &[u8]) -> Vec<u8> {
        match self {
            Self::InsertOrUpdate => crc32(key).to_be_bytes().to_vec(),
            Self::Overwrite | Self::Insert => key.to_vec(),
        }
    }
}

/// A store that clones share, split by `vm_id` as on the real hosts.
#[derive(Clone, Debug, Default)]
pub struct SharedStore {
    data: Arc<Mutex<Data>>,
}

#[derive(Debug, Default)]
struct Data {
    entries: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedStore {
    /// The value and its `cas`, or `NotFound`.
    pub fn get(&self, rule: CasRule, vm_id: &str, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        let at = (vm_id.to_owned(), rule.key(key));
        self.lock().entries.get(&at).cloned().ok_or(Status::NotFound)
    }

    /// No value deletes the key where the rule knows deletion, else it stores
    /// an empty value.
    pub fn set(&self, rule: CasRule, vm_id: &str, key: &[u8], value: Option<&[u8]>, cas: u32) -> Result<(), Status> {
        let at = (vm_id.to_owned(), rule.key(key));
        let mut data = self.lock();
        let present = data.entries.get(&at).map(|(_, held)| *held);
        if !rule.admits(present, cas) {
            return Err(Status::CasMismatch);
        }
        if value.is_none() && rule == CasRule::InsertOrUpdate {
            data.entries.remove(&at);
            return Ok(());
        }
        // Zero means "no cas" to every host, so the counter steps over it.
        data.last_cas = data.last_cas.checked_add(1).unwrap_or(1);
        let held = data.last_cas;
        data.entries.insert(at, (value.unwrap_or_default().to_vec(), held));
        Ok(())
    }

    /// Drops every key, as a restart of the process does.
    pub fn clear(&self) {
        self.lock().entries.clear();
    }

    /// Drops one key, as an evicting store does. False if it was not there.
    pub fn evict(&self, rule: CasRule, vm_id: &str, key: &[u8]) -> bool {
        let at = (vm_id.to_owned(), rule.key(key));
        self.lock().entries.remove(&at).is_some()
    }

    /// The keys as stored, in order.
    pub fn keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        let data = self.lock();
        let own = data.entries.keys().filter(|(owner, _)| owner == vm_id);
        own.map(|(_, key)| key.clone()).collect()
    }

    /// Bytes of all the values: what a leak would grow.
    pub fn bytes(&self) -> usize {
        let data = self.lock();
        data.entries.values().map(|(value, _)| value.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().expect("no test panics inside the store")
    }
}

/// CRC-32 as in IEEE 802.3, which nginx uses.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    let feed = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), step);
    !bytes.iter().fold(u32::MAX, feed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Absent with 0; absent with any; present with 0; stale; right.
    fn table(rule: CasRule) -> [Result<(), Status>; 5] {
        let set = |store: &SharedStore, key: &[u8], cas| store.set(rule, "vm", key, Some(b"v"), cas);
        let store = SharedStore::default();
        let absent = set(&store, b"a", 0);
        let absent_any = set(&store, b"b", u32::MAX);
        let over = set(&store, b"a", 0);
        let (_, cas) = store.get(rule, "vm", b"a").expect("the first set inserted");
        let stale = set(&store, b"a", cas + 100);
        let right = set(&store, b"a", cas);
        [absent, absent_any, over, stale, right]
    }

    #[test]
    fn cpp_host_overwrites_on_zero_and_inserts_on_any_cas() {
        let mismatch = Err(Status::CasMismatch);
        assert_eq!(table(CasRule::Overwrite), [Ok(()), Ok(()), Ok(()), mismatch, Ok(())]);
    }

    #[test]
    fn ngx_inserts_on_zero_only_and_updates_on_the_right_cas_only() {
        let mismatch = Err(Status::CasMismatch);
        let expected = [Ok(()), mismatch, mismatch, mismatch, Ok(())];
        assert_eq!(table(CasRule::InsertOrUpdate), expected);
    }

    #[test]
    fn mosn_inserts_on_any_cas_and_never_overwrites_on_zero() {
        let mismatch = Err(Status::CasMismatch);
        let expected = [Ok(()), Ok(()), mismatch, mismatch, Ok(())];
        assert_eq!(table(CasRule::Insert), expected);
    }

    #[test]
    fn only_ngx_deletes_and_only_with_the_right_cas() {
        for (rule, left) in [
            (CasRule::Overwrite, Ok(Vec::new())),
            (CasRule::Insert, Ok(Vec::new())),
            (CasRule::InsertOrUpdate, Err(Status::NotFound)),
        ] {
            let store = SharedStore::default();
            assert_eq!(store.set(rule, "vm", b"k", Some(b"v"), 0), Ok(()));
            let (_, cas) = store.get(rule, "vm", b"k").expect("set above");
            let stale = store.set(rule, "vm", b"k", None, cas + 1);
            assert_eq!(stale, Err(Status::CasMismatch), "{rule:?}");
            assert_eq!(store.set(rule, "vm", b"k", None, cas), Ok(()));
            let value = store.get(rule, "vm", b"k").map(|(value, _)| value);
            assert_eq!(value, left, "{rule:?}");
        }
    }

    #[test]
    fn a_vm_id_is_a_namespace_that_its_vms_share() {
        let (rule, store) = (CasRule::Overwrite, SharedStore::default());
        let other_worker = store.clone();
        assert_eq!(store.set(rule, "one", b"k", Some(b"v"), 0), Ok(()));
        assert_eq!(other_worker.get(rule, "one", b"k"), Ok((b"v".to_vec(), 1)));
        assert_eq!(other_worker.get(rule, "two", b"k"), Err(Status::NotFound));
    }

    #[test]
    fn ngx_takes_two_keys_of_one_crc_for_the_same() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // The best known CRC-32 collision of two words.
        assert_eq!(crc32(b"plumless"), crc32(b"buckeroo"));
        let store = SharedStore::default();
        for (rule, expected) in [(CasRule::InsertOrUpdate, Err(Status::CasMismatch)), (CasRule::Insert, Ok(()))] {
            store.clear();
            assert_eq!(store.set(rule, "vm", b"plumless", Some(b"v"), 0), Ok(()));
            let second = store.set(rule, "vm", b"buckeroo", Some(b"v"), 0);
            assert_eq!(second, expected, "{rule:?}");
        }
    }
}
