//! Any head an unauthenticated client can send is judged, and none is allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustplane_core::json::{Limits, parse};
use trustplane_core::{Checked, Head, Header, Pin, Policy, Settings, Trust, UnixTime, Verifier};

const NOW: UnixTime = UnixTime::from_secs(1_750_000_000);
const POLICY: &[u8] = br#"{"version":"trustplane-bundle-v1","kind":"policy_runtime_bundle","trust_domain":"t",
"apis":[{"api_id":"a","audience":"a"}],"route_groups":[{"route_group_id":"g","api_id":"a","routes":[
{"route_id":"r","method":"GET","path_template":"/","match_type":"PathPrefix","allowed_sources":[],"freshness_class":"offline-ok"}]}],
"signed_by":{"issuer":"local","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"-"}}"#;
const TRUST: &[u8] = br#"{"version":"trustplane-trust-material-bundle-v1","kind":"trust_material_bundle","issuers":[],
"signed_by":{"issuer":"local","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"-"}}"#;

fuzz_target!(|bytes: &[u8]| {
    let document = |text| parse(text, Limits::DOCUMENT).expect("our own JSON");
    let policy = Policy::load(&document(POLICY), &Pin::UnsignedDev).expect("our own policy");
    let trust = Trust::load(&document(TRUST), &Pin::UnsignedDev).expect("our own trust material");
    let verifier = Verifier::new(
        Settings::default(),
        Some(Checked::new(policy, NOW)),
        Checked::new(trust, NOW),
    );
    // Lines of the input: method, target, authority, then header names and values in turn.
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, target, authority) = (next(), next(), next());
    let rest: Vec<&[u8]> = lines.collect();
    let headers: Vec<Header<'_>> = rest.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let head = Head { method, target, authority, tls: false, headers: &headers };
    assert!(verifier.prove(&head, NOW).is_err());
});
