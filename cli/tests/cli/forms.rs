//! One policy in three forms.

use crate::authoring::{BUILD, YAML, authored};
use crate::tool::{Folder, OTHER_PUBLIC, PUBLIC};

const TOML: &str = r#"
version = "trustplane-authoring-v1"
policy_id = "shop"
trust_domain = "shop.example"
defaults = { freshness_class = "bounded", max_staleness_seconds = 300 }

[[issuers]]
issuer = "https://issuer.shop.example"
[[issuers.keys]]
kid = "web-1"
public_key_b64url = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"
not_after = 2027-01-31T00:00:00Z
[[issuers.keys]]
jwk = { kty = "OKP", crv = "Ed25519", kid = "web-2", x = "gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q" }
max_key_binding = "hardware_local"

[[issuers]]
issuer = "https://ci.shop.example"
trust_domain = "ci.shop.example"
jwks = "keys/ci.jwks.json"

[[apis]]
api_id = "orders"
audience = "orders-api"
base_url = "https://orders.shop.example"
[[apis.routes]]
route_id = "orders.read"
method = "GET"
path_template = "/orders/{id}"
[[apis.routes]]
route_id = "orders.create"
method = "POST"
path_template = "/orders"
max_body_bytes = 65_536
freshness_class = "realtime"

[[callers]]
issuer = "https://issuer.shop.example"
subject_exact = "service:web"
may_call = ["orders.read", "orders.create"]
[[callers]]
source_type = "software_jwks"
issuer = "https://ci.shop.example"
subject_prefix = "pipeline:release:"
required_key_binding = "software"
context_policy = { required_workflow_id = "release", max_txn_value = 100 }
may_call = ["orders.read"]

[[revocations]]
type = "subject"
value = "service:old"
revoked_at = 1769817600
reason = "left"
"#;

#[test]
fn the_same_policy_in_three_forms_gives_the_same_bytes() {
    let folder = authored("shop.yaml", YAML);
    folder.write("shop.toml", TOML);
    folder.ok(&format!("bundle build --config shop.yaml {BUILD}"));
    let documents = |folder: &Folder| (folder.read("policy.json"), folder.read("trust.json"));
    let expected = documents(&folder);
    folder.ok(&format!("bundle build --config shop.toml {BUILD}"));
    assert_eq!(documents(&folder), expected);

    let key = |kid: &str, x: &str| format!(r#"{{"kid": "{kid}", "public_key_b64url": "{x}""#);
    let json = format!(
        r#"{{"version": "trustplane-authoring-v1", "policy_id": "shop", "trust_domain": "shop.example",
        "revocations": [{{"type": "subject", "value": "service:old", "revoked_at": 1769817600, "reason": "left"}}],
        "callers": [
          {{"may_call": ["orders.read", "orders.create"], "issuer": "https://issuer.shop.example", "subject_exact": "service:web"}},
          {{"source_type": "software_jwks", "issuer": "https://ci.shop.example", "subject_prefix": "pipeline:release:",
            "context_policy": {{"required_workflow_id": "release", "max_txn_value": 100}}, "may_call": ["orders.read"]}}],
        "apis": [{{"api_id": "orders", "audience": "orders-api", "base_url": "https://orders.shop.example", "routes": [
          {{"route_id": "orders.read", "method": "GET", "path_template": "/orders/{{id}}"}},
          {{"route_id": "orders.create", "method": "POST", "path_template": "/orders", "max_body_bytes": 65536, "freshness_class": "realtime"}}]}}],
        "issuers": [
          {{"issuer": "https://issuer.shop.example", "keys": [{}, "not_after": "2027-01-31T00:00:00Z"}}, {}, "max_key_binding": "hardware_local"}}]}},
          {{"issuer": "https://ci.shop.example", "trust_domain": "ci.shop.example", "jwks": "keys/ci.jwks.json"}}],
        "defaults": {{"freshness_class": "bounded", "max_staleness_seconds": 300}}}}"#,
        key("web-1", PUBLIC),
        key("web-2", OTHER_PUBLIC)
    );
    folder.write("shop.json", &json);
    folder.ok(&format!("bundle build --config shop.json {BUILD}"));
    assert_eq!(documents(&folder), expected);
}
