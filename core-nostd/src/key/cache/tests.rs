use std::vec::Vec;

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use ed25519_dalek::{Signer as _, SigningKey};

use super::super::Width;
use super::settings::BUSY_AFTER;
use super::tier::KEY_BYTES;
use super::*;

struct Signer(SigningKey, PublicKey);

impl Signer {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let public = PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap();
        Self(key, public)
    }

    /// Lets `cache` verify this many good signatures.
    fn use_in(&self, cache: &mut KeyCache, times: u32) {
        for number in 0..times {
            let message = number.to_le_bytes();
            assert!(cache.verify(&self.1, &message, &self.0.sign(&message).to_bytes()));
        }
    }

    fn has_table(&self, cache: &KeyCache) -> bool {
        cache.table(&self.1).is_some()
    }
}

fn keys(cache: &KeyCache) -> usize {
    cache.tiers[0].held.len()
}

/// Room for the base point's table and this many others.
fn room_for(tables: usize) -> KeyCacheSettings {
    let width = Width::new(4).unwrap();
    let default = KeyCacheSettings::default();
    let mut settings = KeyCacheSettings { max_bytes: 0, key_width: width, base_width: width, ..default };
    while settings.tiers()[1].max < tables {
        settings.max_bytes += 1024;
    }
    settings
}

#[test]
fn the_default_has_room_for_1024_keys_232_tables_and_2_wide_ones() {
    let tiers = KeyCacheSettings::default().tiers();
    assert_eq!(tiers.each_ref().map(|tier| tier.max), [1024, 232, 2]);
    let base = KeyCacheSettings::default().base_bytes();
    let most = tiers.iter().map(Tier::max_bytes).fold(base, usize::saturating_add);
    assert_eq!((16 << 20) - most, 11_264);
}

#[test]
fn a_small_cache_has_narrow_tables_rather_than_none() {
    let settings = KeyCacheSettings { max_bytes: 1 << 20, ..KeyCacheSettings::default() };
    assert_eq!((settings.base_width().bits(), settings.base_bytes()), (10, 262_144));
    assert_eq!(settings.tiers().map(|tier| tier.max), [64, 13, 1]);
}

#[test]
fn the_sixth_good_signature_builds_the_base_table_and_the_seventh_the_keys() {
    let (mut cache, signer) = (KeyCache::default(), Signer::new(1));
    signer.use_in(&mut cache, 5);
    assert_eq!((cache.bytes(), cache.tables()), (KEY_BYTES, 0));
    signer.use_in(&mut cache, 1);
    assert_eq!((cache.bytes(), cache.tables()), (3_145_728 + KEY_BYTES, 0));
    signer.use_in(&mut cache, 1);
    assert_eq!((cache.bytes(), cache.tables()), (3_145_728 + 49_152 + KEY_BYTES, 1));
    signer.use_in(&mut cache, 20);
    assert_eq!((keys(&cache), cache.tables()), (0, 1));
}

#[test]
fn a_key_whose_signatures_fail_leaves_no_trace() {
    let (mut cache, signer) = (KeyCache::default(), Signer::new(1));
    let mut signature = signer.0.sign(b"message").to_bytes();
    for bit in [0, 255, 256, 500] {
        signature[bit / 8] ^= 1 << (bit % 8);
        for _ in 0..10 {
            assert!(!cache.verify(&signer.1, b"message", &signature));
        }
        signature[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!((cache.bytes(), cache.now), (0, 0));
}

#[test]
fn a_failed_signature_does_not_keep_a_table_in_use() {
    let (mut cache, signer) = (KeyCache::default(), Signer::new(1));
    assert!(cache.warm(&signer.1));
    let before = cache.tiers[1].held.oldest();
    assert!(!cache.verify(&signer.1, b"message", &signer.0.sign(b"other").to_bytes()));
    assert_eq!(cache.tiers[1].held.oldest(), before);
}

#[test]
fn a_key_displaces_only_a_table_that_was_idle_while_it_proved_itself() {
    let mut cache = KeyCache::new(room_for(1));
    let [busy, other] = [1, 2].map(Signer::new);
    busy.use_in(&mut cache, 7);
    assert!(busy.has_table(&cache));
    for _ in 0..40 {
        other.use_in(&mut cache, 1);
        busy.use_in(&mut cache, 1);
    }
    assert!(busy.has_table(&cache));
    other.use_in(&mut cache, 12);
    assert!(other.has_table(&cache));
    assert_eq!(cache.tables(), 1);
}

#[test]
fn the_table_that_goes_is_the_one_used_longest_ago() {
    let mut cache = KeyCache::new(room_for(2));
    let [first, second, third] = [1, 2, 3].map(Signer::new);
    first.use_in(&mut cache, 7);
    second.use_in(&mut cache, 6);
    first.use_in(&mut cache, 1);
    third.use_in(&mut cache, 6);
    let held: Vec<_> = [&first, &second, &third].map(|signer| signer.has_table(&cache)).into();
    assert_eq!(held, [true, false, true]);
}

#[test]
fn the_bound_holds_whatever_is_used() {
    let settings = KeyCacheSettings { max_bytes: 400 << 10, ..room_for(3) };
    let mut cache = KeyCache::new(settings);
    for seed in 0..120 {
        Signer::new(seed).use_in(&mut cache, 7);
        assert!(cache.bytes() <= settings.max_bytes);
    }
    assert_eq!((keys(&cache), cache.tables()), (0, settings.tiers()[1].max));
    for seed in 0..120 {
        Signer::new(seed).use_in(&mut cache, 1);
        assert!(cache.bytes() <= settings.max_bytes);
    }
    assert_eq!(keys(&cache), settings.tiers()[0].max);
}

#[test]
fn without_memory_signatures_are_verified_all_the_same() {
    let mut cache = KeyCache::new(KeyCacheSettings { max_bytes: 0, ..KeyCacheSettings::default() });
    let signer = Signer::new(1);
    assert!(!cache.warm(&signer.1));
    signer.use_in(&mut cache, 20);
    assert!(!cache.verify(&signer.1, b"message", &signer.0.sign(b"other").to_bytes()));
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn warming_builds_a_table_only_where_there_is_room() {
    let mut cache = KeyCache::new(room_for(1));
    let [first, second] = [1, 2].map(Signer::new);
    assert_eq!([&first, &first, &second].map(|signer| cache.warm(&signer.1)), [true, true, false]);
    assert!(first.has_table(&cache));
}

/// A good signature of a key with a part of order eight: `sB − kA` is `r B`, for the part's multiple
/// vanishes where `k` is one of eight.
fn of_mixed_order(number: u32) -> (PublicKey, [u8; 4], [u8; 64]) {
    let secret = Scalar::from(7_u8);
    let point = B * secret + EIGHT_TORSION[1];
    let key = PublicKey::from_bytes(point.compress().as_bytes()).unwrap();
    let message = number.to_le_bytes();
    let signatures = (1_u32..).map(|nonce| {
        let nonce = Scalar::from(nonce);
        let mut signature = [0; 64];
        signature[..32].copy_from_slice((B * nonce).compress().as_bytes());
        let equation = Equation::read(&key, &message, &signature).unwrap();
        signature[32..].copy_from_slice((nonce + equation.k * secret).as_bytes());
        signature
    });
    let stands = signatures.into_iter().find(|signature| key.verify(&message, signature));
    (key, message, stands.unwrap())
}

#[test]
fn a_key_of_mixed_order_verifies_without_a_table() {
    let mut cache = KeyCache::default();
    for number in 0..20 {
        let (key, message, mut signature) = of_mixed_order(number);
        assert!(cache.verify(&key, &message, &signature));
        signature[63] ^= 1;
        assert!(!cache.verify(&key, &message, &signature));
        assert!(!cache.warm(&key));
    }
    assert_eq!((ranks(&cache), cache.tables(), cache.now), ([1, 0, 0], 0, 20));
    // The sixth built the base point's table, and at 7, 13 and 19 it was asked whether the key can have one.
    let (key, ..) = of_mixed_order(0);
    let entry = cache.entry(key.as_bytes()).map(|entry| (entry.good, entry.since));
    assert_eq!(entry, Some((1, 19)));
}

#[test]
fn a_known_key_is_the_one_that_its_bytes_decode_to() {
    let mut cache = KeyCache::default();
    let signer = Signer::new(1);
    for times in [0, 1, 6] {
        signer.use_in(&mut cache, times);
        assert_eq!(cache.key(signer.1.as_bytes()), Ok(signer.1.clone()));
    }
    assert!(signer.has_table(&cache));
    assert_eq!(cache.key(&[0; 32]), Err(KeyError::SmallOrder));
    assert_eq!(cache.key(&[0xff; 32]), Err(KeyError::NonCanonical));
}

/// Tables of the same width, so that the tests need not wait for wide ones.
fn with_busy_keys() -> KeyCacheSettings {
    let width = Width::new(4).unwrap();
    KeyCacheSettings { max_bytes: 1 << 20, key_width: width, base_width: width, busy_width: width, build_after: 2 }
}

fn ranks(cache: &KeyCache) -> [usize; 3] {
    cache.tiers.each_ref().map(|tier| tier.held.len())
}

#[test]
fn a_key_that_makes_an_eighth_of_all_signatures_gets_a_wide_table() {
    let mut cache = KeyCache::new(with_busy_keys());
    let callers: Vec<_> = (10..24).map(Signer::new).collect();
    let issuer = Signer::new(1);
    for _ in 0..=BUSY_AFTER / 14 + 1 {
        for caller in &callers {
            issuer.use_in(&mut cache, 1);
            caller.use_in(&mut cache, 1);
        }
    }
    assert_eq!(ranks(&cache), [0, 14, 1]);
    assert!(cache.tiers[2].held.peek(issuer.1.as_bytes()).is_some_and(|entry| entry.comb.is_some()));
    assert!(!cache.verify(&issuer.1, b"message", &issuer.0.sign(b"other").to_bytes()));
    issuer.use_in(&mut cache, 3);
    assert_eq!(cache.known(issuer.1.as_bytes()), Some(issuer.1.clone()));
    // One of twenty-eight is no eighth, however long it goes on.
    for _ in 0..BUSY_AFTER + 2 {
        callers[0].use_in(&mut cache, 1);
        issuer.use_in(&mut cache, 27);
    }
    assert_eq!(ranks(&cache), [0, 14, 1]);
}

#[test]
fn a_busy_key_gives_its_place_up_only_after_it_was_idle() {
    let mut cache = KeyCache::new(KeyCacheSettings { max_bytes: 1 << 17, ..with_busy_keys() });
    let places = cache.tiers[2].max;
    let signers: Vec<_> = (1..=5).map(Signer::new).collect();
    assert_eq!(places, 1);
    for signer in &signers {
        signer.use_in(&mut cache, BUSY_AFTER + 3);
        assert!(cache.tiers[2].held.peek(signer.1.as_bytes()).is_some());
        assert_eq!(cache.tiers[2].held.len(), places);
    }
    let [.., fourth, fifth] = &signers[..] else { panic!("five") };
    for _ in 0..=BUSY_AFTER {
        fourth.use_in(&mut cache, 1);
        fifth.use_in(&mut cache, 1);
    }
    assert!(cache.tiers[2].held.peek(fifth.1.as_bytes()).is_some());
    assert!(fourth.has_table(&cache));
}
