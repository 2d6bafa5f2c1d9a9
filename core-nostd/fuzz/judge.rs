//! What each target holds of every input; the seeds are held to it in the ordinary tests as well.
#![allow(dead_code, reason = "each target uses one of these")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a target that panics has found something")]

use trustplane_core::json::{Limits, canonical, parse};
use trustplane_core::{
    Checked, Head, Header, Pin, Policy, QueryForm, Settings, Trust, UnixTime, Verifier, normalize_query,
};

const NOW: UnixTime = UnixTime::from_secs(1_750_000_000);
const POLICY: &[u8] = br#"{"version":"trustplane-bundle-v1","kind":"policy_runtime_bundle","trust_domain":"t",
"apis":[{"api_id":"a","audience":"a"}],"default_required_key_binding":"software","route_groups":[{"route_group_id":"g","api_id":"a","routes":[
{"route_id":"r","method":"GET","path_template":"/","match_type":"PathPrefix","allowed_sources":[],"freshness_class":"offline-ok"}]}],
"signed_by":{"issuer":"local","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"-"}}"#;
const TRUST: &[u8] = br#"{"version":"trustplane-trust-material-bundle-v1","kind":"trust_material_bundle","issuers":[],
"signed_by":{"issuer":"local","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"-"}}"#;

/// Whatever the strict reader takes, its canonical form is read back as the same.
pub fn json(bytes: &[u8]) {
    if let Ok(value) = parse(bytes, Limits::DOCUMENT) {
        let text = canonical(&value);
        let again = parse(text.as_bytes(), Limits::DOCUMENT).expect("a canonical form is JSON");
        assert_eq!(canonical(&again), text);
    }
}

/// No document stops the loader, and what loads answers any path.
pub fn policy(bytes: &[u8]) {
    if let Ok(value) = parse(bytes, Limits::DOCUMENT) {
        if let Ok(policy) = Policy::load(&value, &Pin::UnsignedDev) {
            for route in policy.routes() {
                let _ = policy.route(route.method(), "/a/b/c");
            }
        }
        let _ = Trust::load(&value, &Pin::UnsignedDev);
    }
}

/// A normal form is its own, and stands in every form it was taken in.
pub fn query(raw: &[u8]) {
    if let Ok(normal) = normalize_query(raw) {
        assert_eq!(normalize_query(normal.as_bytes()).as_deref(), Ok(normal.as_str()));
        if QueryForm::Strict.read(Some(raw)).is_ok() {
            assert_eq!(normal.as_bytes(), raw);
            assert!(QueryForm::Unambiguous.read(Some(raw)).is_ok());
        }
    }
}

/// Any head an unauthenticated client can send is judged, and none is allowed.
pub fn request(bytes: &[u8]) {
    let document = |text| parse(text, Limits::DOCUMENT).expect("our own JSON");
    let policy = Policy::load(&document(POLICY), &Pin::UnsignedDev).expect("our own policy");
    let trust = Trust::load(&document(TRUST), &Pin::UnsignedDev).expect("our own trust material");
    let verifier = Verifier::new(Settings::default(), Some(Checked::new(policy, NOW)), Checked::new(trust, NOW));
    // Lines of the input: method, target, authority, then header names and values in turn.
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, target, authority) = (next(), next(), next());
    let rest: Vec<&[u8]> = lines.collect();
    let headers: Vec<Header<'_>> = rest.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let head = Head { method, target, authority, tls: false, headers: &headers };
    assert!(verifier.prove(&head, NOW).is_err());
}
