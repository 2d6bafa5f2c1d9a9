use trustplane_core::UnixTime;

/// Marks a value as ours, in this layout.
const MARK: [u8; 4] = *b"tpr1";

/// The mark and a moment: what every value in the store begins with.
const HEAD: usize = 12;

/// One consumed passport: sixteen bytes of its replay id, then the second from which it may be
/// forgotten, a little-endian `u32` that lasts until 2106.
type Entry = [u8; ENTRY];

const ENTRY: usize = 20;

/// The value of one key in shared data: a part of the consumed passports, and since when the store
/// has remembered all of them.
///
/// Each bucket carries that moment itself, so that one read tells both. A store that was emptied
/// while this module still ran cannot pass for the old one: its buckets are made anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bucket {
    began: UnixTime,
    /// As it is stored: the head, then the entries.
    value: Vec<u8>,
}

impl Bucket {
    /// An empty bucket of a store that began then.
    pub(super) fn new(began: UnixTime) -> Self {
        Self { began, value: write_moment(began).to_vec() }
    }

    /// Reads a bucket; `None` when another writer or a torn read left something else there.
    pub(super) fn read(value: Vec<u8>) -> Option<Self> {
        let (head, entries) = value.split_first_chunk::<HEAD>()?;
        let began = read_moment(head)?;
        let (_, rest) = entries.as_chunks::<ENTRY>();
        rest.is_empty().then_some(Self { began, value })
    }

    fn entries(&self) -> &[Entry] {
        let (_, entries) = self.value.split_at_checked(HEAD).unwrap_or_default();
        entries.as_chunks().0
    }

    /// Since when the store has remembered everything.
    pub(super) const fn began(&self) -> UnixTime {
        self.began
    }

    /// Whether the passport is remembered here, even if it could be forgotten by now.
    pub(super) fn holds(&self, id: &[u8; 16]) -> bool {
        self.entries().iter().any(|entry| entry.first_chunk() == Some(id))
    }

    /// Forgets what no verifier accepts any more: the only way in which an entry leaves.
    pub(super) fn forget_expired(&mut self, now: UnixTime) {
        let lives = |entry: &&Entry| expiry(entry) > now;
        if !self.entries().iter().all(|entry| lives(&entry)) {
            let kept: Vec<Entry> = self.entries().iter().filter(lives).copied().collect();
            self.value.truncate(HEAD);
            self.value.extend_from_slice(kept.as_flattened());
        }
    }

    /// Remembers a passport; `None` when its time does not fit.
    pub(super) fn remember(&mut self, id: &[u8; 16], keep_until: UnixTime) -> Option<()> {
        let keep_until = u32::try_from(keep_until.as_secs()).ok()?;
        self.value.extend_from_slice(id);
        self.value.extend_from_slice(&keep_until.to_le_bytes());
        Some(())
    }

    /// The value to store.
    pub(super) fn write(self) -> Vec<u8> {
        self.value
    }
}

/// A marked moment, as it also stands alone under the store's first key.
pub(super) fn write_moment(moment: UnixTime) -> [u8; HEAD] {
    let mut value = [0; HEAD];
    let bytes = MARK.into_iter().chain(moment.as_secs().to_le_bytes());
    for (place, byte) in value.iter_mut().zip(bytes) {
        *place = byte;
    }
    value
}

/// Reads a marked moment; `None` when it is nothing of the kind.
pub(super) fn read_moment(value: &[u8]) -> Option<UnixTime> {
    let seconds = value.strip_prefix(&MARK)?;
    Some(UnixTime::from_secs(u64::from_le_bytes(seconds.try_into().ok()?)))
}

fn expiry(entry: &Entry) -> UnixTime {
    let [.., a, b, c, d] = *entry;
    UnixTime::from_secs(u64::from(u32::from_le_bytes([a, b, c, d])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut bucket = Bucket::new(at(1_740_000_000));
        assert_eq!(Bucket::read(bucket.clone().write()), Some(bucket.clone()));
        assert_eq!(bucket.remember(&[7; 16], at(1_740_000_600)), Some(()));
        assert_eq!(bucket.remember(&[8; 16], at(u64::from(u32::MAX))), Some(()));
        assert_eq!(Bucket::read(bucket.clone().write()), Some(bucket));
    }

    #[test]
    fn an_entry_takes_twenty_bytes() {
        let mut bucket = Bucket::new(at(258));
        assert_eq!(bucket.remember(&[9; 16], at(772)), Some(()));
        let mut expected = b"tpr1\x02\x01\0\0\0\0\0\0".to_vec();
        expected.extend_from_slice(&[9; 16]);
        expected.extend_from_slice(&[4, 3, 0, 0]);
        assert_eq!(bucket.write(), expected);
    }

    #[test]
    fn a_value_of_another_writer_is_no_bucket() {
        let mut bucket = Bucket::new(at(5));
        assert_eq!(bucket.remember(&[7; 16], at(9)), Some(()));
        let good = bucket.write();
        for cut in (0..good.len()).filter(|cut| *cut != HEAD) {
            assert_eq!(Bucket::read(good[..cut].to_vec()), None, "{cut} bytes");
        }
        for place in 0..MARK.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert_eq!(Bucket::read(bad), None, "byte {place}");
        }
    }

    #[test]
    fn only_the_expired_are_forgotten() {
        let mut bucket = Bucket::new(at(0));
        for (id, until) in [(1, 100), (2, 101), (3, 99)] {
            assert_eq!(bucket.remember(&[id; 16], at(until)), Some(()));
        }
        bucket.forget_expired(at(100));
        assert_eq!([1, 2, 3].map(|id| bucket.holds(&[id; 16])), [false, true, false]);
    }

    #[test]
    fn a_time_beyond_the_layout_is_not_remembered_short() {
        let mut bucket = Bucket::new(at(0));
        assert_eq!(bucket.remember(&[1; 16], at(1 << 32)), None);
        assert_eq!(bucket, Bucket::new(at(0)));
    }

    #[test]
    fn ids_are_compared_whole() {
        let mut bucket = Bucket::new(at(0));
        assert_eq!(bucket.remember(&[1; 16], at(9)), Some(()));
        let mut other = [1; 16];
        other[15] = 2;
        assert!(bucket.holds(&[1; 16]) && !bucket.holds(&other));
    }
}
