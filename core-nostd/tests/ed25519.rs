//! The accept sets of two published collections and a grid of ours, and that every way to verify agrees.
//!
//! The same functions run compiled to wasm: `cargo test --package trustplane-core --target
//! wasm32-unknown-unknown --test ed25519`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use trustplane_core::{KeyCache, KeyCacheSettings, PublicKey, Width, sha256};

const SPECCHECK: &str = include_str!("../vectors/ed25519/speccheck.txt");
const STRICT_GRID: &str = include_str!("../vectors/ed25519/strict_grid.txt");
const WYCHEPROOF: &str = include_str!("../vectors/ed25519/wycheproof.txt");

struct Case {
    id: u32,
    accept: bool,
    key: [u8; 32],
    signature: Vec<u8>,
    message: Vec<u8>,
}

type Verify = fn(&Case) -> bool;

const WAYS: [(&str, Verify); 5] = [
    ("plain", plain),
    ("cache without a table", cache_without_table),
    ("default tables", default_tables),
    ("narrow tables", narrow_tables),
    ("ed25519-dalek", dalek),
];

fn cases(text: &'static str) -> Vec<Case> {
    let case = |line: &'static str| {
        let columns: Vec<_> = line.split(' ').collect();
        Case {
            id: columns[0].parse().unwrap(),
            accept: ["refuse", "accept"].iter().position(|word| *word == columns[1]).unwrap() == 1,
            key: bytes(columns[2]).try_into().unwrap(),
            signature: bytes(columns[3]),
            message: bytes(columns[4]),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex = if hex == "-" { "" } else { hex };
    assert!(hex.len().is_multiple_of(2));
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn read(case: &Case) -> Option<(PublicKey, [u8; 64])> {
    Some((PublicKey::from_bytes(&case.key).ok()?, case.signature.as_slice().try_into().ok()?))
}

fn plain(case: &Case) -> bool {
    read(case).is_some_and(|(key, signature)| key.verify(&case.message, &signature))
}

fn cache_without_table(case: &Case) -> bool {
    read(case).is_some_and(|(key, signature)| KeyCache::default().verify(&key, &case.message, &signature))
}

fn default_tables(case: &Case) -> bool {
    with_tables(case, KeyCacheSettings::default())
}

fn narrow_tables(case: &Case) -> bool {
    let width = Width::new(4).unwrap();
    with_tables(case, KeyCacheSettings { key_width: width, base_width: width, ..KeyCacheSettings::default() })
}

fn with_tables(case: &Case, settings: KeyCacheSettings) -> bool {
    let Some((key, signature)) = read(case) else {
        return false;
    };
    let mut cache = KeyCache::new(settings);
    // A key with a part of small order has no table.
    let prime = VerifyingKey::from_bytes(&case.key).is_ok_and(|key| key.to_edwards().is_torsion_free());
    assert_eq!(cache.warm(&key), prime);
    cache.verify(&key, &case.message, &signature)
}

/// The oracle, with the check of the key's encoding that it leaves to its caller.
fn dalek(case: &Case) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(&case.key), Signature::from_slice(&case.signature)) else {
        return false;
    };
    key.to_edwards().compress().to_bytes() == case.key && key.verify_strict(&case.message, &signature).is_ok()
}

fn accepts_exactly(text: &'static str, total: usize, accepted: usize) {
    let cases = cases(text);
    let expected: Vec<_> = cases.iter().filter(|case| case.accept).map(|case| case.id).collect();
    assert_eq!((cases.len(), expected.len()), (total, accepted));
    for (name, verify) in WAYS {
        let found: Vec<_> = cases.iter().filter(|case| verify(case)).map(|case| case.id).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn speccheck_is_refused_but_for_case_3() {
    accepts_exactly(SPECCHECK, 12, 1);
    assert!(plain(&cases(SPECCHECK)[3]));
}

#[test]
fn every_kind_of_key_meets_every_kind_of_r_and_ten_pairs_stand() {
    accepts_exactly(STRICT_GRID, 502, 10);
}

#[test]
fn wycheproof_is_accepted_where_it_is_valid() {
    accepts_exactly(WYCHEPROOF, 151, 88);
}

#[test]
fn every_way_accepts_a_good_signature_and_refuses_it_with_any_bit_flipped() {
    let mut cache = KeyCache::default();
    for seed in 0..3_u8 {
        let signing = SigningKey::from_bytes(&sha256(&[seed]));
        let key = *signing.verifying_key().as_bytes();
        assert!(cache.warm(&PublicKey::from_bytes(&key).unwrap()));
        let message = sha256(&[seed, 1])[..usize::from(seed) * 8].to_vec();
        let signature = signing.sign(&message).to_bytes().to_vec();
        let mut case = Case { id: 0, accept: true, key, signature, message };
        assert_eq!(WAYS.map(|(_, verify)| verify(&case)), [true; 5]);

        for bit in 0..(64 + case.message.len()) * 8 {
            flip(&mut case, bit);
            let (key, signature) = read(&case).unwrap();
            assert!(!plain(&case), "seed {seed}, bit {bit}");
            assert!(!cache.verify(&key, &case.message, &signature), "seed {seed}, bit {bit}");
            flip(&mut case, bit);
        }
        for bit in 0..256 {
            case.key[bit / 8] ^= 1 << (bit % 8);
            assert_eq!([plain(&case), narrow_tables(&case), dalek(&case)], [false; 3], "seed {seed}, key bit {bit}");
            case.key[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Bits of the signature, then bits of the message.
fn flip(case: &mut Case, bit: usize) {
    let at = bit / 8;
    let byte = if at < 64 { &mut case.signature[at] } else { &mut case.message[at - 64] };
    *byte ^= 1 << (bit % 8);
}

#[test]
fn tables_accept_what_generated_keys_sign_and_nothing_else() {
    let mut cache = KeyCache::default();
    for seed in 0..60_u8 {
        let signing = SigningKey::from_bytes(&sha256(&[seed, 2]));
        let key = PublicKey::from_bytes(signing.verifying_key().as_bytes()).unwrap();
        assert!(cache.warm(&key));
        for number in 0..10_u8 {
            let message = sha256(&[seed, number]);
            let signature = signing.sign(&message).to_bytes();
            assert!(key.verify(&message, &signature));
            assert!(cache.verify(&key, &message, &signature));
            assert!(!cache.verify(&key, &signature, &signature));
        }
    }
    assert_eq!(cache.tables(), 60);
}

#[cfg(not(target_arch = "wasm32"))]
mod compact {
    use super::*;

    fn compact(case: &Case) -> bool {
        let Ok(signature) = ed25519_compact::Signature::from_slice(&case.signature) else {
            return false;
        };
        ed25519_compact::PublicKey::new(case.key).verify(&case.message, &signature).is_ok()
    }

    /// It signs for us. As a verifier it multiplies by the cofactor, so it takes what differs from
    /// the equation by a point of low order, and nothing else that we refuse.
    #[test]
    fn ed25519_compact_accepts_in_addition_a_residue_of_low_order_and_only_that() {
        let extra = |text| -> Vec<_> {
            let differ = |case: &Case| compact(case) != plain(case);
            cases(text).into_iter().filter(differ).inspect(|case| assert!(compact(case))).collect()
        };
        let ids = |cases: &[Case]| cases.iter().map(|case| case.id).collect::<Vec<_>>();
        assert_eq!(ids(&extra(SPECCHECK)), [4, 5]);
        assert!(extra(WYCHEPROOF).is_empty());
    }
}
