//! Passports and proofs are byte for byte those of the official SDK (`data/sdk.py`, version 0.2.3).

use serde_json::Value;
use trustplane_broker::SigningKey;
use trustplane_broker::mint::{Claims, MintError, Provenance, jti, mint_passport, prove};
use trustplane_core::{KeyBinding, PeerClaim, UnixTime, base64url_bytes, hex_array};

const NOW: UnixTime = UnixTime::from_secs(1_750_000_000);

fn key() -> SigningKey {
    let seed: [u8; 32] = std::array::from_fn(|index| index as u8);
    SigningKey::from_seed(&seed).unwrap()
}

fn expected(name: &str) -> String {
    let all: Value = serde_json::from_str(include_str!("data/sdk.json")).unwrap();
    all[name].as_str().unwrap().to_owned()
}

fn claims(key: &SigningKey) -> Claims<'_> {
    Claims {
        issuer: "https://issuer.example.test",
        subject: "service:orders-caller",
        audience: "orders-api",
        issued_at: NOW,
        expires_at: NOW.plus(600),
        jti: "jti-BwcHBwcHBwcHBwcHBwcHBw",
        trust_domain: "example.test",
        proof_key: key.public_key(),
        key_binding: KeyBinding::Software,
        provenance: None,
        context: &[],
    }
}

fn payload(token: &str) -> String {
    let part = token.split('.').nth(1).unwrap();
    String::from_utf8(base64url_bytes(part.as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_passport_is_the_token_that_the_sdk_issues() {
    let key = key();
    assert_eq!(mint_passport(&claims(&key), "kid-1", &key).unwrap(), expected("client_passport"));
}

#[test]
fn quotes_and_letters_beyond_ascii_are_written_as_the_sdk_writes_them() {
    let key = key();
    let odd = Claims { issuer: "https://issuer.example/\"q\"\\ü", subject: "service:ordérs/1", ..claims(&key) };
    assert_eq!(mint_passport(&odd, "kid-1", &key).unwrap(), expected("odd_passport"));
}

#[test]
fn a_proof_signs_the_raw_digest_as_the_sdk_does() {
    let key = key();
    let digest = hex_array(expected("client_transcript_sha256").as_bytes()).unwrap();
    assert_eq!(prove(&digest, &key), expected("client_proof"));
    // The published vector transcript-v1-json-body with key_binding software, signed by an independent library.
    let digest = hex_array(b"dbb3d4797b4358d7dacb1ff528636074aff1ef8a83470d744ab6c3462a52fe4a").unwrap();
    assert_eq!(
        prove(&digest, &key),
        "XqpDPNQ4g7wuykTronSQLmsJjmdy4AF4jPWwn0T7JmBsp_SYjZdMqQGcs3b2ro2n7Ikw-865pcUWcZSJScqtDQ"
    );
}

#[test]
fn a_jti_is_the_sdks_form_of_sixteen_random_bytes() {
    assert_eq!(jti(&[7; 16]), expected("jti"));
}

#[test]
fn provenance_and_context_follow_the_claims_of_the_sdk() {
    let key = key();
    let provenance = Provenance {
        profile: "local/software".into(),
        signer: "local/software".into(),
        peer: Some(PeerClaim {
            uid: "1000".into(),
            gid: "100".into(),
            pid: "unknown".into(),
            process: "unsupported".into(),
        }),
        ..Provenance::default()
    };
    let context = [("tool_name".to_owned(), "w".to_owned()), ("max_txn_value".to_owned(), "1.00".to_owned())];
    let full = Claims { provenance: Some(&provenance), context: &context, ..claims(&key) };
    let token = mint_passport(&full, "kid-1", &key).unwrap();
    let public = key.public_key().to_base64url();
    assert_eq!(
        payload(&token),
        format!(
            r#"{{"iss":"https://issuer.example.test","sub":"service:orders-caller","aud":"orders-api","iat":1750000000,"exp":1750000600,"jti":"jti-BwcHBwcHBwcHBwcHBwcHBw","trust_domain":"example.test","cnf":{{"kid":"{public}","public_key_b64url":"{public}","key_binding":"software"}},"provenance":{{"profile":"local/software","signer":"local/software","peer":{{"uid":"1000","gid":"100","pid":"unknown","process":"unsupported"}}}},"context":{{"tool_name":"w","max_txn_value":"1.00"}}}}"#
        )
    );
}

#[test]
fn claims_that_no_verifier_reads_are_not_signed() {
    let key = key();
    let base = claims(&key);
    let long = "x".repeat(8192);
    let control = [("tool_name".to_owned(), "a\u{7f}".to_owned())];
    for (case, error) in [
        (Claims { subject: "", ..base.clone() }, MintError::Empty("subject")),
        (Claims { issuer: " https://i", ..base.clone() }, MintError::Unclean("issuer")),
        (Claims { jti: "a\nnonce=b", ..base.clone() }, MintError::Unclean("jti")),
        (Claims { context: &control, ..base.clone() }, MintError::Unclean("context")),
        (Claims { expires_at: NOW, ..base.clone() }, MintError::Lifetime),
        (Claims { issued_at: UnixTime::from_secs(0), ..base.clone() }, MintError::Lifetime),
        (Claims { expires_at: UnixTime::from_secs(u64::MAX), ..base.clone() }, MintError::Lifetime),
        (Claims { subject: &long, ..base.clone() }, MintError::TooLong),
    ] {
        assert_eq!(mint_passport(&case, "kid-1", &key).unwrap_err(), error, "{case:?}");
    }
    assert_eq!(mint_passport(&base, "", &key).unwrap_err(), MintError::Empty("kid"));
}
