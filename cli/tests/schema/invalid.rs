//! Documents that are wrong, each in one way that people get wrong: schema and reader both refuse.

use serde_json::{Value, json};

use crate::asked::{descriptions, passport_request};
use crate::authored::authoring;
use crate::judge::{Case, by_reader, by_schema};
use crate::tool::OTHER_PUBLIC;
use crate::valid::{broker_policy, config, policy, stores, trust};

fn changed(schema: &'static str, mut document: Value, pointer: &str, value: Value) -> Case {
    let (above, name) = pointer.rsplit_once('/').unwrap();
    let holder = document.pointer_mut(above).unwrap();
    match holder {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        holder => holder[name] = value,
    }
    Case { schema, document }
}

/// Each with the place and the problem that the reader names.
fn cases() -> Vec<(Case, &'static str)> {
    let source = "/route_groups/0/routes/0/allowed_sources/0";
    let mut cases = Vec::new();
    let mut add = |schema, document: Value, pointer: &str, value, problem| {
        cases.push((changed(schema, document, pointer, value), problem));
    };
    for (pointer, value, problem) in [
        ("/version".to_owned(), json!("trustplane-bundle-v2"), "/version: expected \"trustplane-bundle-v1\""),
        ("/issued_at".into(), json!("2026-09-21T00:00:00Z"), "/issued_at: expected an integer"),
        ("/default_body_mode".into(), json!("Hashed"), "/default_body_mode: expected \"hashed\" or"),
        ("/apis/0/base_url".into(), json!("orders.example"), "/apis/0/base_url: expected http:// or https://"),
        (
            "/route_groups/0/routes/0/method".into(),
            json!("get"),
            "/route_groups/0/routes/0/method: expected upper-case",
        ),
        ("/route_groups/0/routes/0/path_template".into(), json!("/a/../b"), "/route_groups/0/routes/0/path_template: "),
        ("/route_groups/0/routes/1/path_template".into(), json!("/files/"), "/route_groups/0/routes/1/path_template: "),
        ("/route_groups/0/routes/0/audience".into(), json!(" a"), "/route_groups/0/routes/0/audience: has outer white"),
        (format!("{source}/subject_prefix"), json!("s:"), "has both subject_exact and subject_prefix"),
        (format!("{source}/required_key_binding"), json!("tpm"), "required_key_binding: expected \"software\" or"),
        (format!("{source}/mtls"), json!(true), "/allowed_sources/0/mtls: unknown member"),
        (format!("{source}/provenance_policy"), json!({}), "provenance_policy: requires nothing"),
        (format!("{source}/context_policy/max_txn_value"), json!("1e3"), "max_txn_value: expected a plain decimal"),
        (format!("{source}/context_policy/purpose"), json!("x"), "context_policy/purpose: unknown member"),
        ("/revocations/0/revoked_at".into(), json!(-1), "/revocations/0/revoked_at: expected an integer"),
        ("/signed_by/alg".into(), json!("EdDSA"), "/signature/format: expected \"ed25519-jcs-v1\""),
        ("/policy_id".into(), Value::Null, "/policy_id: expected a value, found null"),
    ] {
        add("policy", policy(), &pointer, value, problem);
    }
    for (pointer, value, problem) in [
        ("/kind", json!("policy_runtime_bundle"), "/kind: expected \"trust_material_bundle\""),
        ("/issuers/0/keys/0/alg", json!("ES256"), "/issuers/0/keys/0/alg: expected \"EdDSA\""),
        ("/issuers/0/keys/0/status", json!("retired"), "/issuers/0/keys/0/status: expected \"active\" or \"revoked\""),
        ("/issuers/0/keys/0/public_key_b64url", json!("AAAA"), "public_key_b64url: not unpadded base64url of 32 bytes"),
        ("/issuers/0/keys/0/kid", json!(""), "/issuers/0/keys/0/kid: an empty string"),
        ("/issuers/0/keys/0/use", json!("sig"), "/issuers/0/keys/0/use: unknown member"),
        ("/issuers/0/trust_domain", json!("a\nb"), "/issuers/0/trust_domain: a control character"),
    ] {
        add("trust-material", trust(), pointer, value, problem);
    }
    let [shared, callout] = stores();
    for (store, pointer, value, problem) in [
        (&shared, "/replay/replicas", json!(2), "/replay: shared_data is the memory of one Envoy"),
        (&shared, "/replay/cluster", json!("replay"), "/replay/cluster: unknown member"),
        (&shared, "/replay/bucket_bytes", json!(512), "/replay/bucket_bytes: expected an integer from 1024 to 65536"),
        (&callout, "/replay/bucket_bytes", json!(2048), "/replay/bucket_bytes: unknown member"),
        (&callout, "/replay/timeout_ms", json!(0), "/replay/timeout_ms: expected an integer from 1 to 60000"),
        (&callout, "/replay/authority", json!("Replay"), "/replay/authority: expected host or host:port"),
        (&shared, "/allow_unsigned_dev_bundles", json!(false), "/trust_bundle_signature_public_key: missing member"),
        (&shared, "/covered_headers/required/0", json!("Accept"), "/covered_headers/required/0: expected a lower-case"),
        (&shared, "/skew_seconds", json!(301), "/skew_seconds: expected an integer from 0 to 300"),
        (&shared, "/scheme", json!("ftp"), "/scheme: expected \"http\" or \"https\""),
        (&shared, "/bundle_source", json!({}), "/bundle_source/cluster: expected the name of an Envoy cluster"),
        (&shared, "/bundle_source/interval_seconds", json!(0), "/bundle_source/interval_seconds: expected an integer"),
        (&shared, "/bundle_source/trust_path", json!("trust"), "/bundle_source/trust_path: expected a plain path"),
        (&shared, "/bundle_source/url", json!("http://b"), "/bundle_source/url: unknown member"),
        (&shared, "/exempt_headers", json!([]), "/exempt_headers: unknown member"),
    ] {
        add("filter-config", config(store.clone()), pointer, value, problem);
    }
    for (pointer, value, problem) in [
        ("/version", json!("1"), "/version: expected \"trustplane-authoring-v1\""),
        ("/policy_id", Value::Null, "/policy_id: expected a value, found null"),
        ("/defaults/freshness_class", json!("offline_ok"), "/defaults/freshness_class: expected \"realtime\" or"),
        ("/defaults/deny", json!(true), "/defaults/deny: unknown member"),
        ("/issuers/1", json!({ "issuer": "o" }), "/issuers/1: an issuer without keys vouches for nobody"),
        ("/issuers/0/keys/0/jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": OTHER_PUBLIC }), "has both public_key"),
        ("/issuers/0/keys/0/not_before", json!("2026-01-31"), "not_before: expected Unix seconds or a time such as"),
        ("/issuers/0/keys/1/jwk/d", json!("x"), "/issuers/0/keys/1/jwk/d: a private key"),
        ("/issuers/0/keys/1/jwk/crv", json!("X25519"), "/issuers/0/keys/1/jwk/crv: expected \"Ed25519\""),
        ("/apis/0/routes/0/method", json!("get"), "/apis/0/routes/0/method: expected upper-case letters alone"),
        ("/callers/0/may_call/1", json!("r1"), "/callers/0/may_call/1: listed before"),
        ("/callers/0/subject_prefix", json!("s:"), "/callers/0: has both subject_exact and subject_prefix"),
        ("/revocations/0/type", json!("fleet"), "/revocations/0/type: expected \"jti\" or \"kid\""),
    ] {
        add("authoring", authoring(), pointer, value, problem);
    }
    for (pointer, value, problem) in [
        ("/version", json!("trustplane-broker-policy-v2"), "/version: expected \"trustplane-broker-policy-v1\""),
        ("/ttl_seconds", json!(901), "/ttl_seconds: expected 1 to 900 seconds"),
        ("/callers/0/peer", json!({ "executable": "/bin/sh" }), "/callers/0/peer: names neither uid nor gid"),
        ("/callers/0/peer/executable", json!("sh"), "/callers/0/peer/executable: not an absolute path"),
        ("/callers/0/peer/executable", Value::Null, "/callers/0/peer/executable: expected a value, found null"),
        ("/callers/0/requests", json!([]), "/callers/0/requests: lists nothing"),
        ("/callers/0/requests/0/methods/1", json!("post"), "/callers/0/requests/0/methods/1: expected a method"),
        ("/callers/0/subject", json!("s "), "/callers/0/subject: empty, or with outer white space"),
        ("/callers/0/routes", json!([]), "/callers/0/routes: unknown member"),
    ] {
        add("broker-policy", broker_policy(), pointer, value, problem);
    }
    for (pointer, value, problem) in [
        ("/ttl_seconds", json!(901), "/ttl_seconds: expected 1 to 900 seconds"),
        ("/key_binding", json!("hardware_local"), "/key_binding: expected \"software\""),
        ("/public_key_b64url", json!("x"), "/public_key_b64url: not unpadded base64url of 32 bytes"),
        ("/context", json!({ "purpose": 7 }), "/context/purpose: expected a string"),
        ("/jti", json!("mine"), "/jti: unknown member"),
    ] {
        add("passport-request", passport_request(), pointer, value, problem);
    }
    let [by_text, by_bytes, by_digest] = descriptions();
    for (document, pointer, value, problem) in [
        (&by_text, "/headers", json!({ "A": "b" }), "/headers: expected an array"),
        (&by_text, "/headers/0", json!("A: b"), "/headers/0: expected "),
        (&by_text, "/headers/0/0", json!("a b"), "/headers/0/0: no header's name"),
        (&by_text, "/body_sha256", json!("0".repeat(64)), "has more than one of body"),
        (&by_text, "/explain", json!(false), "/signer_transcript: is for an explanation"),
        (&by_text, "/signer_transcript/3", json!("host=h"), "/signer_transcript/3: expected authority="),
        (&by_text, "/signer_transcript", json!([]), "/signer_transcript: expected twenty lines, found 0"),
        (&by_bytes, "/body_b64url", json!("_-9"), "/body_b64url: not unpadded base64url"),
        (&by_digest, "/body_sha256", json!("0A"), "/body_sha256: expected 64 hex digits"),
    ] {
        add("request-description", document.clone(), pointer, value, problem);
    }
    cases
}

#[test]
fn what_is_wrong_is_wrong_to_schema_and_reader() {
    let (cases, problems): (Vec<_>, Vec<_>) = cases().into_iter().unzip();
    for ((case, problem), by_schema) in cases.iter().zip(problems).zip(by_schema(&cases)) {
        assert!(by_schema.is_err(), "{problem}");
        let by_reader = by_reader(case).unwrap_err();
        assert!(by_reader.contains(problem), "{problem}: {by_reader}");
    }
}

/// Nothing of ours reads events; these are what their readers rely on never to meet.
#[test]
fn events_that_contradict_themselves_or_tell_a_secret_are_refused() {
    let event = json!({
        "version": "trustplane-auth-audit-event-v0.1", "occurred_at": "2026-09-21T00:00:00Z", "component": "verifier",
        "outcome": "deny", "accepted": false, "reason_code": "jti_replay", "detail_reason": "x",
    });
    let cases: Vec<Case> = [
        ("/outcome", json!("allow")),
        ("/accepted", json!(true)),
        ("/reason_code", json!("request_allowed")),
        ("/reason_code", json!("out_of_luck")),
        ("/component", json!("filter")),
        ("/occurred_at", json!(1_790_000_000)),
        ("/occurred_at", json!("2026-09-21 00:00:00")),
        ("/transcript_sha256", json!("ab")),
        ("/key_binding", json!("tpm")),
        ("/passport", json!("eyJ")),
        ("/peer", json!({ "uid": 0 })),
    ]
    .into_iter()
    .map(|(pointer, value)| changed("audit-event", event.clone(), pointer, value))
    .chain([Case { schema: "audit-event", document: json!({}) }])
    .collect();
    for (case, verdict) in cases.iter().zip(by_schema(&cases)) {
        assert!(verdict.is_err(), "{case:?}");
    }
    assert_eq!(by_schema(&[Case { schema: "audit-event", document: event }]), [Ok(())]);
}
