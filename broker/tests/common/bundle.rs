use serde_json::{Value, json};
use trustplane_core::json::{Limits, parse};
use trustplane_core::{base64url, signing_input};

use super::key;

/// A small signed bundle of this kind.
pub fn bundle(kind: &str, issued_at: u64) -> String {
    bundle_with(kind, |document| document["issued_at"] = json!(issued_at))
}

/// One that `change` makes another, signed by [`key`].
pub fn bundle_with(kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut document = match kind {
        "policy" => json!({
            "version": "trustplane-bundle-v1", "kind": "policy_runtime_bundle", "trust_domain": "example.test",
            "apis": [], "route_groups": [],
        }),
        _ => json!({
            "version": "trustplane-trust-material-bundle-v1", "kind": "trust_material_bundle", "issuers": [],
        }),
    };
    document["signed_by"] = json!({ "issuer": "i", "kid": "k", "alg": "EdDSA" });
    change(&mut document);
    let text = document.to_string();
    let input = signing_input(&parse(text.as_bytes(), Limits::DOCUMENT).unwrap()).unwrap();
    document["signature"] = json!({ "format": "ed25519-jcs-v1", "value": base64url(&key().sign(input.as_bytes())) });
    format!("{document:#}\n")
}
