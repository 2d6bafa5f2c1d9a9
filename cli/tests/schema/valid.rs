//! Documents that are right: the published ones, our examples, and one of each kind with every member.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use trustplane_core::{AuditEvent, Component, KeyBinding, PeerClaim, Reason, Trail, UnixTime};

use crate::asked::{descriptions, passport_request};
use crate::authored::authoring;
use crate::judge::{Case, by_reader, by_schema};
use crate::tool::{Folder, KEY, PUBLIC, repository};

const PUBLIC_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn unsigned(mut document: Value) -> Value {
    document["signed_by"] = json!({ "issuer": "i", "kid": "k", "alg": "none" });
    document["signature"] = json!({ "format": "unsigned-skeleton", "value": "v" });
    document
}

fn revocations() -> Value {
    json!([
        { "type": "jti", "value": "j", "issuer": "i", "revoked_at": 1, "reason": "r" },
        { "type": "source", "value": "spiffe://td/", "revoked_at": 0 },
    ])
}

/// A policy bundle with every member.
pub fn policy() -> Value {
    let source = json!({
        "source_type": "software_jwks", "issuer": "i", "trust_domain": "td", "subject_exact": "s",
        "required_key_binding": "software",
        "provenance_policy": { "profile": "p", "required_spiffe_trust_domain": "td", "required_posture": "q" },
        "context_policy": { "required_purpose": "x", "max_txn_value": "1000.00" },
    });
    let prefix = json!({
        "issuer": "i", "trust_domain": "td", "subject_prefix": "s:", "required_key_binding": "remote_kms",
        "context_policy": { "required_max_txn_value": 7 },
    });
    unsigned(json!({
        "version": "trustplane-bundle-v1", "kind": "policy_runtime_bundle",
        "contract_metadata": { "any": [null, "", 1, { "thing": true }] },
        "trust_domain": "td", "policy_id": "p", "policy_version": "1", "issued_at": 1_790_000_000,
        "apis": [{ "api_id": "a", "audience": "aud", "base_url": "https://orders.example:8443/v1" }],
        "route_groups": [{ "route_group_id": "g", "api_id": "a", "routes": [
            {
                "route_id": "r1", "method": "GET", "path_template": "/orders/{id}/a%20b", "match_type": "Exact",
                "risk": "low", "audience": "own", "required_key_binding": "hardware_local",
                "allowed_sources": [source, prefix], "freshness_class": "bounded", "max_staleness_seconds": 300,
                "query_form": "strict", "body_mode": "none", "max_body_bytes": 0,
            },
            {
                "route_id": "r2", "method": "POST", "path_template": "/files", "match_type": "PathPrefix",
                "required_key_binding": "software", "allowed_sources": [],
            },
        ] }],
        "scopes": [{ "scope": "a:read", "route_group_id": "g" }],
        "default_required_key_binding": "software", "default_freshness_class": "offline-ok",
        "default_max_staleness_seconds": 60, "default_query_form": "compat", "default_body_mode": "claimed",
        "default_max_body_bytes": 1024,
        "provenance_policy": { "required_posture": "q" }, "revocations": revocations(),
        "revocation_feed": { "freshness_class": "realtime" },
    }))
}

/// Trust material with every member.
pub fn trust() -> Value {
    unsigned(json!({
        "version": "trustplane-trust-material-bundle-v1", "kind": "trust_material_bundle",
        "contract_metadata": "any", "issued_at": 1_790_000_000,
        "issuers": [{ "issuer": "i", "trust_domain": "td", "keys": [
            {
                "kid": "k", "alg": "EdDSA", "public_key_b64url": PUBLIC_KEY, "max_key_binding": "remote_kms",
                "status": "active", "not_before": 2, "not_after": 9_007_199_254_740_992_u64,
            },
            { "kid": "l", "alg": "EdDSA", "public_key_b64url": PUBLIC_KEY, "status": "revoked" },
        ] }],
        "revocations": revocations(),
    }))
}

/// A configuration of the filter with every member but those of the other replay store.
pub fn config(replay: Value) -> Value {
    json!({
        "policy_bundle": policy(), "trust_bundle": trust(), "allow_unsigned_dev_bundles": true,
        "scheme": "https", "authority": "orders.example:8443", "hold": "trailing_buffer",
        "max_body_bytes": 0, "skew_seconds": 300, "max_ttl_seconds": 1, "realtime_window_seconds": 5,
        "covered_headers": { "required": ["content-type"], "exempt": ["x-own"], "uncovered": "remove" },
        "replay": replay, "key_cache": { "max_bytes": 0, "key_width": 4, "base_width": 10, "busy_width": 8 },
        "forward_credentials": true, "audit": false,
        "bundle_source": {
            "cluster": "bundles", "authority": "bundles.example", "policy_path": "/policy", "trust_path": "/trust",
            "interval_seconds": 120, "timeout_ms": 500,
        },
    })
}

pub fn stores() -> [Value; 2] {
    [
        json!({
            "store": "shared_data", "cold_margin_seconds": 2, "bucket_bytes": 1024, "multi_replica": false,
            "replicas": 1,
        }),
        json!({
            "store": "callout", "cluster": "replay", "authority": "replay.example", "path": "/v1/replay/consume",
            "timeout_ms": 60_000, "multi_replica": true, "replicas": 9,
        }),
    ]
}

/// A broker policy with every member.
pub fn broker_policy() -> Value {
    json!({
        "version": "trustplane-broker-policy-v1", "policy_id": "p", "policy_version": "1", "issuer": "i", "kid": "k",
        "trust_domain": "td", "ttl_seconds": 900,
        "callers": [{
            "peer": { "uid": 0, "gid": 4_294_967_295_u32, "executable": "/usr/bin/worker" },
            "subject": "s", "ttl_seconds": 1, "context_fields": ["purpose"],
            "requests": [{ "audience": "a", "route_id": "r", "methods": ["GET", "POST"] }],
        }],
    })
}

pub fn full() -> Vec<Case> {
    let mut cases = vec![
        Case { schema: "policy", document: policy() },
        Case { schema: "trust-material", document: trust() },
        Case { schema: "broker-policy", document: broker_policy() },
        Case { schema: "authoring", document: authoring() },
        Case { schema: "passport-request", document: passport_request() },
    ];
    cases.extend(descriptions().map(|document| Case { schema: "request-description", document }));
    cases.extend(stores().map(|store| Case { schema: "filter-config", document: config(store) }));
    cases.push(signed_config("envoy-config/envoy/envoy.json"));
    cases
}

/// The one configuration of our filter that an example holds, with signed bundles and their keys.
fn signed_config(example: &str) -> Case {
    let mut configs = Vec::new();
    filter_configs(&file(example), &mut configs);
    assert_eq!(configs.len(), 1, "{example}");
    Case { schema: "filter-config", document: configs.remove(0) }
}

fn file(path: &str) -> Value {
    serde_json::from_slice(&fs::read(repository(path)).unwrap()).unwrap()
}

/// What an Envoy configuration hands to our filter, wherever that stands.
fn filter_configs(envoy: &Value, found: &mut Vec<Value>) {
    match envoy {
        Value::Object(members) => {
            if let Some(text) = members.get("configuration").and_then(|it| it["value"].as_str()) {
                found.push(serde_json::from_str(text).unwrap());
            }
            members.values().for_each(|member| filter_configs(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| filter_configs(item, found)),
        _ => {}
    }
}

/// The published vector, the committed examples, and what the program builds and signs from them.
fn examples() -> Vec<Case> {
    let vector = file("core-nostd/vectors/bundle-v1.source-rules.json");
    let mut cases = vec![
        Case { schema: "policy", document: vector["policy_bundle"].clone() },
        Case { schema: "broker-policy", document: file("broker/policy.example.json") },
    ];
    cases.push(signed_config("envoy-config/istio/envoyfilter.json"));
    let folder = signed_examples();
    for (schema, name) in [("policy", "policy"), ("trust-material", "trust")] {
        for name in [format!("{name}.json"), format!("{name}.unsigned.json")] {
            cases.push(Case { schema, document: folder.json(&name) });
        }
    }
    cases
}

fn signed_examples() -> Folder {
    let folder = Folder::new();
    for (name, flag) in [("policy", "--policy-bundle"), ("trust", "--trust-material")] {
        let config = repository(&format!("envoy-config/{name}.config.json"));
        folder.ok(&format!("bundle build --config {} --out {name}.unsigned.json", config.display()));
        folder.ok(&format!(
            "bundle sign {flag} {name}.unsigned.json --out {name}.json --signer-issuer i --kid k --private-key {KEY}"
        ));
    }
    folder
}

#[test]
fn what_is_right_is_right_to_schema_and_reader() {
    let cases: Vec<Case> = full().into_iter().chain(examples()).collect();
    for (case, verdict) in cases.iter().zip(by_schema(&cases)) {
        assert_eq!((verdict, by_reader(case)), (Ok(()), Ok(())), "{case:?}");
    }
}

/// Every reason, about nothing and about everything.
pub fn events() -> Vec<Value> {
    let trail = Trail {
        request_id: Some("r".into()),
        route_id: Some("r".into()),
        audience: Some("a".into()),
        issuer: Some("i".into()),
        subject: Some("s".into()),
        jti: Some("j".into()),
        key_binding: Some(KeyBinding::Software),
        required_key_binding: Some(KeyBinding::AttestedWorkload),
        transcript_sha256: Some([0xab; 32]),
        policy_id: Some("p".into()),
        policy_version: Some("1".into()),
        source_profile: Some("p".into()),
        source_spiffe_id: Some("spiffe://td/w".into()),
        peer: Some(PeerClaim { uid: "0".into(), gid: "0".into(), pid: "1".into(), process: "unknown".into() }),
    };
    let occurred_at = UnixTime::from_secs(1_790_000_000);
    let mut events = Vec::new();
    for reason in Reason::ALL.iter().copied() {
        for (component, trail) in [(Component::Verifier, Trail::default()), (Component::Broker, trail.clone())] {
            let line = AuditEvent { occurred_at, reason, trail }.to_json(component);
            events.push(serde_json::from_str(&line).unwrap());
        }
    }
    events
}

/// One allowed and one denied request, as the verifier and a running broker record them.
fn recorded() -> Vec<Value> {
    let folder = signed_examples();
    let sign = "sign --json --subject service:web --issuer https://issuer.shop.example --trust-domain shop.example \
         --kid example-1 --audience orders-api --route-id orders.read --url https://orders.example/orders/7 \
         --private-key AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
    let signed: Value = serde_json::from_str(&folder.ok(sign)).unwrap();
    let headers = signed["headers"].as_array().unwrap().iter();
    let headers: Vec<_> =
        headers.map(|pair| format!("{}: {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
    folder.write("headers", &headers.join("\n"));
    let mut events = Vec::new();
    for (path, code) in [("/orders/7", 0), ("/orders/8", 1)] {
        let ran = folder.run(&format!(
            "verify --json --policy-bundle policy.json --policy-bundle-signature-public-key {PUBLIC} --bundle trust.json \
             --bundle-signature-public-key {PUBLIC} --authority orders.example --headers-file headers --path {path}"
        ));
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        events.push(serde_json::from_str(&ran.out).unwrap());
    }
    events.extend(recorded_by_a_broker(&folder));
    events
}

fn recorded_by_a_broker(folder: &Folder) -> Vec<Value> {
    let mut policy = broker_policy();
    policy["callers"][0]["peer"] = json!({ "uid": nix::unistd::geteuid().as_raw() });
    folder.write("broker.json", &policy.to_string());
    folder.write_key("key", 0o600);
    let line = "broker serve --socket run/broker.sock --policy broker.json --key-file key --audit-log audit.jsonl";
    let mut broker = folder.command(line).stderr(Stdio::null()).spawn().unwrap();
    let socket = folder.path("run/broker.sock");
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(broker.try_wait().unwrap().is_none(), "the broker ended");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let ask = "broker issue --socket run/broker.sock --audience a --url http://127.0.0.1/ --route-id";
    let codes = [folder.run(&format!("{ask} r")).code, folder.run(&format!("{ask} other")).code];
    broker.kill().unwrap();
    broker.wait().unwrap();
    assert_eq!(codes, [0, 1]);
    folder.read("audit.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_that_is_written_is_as_its_schema_says() {
    let recorded = recorded();
    let reasons: Vec<_> = recorded.iter().map(|event| event["reason_code"].as_str().unwrap()).collect();
    let expected = ["request_allowed", "request_binding_mismatch", "broker_passport_issued", "broker_route_denied"];
    assert_eq!(reasons, expected);
    let cases: Vec<Case> =
        events().into_iter().chain(recorded).map(|document| Case { schema: "audit-event", document }).collect();
    for (case, verdict) in cases.iter().zip(by_schema(&cases)) {
        assert_eq!(verdict, Ok(()), "{case:?}");
    }
}
