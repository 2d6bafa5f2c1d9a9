//! Two documents under one key, so that no worker ever reads one without the other.

/// The policy and the trust material; `None` when another writer left something else there.
pub(super) fn read(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = value.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*size)).ok()?)
}

/// The value to store; `None` when a length does not fit.
pub(super) fn write(policy: &[u8], trust: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(policy.len()).ok()?;
    Some([&size.to_le_bytes(), policy, trust].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for (policy, trust) in [(&b"{}"[..], &b"[]"[..]), (b"", b"x"), (b"x", b"")] {
            assert_eq!(read(&write(policy, trust).unwrap()), Some((policy, trust)));
        }
        assert_eq!(read(b"\x03\0\0\0ab"), None);
        assert_eq!(read(b"\0\0\0"), None);
    }
}
