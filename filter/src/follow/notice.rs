use trustplane_core::UnixTime;

/// Marks a value as ours, in this layout.
const MARK: [u8; 4] = *b"tpb1";

/// The longest entity tag that is sent back; a source with longer ones is asked for everything.
const MOST_TAG: usize = 128;

/// What workers tell each other: who asks the source, and what it last had.
///
/// Small, for every worker reads it on every tick. The documents lie under a key of their own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Notice {
    /// The turn of whoever asked last: nobody else asks before the interval has passed.
    pub(super) asked_at: UnixTime,
    /// The beginning of the last turn in which both documents came, or were told to be unchanged.
    pub(super) checked_at: UnixTime,
    /// The policy of that turn.
    pub(super) policy: Seen,
    /// The trust material of that turn.
    pub(super) trust: Seen,
}

/// One document as the source had it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    /// Its edition's; zeros when there was none yet.
    pub(super) digest: [u8; 32],
    /// Its entity tag, or nothing.
    pub(super) tag: Vec<u8>,
}

impl Notice {
    /// A first turn.
    pub(super) fn new(asked_at: UnixTime) -> Self {
        Self { asked_at, checked_at: UnixTime::from_secs(0), policy: Seen::default(), trust: Seen::default() }
    }

    /// Reads a notice; `None` when another writer left something else there.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let rest = value.strip_prefix(&MARK)?;
        let (asked_at, rest) = moment(rest)?;
        let (checked_at, rest) = moment(rest)?;
        let (policy, rest) = Seen::read(rest)?;
        let (trust, rest) = Seen::read(rest)?;
        rest.is_empty().then_some(Self { asked_at, checked_at, policy, trust })
    }

    /// The value to store.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut value = MARK.to_vec();
        value.extend_from_slice(&self.asked_at.as_secs().to_le_bytes());
        value.extend_from_slice(&self.checked_at.as_secs().to_le_bytes());
        for seen in [&self.policy, &self.trust] {
            value.extend_from_slice(&seen.digest);
            value.push(u8::try_from(seen.tag.len()).unwrap_or(0));
            value.extend_from_slice(&seen.tag);
        }
        value
    }
}

impl Seen {
    /// A document, with its entity tag if that can be sent back.
    pub(super) fn new(digest: [u8; 32], tag: Option<&[u8]>) -> Self {
        let sendable = |tag: &&[u8]| tag.len() <= MOST_TAG && tag.iter().all(|byte| (b' '..=b'~').contains(byte));
        Self { digest, tag: tag.filter(sendable).unwrap_or_default().to_vec() }
    }

    fn read(value: &[u8]) -> Option<(Self, &[u8])> {
        let (digest, rest) = value.split_first_chunk::<32>()?;
        let (size, rest) = rest.split_first()?;
        let (tag, rest) = rest.split_at_checked(usize::from(*size))?;
        (tag.len() <= MOST_TAG).then(|| (Self { digest: *digest, tag: tag.to_vec() }, rest))
    }
}

fn moment(value: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (seconds, rest) = value.split_first_chunk::<8>()?;
    Some((UnixTime::from_secs(u64::from_le_bytes(*seconds)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            asked_at: UnixTime::from_secs(1_740_000_000),
            checked_at: UnixTime::from_secs(1_739_999_998),
            policy: Seen::new([1; 32], Some(b"\"abc\"")),
            trust: Seen::new([2; 32], None),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(Notice::read(&notice().write()), Some(notice()));
        let first = Notice::new(UnixTime::from_secs(7));
        assert_eq!(Notice::read(&first.write()), Some(first));
    }

    #[test]
    fn every_shortened_or_lengthened_notice_is_refused() {
        let value = notice().write();
        for size in 0..value.len() {
            assert_eq!(Notice::read(&value[..size]), None, "{size} bytes");
        }
        assert_eq!(Notice::read(&[value, vec![0]].concat()), None);
    }

    #[test]
    fn a_tag_that_cannot_be_sent_back_is_let_go() {
        let tag = |tag: &[u8]| Seen::new([0; 32], Some(tag)).tag;
        assert_eq!(tag(b"W/\"1\""), b"W/\"1\"");
        assert_eq!(tag(&[b'a'; 128]), [b'a'; 128]);
        for odd in [&[b'a'; 129][..], b"a\nb", b"\xff"] {
            assert_eq!(tag(odd), b"", "{odd:?}");
        }
    }
}
