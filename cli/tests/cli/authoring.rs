//! One authoring file gives both documents; its faults are told of where its author wrote them.

use crate::tool::{Folder, OTHER_PUBLIC, PUBLIC};

pub const YAML: &str = r#"# Who may use the shop's API.
version: trustplane-authoring-v1
policy_id: shop
trust_domain: shop.example

defaults:
  freshness_class: bounded
  max_staleness_seconds: 300

issuers:
  - issuer: https://issuer.shop.example
    keys:
      - kid: web-1
        public_key_b64url: iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        not_after: 2027-01-31T00:00:00Z
      - jwk: { kty: OKP, crv: Ed25519, kid: web-2, x: gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q }
        max_key_binding: hardware_local
  - issuer: https://ci.shop.example
    trust_domain: ci.shop.example
    jwks: keys/ci.jwks.json

apis:
  - api_id: orders
    audience: orders-api
    base_url: https://orders.shop.example
    routes:
      - { route_id: orders.read, method: GET, path_template: "/orders/{id}" }
      - route_id: orders.create
        method: POST
        path_template: /orders
        max_body_bytes: 65536
        freshness_class: realtime

callers:
  - issuer: https://issuer.shop.example
    subject_exact: service:web
    may_call: [orders.read, orders.create]
  - source_type: software_jwks
    issuer: https://ci.shop.example
    subject_prefix: "pipeline:release:"
    required_key_binding: software
    context_policy:
      required_workflow_id: release
      max_txn_value: 100
    may_call: [orders.read]

revocations:
  - { type: subject, value: "service:old", revoked_at: 2026-01-31T00:00:00Z, reason: left }
"#;

pub const JWKS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ci-1","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"}]}"#;

/// A folder with the authoring file and its key set.
pub fn authored(name: &str, text: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("keys")).unwrap();
    folder.write("keys/ci.jwks.json", JWKS);
    folder.write(name, text);
    folder
}

pub const BUILD: &str = "--out-policy-bundle policy.json --out-trust-material trust.json";

#[test]
fn an_authoring_file_gives_both_documents_in_full() {
    let folder = authored("shop.yaml", YAML);
    assert_eq!(
        folder.ok(&format!("bundle build --config shop.yaml {BUILD}")),
        "out     trust.json\nkind    trust_material_bundle\nsigned  false\n\
         out     policy.json\nkind    policy_runtime_bundle\nsigned  false\n"
    );
    let skeleton =
        serde_json::json!({"issuer": "local://trustplane.bundle.build", "kid": "unsigned-skeleton", "alg": "none"});
    let trust = folder.json("trust.json");
    assert_eq!(trust["signed_by"], skeleton);
    assert_eq!(
        trust["issuers"],
        serde_json::json!([
            {"issuer": "https://issuer.shop.example", "trust_domain": "shop.example", "keys": [
                {"kid": "web-1", "alg": "EdDSA", "public_key_b64url": PUBLIC, "max_key_binding": "software", "not_after": 1801353600},
                {"kid": "web-2", "alg": "EdDSA", "public_key_b64url": OTHER_PUBLIC, "max_key_binding": "hardware_local"},
            ]},
            {"issuer": "https://ci.shop.example", "trust_domain": "ci.shop.example", "keys": [
                {"kid": "ci-1", "alg": "EdDSA", "public_key_b64url": PUBLIC, "max_key_binding": "software"},
            ]},
        ])
    );
    assert_eq!(
        trust["revocations"],
        serde_json::json!([{"type": "subject", "value": "service:old", "revoked_at": 1769817600, "reason": "left"}])
    );
    let web = serde_json::json!({"issuer": "https://issuer.shop.example", "trust_domain": "shop.example",
        "subject_exact": "service:web", "required_key_binding": "software"});
    let mut policy = folder.json("policy.json");
    assert_eq!(policy["signed_by"], skeleton);
    for member in ["signed_by", "signature"] {
        policy.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(
        policy,
        serde_json::json!({
            "version": "trustplane-bundle-v1", "kind": "policy_runtime_bundle", "policy_id": "shop", "trust_domain": "shop.example",
            "apis": [{"api_id": "orders", "audience": "orders-api", "base_url": "https://orders.shop.example"}],
            "route_groups": [{"route_group_id": "orders", "api_id": "orders", "routes": [
                {"route_id": "orders.read", "method": "GET", "path_template": "/orders/{id}", "allowed_sources": [web, {
                    "source_type": "software_jwks", "issuer": "https://ci.shop.example", "trust_domain": "ci.shop.example",
                    "subject_prefix": "pipeline:release:", "required_key_binding": "software",
                    "context_policy": {"max_txn_value": 100, "required_workflow_id": "release"}}]},
                {"route_id": "orders.create", "method": "POST", "path_template": "/orders", "freshness_class": "realtime",
                    "max_body_bytes": 65536, "allowed_sources": [web]},
            ]}],
            "default_required_key_binding": "software", "default_freshness_class": "bounded", "default_max_staleness_seconds": 300,
            "revocations": [],
        })
    );
}

#[test]
fn the_members_of_one_document_may_be_yaml_too() {
    let folder = Folder::new();
    folder.write("trust.yaml", &format!("issuers:\n  - issuer: i\n    trust_domain: d\n    keys:\n      - {{kid: k, alg: EdDSA, public_key_b64url: {PUBLIC}}}\n"));
    let built: serde_json::Value = serde_json::from_str(&folder.ok("bundle build --config trust.yaml")).unwrap();
    assert_eq!(
        (&built["kind"], &built["issuers"][0]["keys"][0]["kid"]),
        (&"trust_material_bundle".into(), &"k".into())
    );
    assert_eq!(
        folder.fault("bundle build --config trust.yaml --out-policy-bundle p.json"),
        "error: trust.yaml: /version: missing member: an authoring file, which gives both documents, has \"trustplane-authoring-v1\" here (line 1)\n"
    );
}

#[test]
fn a_fault_is_told_of_the_place_that_its_author_wrote() {
    for (from, to, problem) in [
        (
            "subject_exact: service:web",
            "subject_exact: 7",
            "/callers/0/subject_exact: expected a string, found an integer (line 36, column 20)",
        ),
        (
            "method: POST",
            "method: post",
            "/apis/0/routes/1/method: expected upper-case letters alone (line 29, column 17)",
        ),
        ("\"pipeline:release:\"", "pipeline", "/callers/1/subject_prefix: must end in ':' or '/' (line 40, column 21)"),
        (
            "may_call: [orders.read]",
            "may_call: [orders.raed]",
            "/callers/1/may_call/0: no route has the id \"orders.raed\" (line 45, column 16)",
        ),
        ("may_call: [orders.read]", "may_call: []", "/callers/1/may_call: lists nothing (line 45, column 15)"),
        (
            "may_call: [orders.read]",
            "may_call: [orders.read, orders.read]",
            "/callers/1/may_call/1: listed before (line 45, column 29)",
        ),
        (
            "issuer: https://ci.shop.example\n    subject",
            "issuer: https://other.example\n    subject",
            "/callers/1/issuer: no issuer \"https://other.example\" here (line 39, column 13)",
        ),
        (
            "hardware_local",
            "hardware",
            "/issuers/0/keys/1/max_key_binding: expected \"software\" or \"remote_kms\" or \"hardware_local\" or \"attested_workload\", found \"hardware\" (line 17, column 26)",
        ),
        ("web-2", "web-1", "/issuers/0/keys/1/jwk/kid: listed before (line 16, column 45)"),
        (
            "Pb1w\n",
            "Pb1x\n",
            "/issuers/0/keys/0/public_key_b64url: not unpadded base64url of 32 bytes (line 14, column 28)",
        ),
        ("kty: OKP", "kty: EC", "/issuers/0/keys/1/jwk/kty: expected \"OKP\", found \"EC\" (line 16, column 21)"),
        (
            "kty: OKP",
            "d: x, kty: OKP",
            "/issuers/0/keys/1/jwk/d: a private key: verifiers get the public half alone, without d (line 16, column 19)",
        ),
        (
            "2027-01-31T00:00:00Z",
            "tomorrow",
            "/issuers/0/keys/0/not_after: expected Unix seconds or a time such as 2026-01-31T00:00:00Z, found \"tomorrow\" (line 15, column 20)",
        ),
        (
            "freshness_class: bounded\n",
            "query_form: strict\n",
            "/apis/0/routes/0/freshness_class: missing member: defaults name none either (line 27, column 9)",
        ),
        (
            "ci.jwks.json",
            "none.json",
            "/issuers/1/jwks: keys/none.json: No such file or directory (os error 2) (line 20, column 11)",
        ),
        (
            "max_txn_value: 100",
            "max_txn_value: lots",
            "/callers/1/context_policy/max_txn_value: expected a plain decimal that is not negative (line 44, column 22)",
        ),
        ("policy_id: shop", "policy_name: shop", "/policy_name: unknown member (line 3, column 14)"),
        (
            "    jwks: keys/ci.jwks.json\n",
            "",
            "/issuers/1: an issuer without keys vouches for nobody (line 18, column 5)",
        ),
        (
            "trust_domain: shop.example\n\n",
            "trust_domain: ''\n\n",
            "/trust_domain: an empty string (line 4, column 15)",
        ),
        (
            "300",
            "3.5",
            "/defaults/max_staleness_seconds: expected an integer within ±2^53, found 3.5: a text stands in quotes (line 8, column 26)",
        ),
    ] {
        assert!(YAML.contains(from), "{from}");
        let folder = authored("shop.yaml", &YAML.replacen(from, to, 1));
        let ran = folder.run(&format!("bundle build --config shop.yaml {BUILD}"));
        assert_eq!(
            (ran.code, ran.out.as_str(), ran.err.as_str()),
            (2, "", format!("error: shop.yaml: {problem}\n").as_str())
        );
        assert!(!folder.path("policy.json").exists() && !folder.path("trust.json").exists());
    }
}

#[test]
fn a_fault_of_a_key_set_is_told_of_its_own_file() {
    let folder = authored("shop.yaml", YAML);
    folder.write("keys/ci.jwks.json", &JWKS.replace("ci-1", ""));
    assert_eq!(
        folder.run(&format!("bundle build --config shop.yaml {BUILD}")).err,
        "error: keys/ci.jwks.json: /keys/0/kid: an empty string (line 1, column 45)\n"
    );
    folder.write("keys/ci.jwks.json", r#"{"keys":[{"kty":"RSA","n":"x","e":"y"}]}"#);
    assert_eq!(
        folder.run(&format!("bundle build --config shop.yaml {BUILD}")).err,
        "error: keys/ci.jwks.json: /keys: no Ed25519 key (line 1, column 9)\n"
    );
}

#[test]
fn an_authoring_file_wants_to_know_where_both_documents_go() {
    let folder = authored("shop.yaml", YAML);
    assert_eq!(
        folder.fault("bundle build --config shop.yaml"),
        "error: shop.yaml: an authoring file gives two documents: say where with --out-policy-bundle and --out-trust-material\n"
    );
    let policy = folder.ok("bundle build --config shop.yaml --out-policy-bundle -");
    assert!(policy.starts_with("{\n  \"version\": \"trustplane-bundle-v1\","), "{policy}");
}
