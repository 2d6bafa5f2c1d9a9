//! An authoring file with every member, and its reader.

use std::cell::OnceCell;
use std::path::Path;

use serde_json::{Value, json};
use trustplane::authoring::{File, build};
use trustplane::value::compact;

use crate::judge::{Case, by_schema};
use crate::tool::{Folder, OTHER_PUBLIC, PUBLIC, repository};

const KEY_SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"set-1","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"}]}"#;

pub fn authoring() -> Value {
    json!({
        "version": "trustplane-authoring-v1", "policy_id": "p", "policy_version": "1", "trust_domain": "td",
        "defaults": {
            "required_key_binding": "software", "freshness_class": "bounded", "max_staleness_seconds": 60,
            "query_form": "compat", "body_mode": "claimed", "max_body_bytes": 1024,
        },
        "provenance_policy": { "required_posture": "q", "required_spiffe_trust_domain": "td" },
        "issuers": [
            {
                "issuer": "i", "trust_domain": "td", "max_key_binding": "remote_kms", "jwks": "set.json",
                "keys": [
                    {
                        "kid": "k", "public_key_b64url": PUBLIC, "max_key_binding": "software", "status": "active",
                        "not_before": 2, "not_after": "2027-01-31T00:00:00.5Z",
                    },
                    { "jwk": {
                        "kty": "OKP", "crv": "Ed25519", "x": OTHER_PUBLIC, "kid": "l", "alg": "EdDSA", "use": "sig",
                    } },
                ],
            },
            { "issuer": "o", "jwks": "set.json" },
        ],
        "apis": [{ "api_id": "a", "audience": "aud", "base_url": "https://orders.example:8443/v1", "routes": [
            {
                "route_id": "r1", "method": "GET", "path_template": "/orders/{id}", "match_type": "Exact",
                "risk": "low", "audience": "own", "required_key_binding": "hardware_local",
                "freshness_class": "offline-ok", "max_staleness_seconds": 300, "query_form": "strict",
                "body_mode": "none", "max_body_bytes": 0,
            },
            { "route_id": "r2", "method": "POST", "path_template": "/files", "match_type": "PathPrefix" },
        ] }],
        "callers": [
            {
                "source_type": "software_jwks", "issuer": "i", "trust_domain": "td", "subject_exact": "s",
                "required_key_binding": "software", "provenance_policy": { "profile": "p" },
                "context_policy": { "required_purpose": "x", "max_txn_value": 7 }, "may_call": ["r1", "r2"],
            },
            {
                "issuer": "i", "subject_prefix": "s:", "may_call": ["r1"],
                "context_policy": { "required_max_txn_value": "1.5" },
            },
        ],
        "revocations": [
            { "type": "jti", "value": "j", "issuer": "i", "revoked_at": "2026-01-31T00:00:00Z", "reason": "r" },
            { "type": "source", "value": "s:", "revoked_at": 0 },
        ],
    })
}

/// Both documents are made and loaded.
pub fn read(document: &Value) -> Result<(), String> {
    thread_local! {
        static FOLDER: OnceCell<Folder> = const { OnceCell::new() };
    }
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let folder = Folder::new();
            folder.write("set.json", KEY_SET);
            folder
        });
        folder.write("authoring.json", &document.to_string());
        let built = File::read(Path::new(&folder.path("authoring.json"))).and_then(build);
        built.map(drop).map_err(|fault| fault.to_string())
    })
}

/// Each in the folder that its key sets are in.
#[test]
fn the_examples_in_every_form_are_right_to_schema_and_reader() {
    let paths =
        ["aws-ec2/authoring.json", "oidc-jwks/authoring.toml", "software-jwks/authoring.yaml", "spiffe/authoring.yaml"];
    let files = paths.map(|path| File::read(&repository(&format!("envoy-config/tiers/{path}"))).unwrap());
    let cases: Vec<Case> = files
        .iter()
        .map(|file| serde_json::from_str(&compact(file.value())).unwrap())
        .map(|document| Case { schema: "authoring", document })
        .collect();
    assert_eq!(by_schema(&cases), [Ok(()), Ok(()), Ok(()), Ok(())]);
    for file in files {
        build(file).unwrap();
    }
}
