//! The ABI's serialised header map: a count, the lengths of every name and value, then each of
//! them with a zero byte after it. Lengths are little-endian `u32`.

/// A name and a value, as bytes.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Reads a header map in place, its names in lower case.
///
/// `None` when it is not exactly one map. Values may be any bytes: one `0xFF` in a header must not
/// end the module. An empty answer is what a host gives for a map that is gone, and reads as an
/// empty map.
pub fn read_pairs(map: &mut [u8]) -> Option<Vec<Pair<'_>>> {
    if map.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = map.split_first_chunk_mut::<4>()?;
    let count = length(*count)?;
    // The table is cut from what arrived before anything is allocated for it.
    let (table, mut rest) = rest.split_at_mut_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    let (sizes, _) = table.as_chunks::<4>();
    let (sizes, _) = sizes.as_chunks::<2>();
    for [name, value] in sizes {
        let (name, after) = terminated(rest, length(*name)?)?;
        let (value, after) = terminated(after, length(*value)?)?;
        rest = after;
        name.make_ascii_lowercase();
        pairs.push((&*name, &*value));
    }
    rest.is_empty().then_some(pairs)
}

/// Writes a header map; `None` when a length does not fit the ABI.
pub fn write_pairs(pairs: &[Pair<'_>]) -> Option<Vec<u8>> {
    let mut map = Vec::new();
    map.extend_from_slice(&u32::try_from(pairs.len()).ok()?.to_le_bytes());
    for (name, value) in pairs {
        map.extend_from_slice(&u32::try_from(name.len()).ok()?.to_le_bytes());
        map.extend_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        map.extend_from_slice(part);
        map.push(0);
    }
    Some(map)
}

fn length(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

/// Cuts `size` bytes and the zero after them.
fn terminated(bytes: &mut [u8], size: usize) -> Option<(&mut [u8], &mut [u8])> {
    let (part, rest) = bytes.split_at_mut_checked(size)?;
    let (zero, rest) = rest.split_first_mut()?;
    (*zero == 0).then_some((part, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[Pair<'_>] = &[(b":path", b"/"), (b"x-a", b"\xff\x00"), (b"x-a", b""), (b"", b"v")];

    #[test]
    fn what_is_written_reads_back_byte_for_byte() {
        let mut map = write_pairs(MAP).unwrap();
        assert_eq!(read_pairs(&mut map).unwrap(), MAP);
        assert_eq!(write_pairs(&[]).unwrap(), [0; 4]);
        assert_eq!(read_pairs(&mut [0; 4]).unwrap(), []);
    }

    #[test]
    fn a_map_has_the_layout_of_the_abi() {
        let map = write_pairs(&[(b"ab", b"c")]).unwrap();
        assert_eq!(map, b"\x01\0\0\0\x02\0\0\0\x01\0\0\0ab\0c\0");
    }

    #[test]
    fn a_map_that_is_gone_is_empty() {
        assert_eq!(read_pairs(&mut []).unwrap(), []);
    }

    #[test]
    fn names_are_read_in_lower_case_and_values_as_they_are() {
        let mut map = write_pairs(&[(b"X-Trustplane-Proof", b"AbC")]).unwrap();
        let expected: &[Pair<'_>] = &[(b"x-trustplane-proof", b"AbC")];
        assert_eq!(read_pairs(&mut map).unwrap(), expected);
    }

    #[test]
    fn every_shortened_or_lengthened_map_is_refused() {
        let whole = write_pairs(MAP).unwrap();
        for cut in 1..whole.len() {
            assert_eq!(read_pairs(&mut whole[..cut].to_vec()), None, "{cut} bytes");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(read_pairs(&mut longer), None);
    }

    #[test]
    fn lengths_beyond_the_map_are_refused_without_allocation() {
        for sizes in [[u32::MAX, 0, 0], [1, u32::MAX, 0], [1, 0, u32::MAX], [1, u32::MAX, u32::MAX]] {
            let mut map: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
            map.extend_from_slice(b"a\0b\0");
            assert_eq!(read_pairs(&mut map), None, "{sizes:?}");
        }
    }

    #[test]
    fn a_part_without_its_zero_is_refused() {
        let mut map = write_pairs(&[(b"ab", b"c")]).unwrap();
        let last = map.len() - 1;
        map[last] = b'x';
        assert_eq!(read_pairs(&mut map), None);
    }
}
