use std::collections::HashMap;
use std::sync::LazyLock;

use curve25519_dalek::edwards::CompressedEdwardsY;
use trustplane_broker::SigningKey;
use trustplane_core::{base64url, base64url_array, hex_array};

use super::{Code, Finding, Subject};
use crate::bundle::Kind;

/// Public keys of RFC 8032 section 7.1, whose private halves stand beside them.
const RFC_8032: [&str; 5] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
];

/// Keys that anyone can sign with: those of the RFC, and those whose seed is one byte repeated or
/// a count, as examples and tests use.
static PUBLISHED: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    // Our own signer takes no seed of zeros; others do.
    const ZEROS: &str = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
    let mut keys = HashMap::new();
    let rfc = RFC_8032.iter().enumerate().map(|(number, key)| (*key, format!("of RFC 8032, test {}", number + 1)));
    for (key, name) in rfc.chain([(ZEROS, "of the seed that is 32 times 0x00".to_owned())]) {
        keys.extend(hex_array(key.as_bytes()).map(|key| (base64url(&key), name)));
    }
    let repeated = (1..=u8::MAX).map(|byte| ([byte; 32], format!("of the seed that is 32 times {byte:#04x}")));
    let count = std::array::from_fn(|place| u8::try_from(place).unwrap_or(0));
    for (seed, name) in repeated.chain([(count, "of the seed 00 01 02 … 1f".to_owned())]) {
        if let Ok(key) = SigningKey::from_text(&base64url(&seed)) {
            keys.insert(key.public_key().to_base64url(), name);
        }
    }
    keys
});

pub(super) fn check(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(trust) = subject.trust else { return };
    let mut first: HashMap<&str, (&str, &str)> = HashMap::new();
    for key in &trust.keys {
        let mut add = |code, member: &str, sentence| {
            found.push(Finding { code, kind: Kind::Trust, pointer: format!("{}{member}", key.pointer), sentence });
        };
        if let Some(whose) = PUBLISHED.get(&key.public_key) {
            let sentence = format!("Anyone can sign with it: it is the key {whose}.");
            add(Code::KeyPublished, "/public_key_b64url", sentence);
        } else if !is_of_prime_order(&key.public_key) {
            let sentence = "It is outside the group of prime order: no honest key generation gives it.";
            add(Code::KeyMalformed, "/public_key_b64url", sentence.to_owned());
        }
        match first.get(key.public_key.as_str()) {
            Some((issuer, kid)) => {
                let sentence = format!("Whoever holds {kid} of {issuer} holds it too: it is the same key.");
                add(Code::KeyShared, "/public_key_b64url", sentence);
            }
            None => drop(first.insert(&key.public_key, (&key.issuer, &key.kid))),
        }
        if let Some(end) = key.not_after.filter(|_| !key.revoked) {
            if end < subject.now {
                let sentence = format!("It is unknown to verifiers since {}.", end.rfc3339());
                add(Code::KeyExpired, "/not_after", sentence);
            } else if end < subject.now.plus(subject.within.as_secs()) {
                let sentence = format!("It is unknown to verifiers after {}.", end.rfc3339());
                add(Code::KeyExpiring, "/not_after", sentence);
            }
        }
    }
}

fn is_of_prime_order(key: &str) -> bool {
    let point = base64url_array::<32>(key.as_bytes()).and_then(|bytes| CompressedEdwardsY(bytes).decompress());
    point.is_some_and(|point| point.is_torsion_free())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_keys_are_known() {
        // RFC 8037, appendix A.2, and the seeds of 32 ones and 32 twos.
        for key in [
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
            "gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q",
        ] {
            assert!(PUBLISHED.contains_key(key), "{key}");
        }
        assert_eq!(PUBLISHED.len(), 5 + 256 + 1);
    }

    #[test]
    fn a_key_with_a_small_part_is_not_of_prime_order() {
        use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
        let whole = base64url(&ED25519_BASEPOINT_POINT.compress().0);
        let mixed = base64url(&(ED25519_BASEPOINT_POINT + EIGHT_TORSION[1]).compress().0);
        assert_eq!((is_of_prime_order(&whole), is_of_prime_order(&mixed)), (true, false));
    }
}
