//! Header maps as they cross the boundary: a count, the sizes, then the names
//! and values, each ended by a zero byte.

/// One header line: name and value, any bytes.
pub type Pair = (Vec<u8>, Vec<u8>);

// Above either limit Envoy reads an empty map and says nothing.
const MAX_PAIRS: usize = 1024;
const MAX_BYTES: usize = 1024 * 1024;

pub(super) fn encode(pairs: &[Pair]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&size(pairs.len()));
    for (name, value) in pairs {
        out.extend_from_slice(&size(name.len()));
        out.extend_from_slice(&size(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    out
}

/// What the host makes of a guest's map: nothing at all, if any part is off.
pub(super) fn decode(bytes: &[u8]) -> Vec<Pair> {
    if bytes.len() > MAX_BYTES {
        return Vec::new();
    }
    read(bytes).unwrap_or_default()
}

/// The first value of that name; later ones stay unseen, as on every host.
pub(super) fn first<'p>(pairs: &'p [Pair], name: &[u8]) -> Option<&'p [u8]> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_slice())
}

fn read(bytes: &[u8]) -> Option<Vec<Pair>> {
    let (count, mut sizes) = word(bytes)?;
    if count > MAX_PAIRS {
        return None;
    }
    let mut texts = sizes.get(count * 8..)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_size, rest) = word(sizes)?;
        let (value_size, rest) = word(rest)?;
        sizes = rest;
        let (name, rest) = text(texts, name_size)?;
        let (value, rest) = text(rest, value_size)?;
        texts = rest;
        pairs.push((name, value));
    }
    texts.is_empty().then_some(pairs)
}

fn word(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*word) as usize, rest))
}

fn text(bytes: &[u8], size: usize) -> Option<(Vec<u8>, &[u8])> {
    let (text, rest) = bytes.split_at_checked(size)?;
    let rest = rest.strip_prefix(&[0])?;
    Some((text.to_vec(), rest))
}

fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a header map of a test fits 32 bits").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Pair {
        (name.into(), value.into())
    }

    #[test]
    fn pairs_survive_the_boundary_with_duplicates_empty_values_and_zero_bytes() {
        let pairs = vec![pair(":path", "/"), pair("a", ""), pair("a", "1"), (b"b".to_vec(), b"\x00\xff".to_vec())];
        assert_eq!(decode(&encode(&pairs)), pairs);
    }

    #[test]
    fn a_map_with_one_byte_off_is_read_as_empty() {
        let good = encode(&[pair("a", "1")]);
        assert_eq!(decode(&good).len(), 1);
        assert_eq!(decode(&good[..good.len() - 1]), []);
        assert_eq!(decode(&[good.as_slice(), b"\0"].concat()), []);
        let mut unterminated = good.clone();
        *unterminated.last_mut().expect("the map has bytes") = 1;
        assert_eq!(decode(&unterminated), []);
    }

    #[test]
    fn a_map_over_the_hosts_limits_is_read_as_empty() {
        let many = vec![pair("a", "1"); MAX_PAIRS];
        assert_eq!(decode(&encode(&many)).len(), MAX_PAIRS);
        assert_eq!(decode(&encode(&vec![pair("a", "1"); MAX_PAIRS + 1])), []);
        let long = vec![(b"a".to_vec(), vec![b'x'; MAX_BYTES])];
        assert_eq!(decode(&encode(&long)), []);
    }
}
