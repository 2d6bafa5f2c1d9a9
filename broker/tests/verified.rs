//! What the broker issues, the verifier accepts, for that request alone.

mod common;

use std::time::SystemTime;

use common::{PATIENCE, Running, ask_with, key, policy};
use serde_json::{Value, json};
use trustplane_broker::client::{Ask, ask, headers};
use trustplane_core::{Checked, Consumed, FilterConfig, Head, Reason, UnixTime, Verifier, sha256};

const BODY: &[u8] = br#"{"amount":"42.00"}"#;

fn now() -> UnixTime {
    UnixTime::from_secs(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

fn verifier(source: Value) -> Verifier {
    let unsigned = json!({ "issuer": "local://test", "kid": "none", "alg": "none" });
    let signature = json!({ "format": "unsigned-skeleton", "value": "none" });
    let config = json!({
        "allow_unsigned_dev_bundles": true,
        "trust_bundle": {
            "version": "trustplane-trust-material-bundle-v1",
            "kind": "trust_material_bundle",
            "issuers": [{
                "issuer": "https://broker.example.test",
                "trust_domain": "example.test",
                "keys": [{ "kid": "broker-1", "alg": "EdDSA", "public_key_b64url": key().public_key().to_base64url() }]
            }],
            "revocations": [],
            "signed_by": unsigned,
            "signature": signature
        },
        "policy_bundle": {
            "version": "trustplane-bundle-v1",
            "kind": "policy_runtime_bundle",
            "trust_domain": "example.test",
            "apis": [{ "api_id": "orders", "audience": "orders-api", "base_url": "https://orders.example" }],
            "route_groups": [{
                "route_group_id": "orders",
                "api_id": "orders",
                "routes": [{
                    "route_id": "orders.get",
                    "method": "POST",
                    "path_template": "/orders/{id}",
                    "risk": "medium",
                    "required_key_binding": "software",
                    "allowed_sources": [source],
                    "freshness_class": "offline-ok"
                }]
            }],
            "signed_by": unsigned,
            "signature": signature
        }
    });
    let text = config.to_string();
    let config = FilterConfig::parse(text.as_bytes()).unwrap();
    let (policy, trust) = config.load().unwrap();
    let policy = policy.map(|policy| Checked::new(policy, now()));
    Verifier::new(config.settings(), policy, Checked::new(trust, now()))
}

fn source() -> Value {
    json!({
        "issuer": "https://broker.example.test",
        "trust_domain": "example.test",
        "subject_exact": "service:orders-caller",
        "required_key_binding": "software",
        "provenance_policy": { "profile": "local/software" },
        "context_policy": { "required_tool_name": "orders-worker" }
    })
}

fn wanted() -> Ask<'static> {
    ask_with(|ask| {
        ask.method = "POST";
        ask.body_sha256 = sha256(BODY);
        ask.headers = &[("content-type", "application/json"), ("x-request-kind", "bulk")];
        ask.context = &[("tool_name", "orders-worker")];
    })
}

/// Issues for what is wanted, sends it to another target, and says what becomes of it.
fn present(source: Value, wanted: &Ask<'_>, target: &str) -> Result<(), Reason> {
    let broker = Running::start(&policy());
    let request = wanted.request().unwrap();
    let response = ask(&broker.socket(), &request, PATIENCE).unwrap();
    let issued = headers(&request, &response).unwrap().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let own = wanted.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let all: Vec<_> = own.chain(issued.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))).collect();
    let head = Head {
        method: wanted.method.as_bytes(),
        target: target.as_bytes(),
        authority: wanted.authority.as_bytes(),
        tls: true,
        headers: &all,
    };
    let verifier = verifier(source);
    let mut proven = verifier.prove(&head, now()).map_err(|denied| denied.reason())?;
    proven.feed(BODY)?;
    let admission = proven.settle(now()).map_err(|denied| denied.reason())?;
    admission.conclude(Consumed::Fresh, now()).map(drop).map_err(|denied| denied.reason())
}

#[test]
fn an_issued_request_passes_every_check() {
    assert_eq!(present(source(), &wanted(), "/orders/7?b=2&a=1"), Ok(()));
}

#[test]
fn the_same_passport_and_proof_carry_no_other_request() {
    for target in ["/orders/8?b=2&a=1", "/orders/7?b=2&a=2", "/orders/7"] {
        assert_eq!(present(source(), &wanted(), target), Err(Reason::RequestBindingMismatch), "{target}");
    }
}

#[test]
fn context_and_provenance_are_what_the_verifier_reads() {
    let mut other = source();
    other["context_policy"]["required_tool_name"] = json!("another-worker");
    assert_eq!(present(other, &wanted(), "/orders/7?b=2&a=1"), Err(Reason::ContextMismatch));
    let mut attested = source();
    attested["provenance_policy"]["profile"] = json!("trustplane-spiffe-spire-k8s-v1");
    assert_eq!(present(attested, &wanted(), "/orders/7?b=2&a=1"), Err(Reason::ProvenanceMismatch));
}
