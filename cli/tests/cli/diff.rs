//! What a change means, in the words of policy.

use crate::authoring::{BUILD, YAML, authored};
use crate::bundles::signed;
use crate::tool::{Folder, OTHER_KEY, OTHER_PUBLIC};

/// The authoring file, and another of the same form.
fn pair(changes: &[(&str, &str)]) -> Folder {
    let folder = authored("old.yaml", YAML);
    let new = changes.iter().fold(YAML.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    folder.write("new.yaml", &new);
    folder
}

#[track_caller]
fn assert_diff(changes: &[(&str, &str)], expected: &str) {
    let ran = pair(changes).run("bundle diff old.yaml new.yaml");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, expected, ""));
}

#[test]
fn callers_gain_and_lose_routes() {
    assert_diff(
        &[("may_call: [orders.read]", "may_call: [orders.create]")],
        "+ pipeline:release:* of https://ci.shop.example in ci.shop.example: orders.create (POST /orders, audience orders-api)\n    \
             with software or higher, context {\"max_txn_value\":100,\"required_workflow_id\":\"release\"}, source_type software_jwks\n\
         - pipeline:release:* of https://ci.shop.example in ci.shop.example: orders.read (GET /orders/{id}, audience orders-api)\n",
    );
}

#[test]
fn callers_keep_a_route_on_other_terms() {
    assert_diff(
        &[
            ("      max_txn_value: 100\n", ""),
            ("    required_key_binding: software\n", "    required_key_binding: remote_kms\n"),
        ],
        "~ pipeline:release:* of https://ci.shop.example in ci.shop.example: orders.read (GET /orders/{id}, audience orders-api)\n    \
             terms: software or higher, context {\"max_txn_value\":100,\"required_workflow_id\":\"release\"}, source_type software_jwks -> \
             remote_kms or higher, context {\"required_workflow_id\":\"release\"}, source_type software_jwks\n",
    );
}

#[test]
fn routes_come_go_and_change() {
    let new_route = "      - { route_id: orders.list, method: GET, path_template: /orders, query_form: strict }\n      - route_id: orders.create";
    assert_diff(
        &[
            ("      - route_id: orders.create", new_route),
            (
                "method: POST\n        path_template: /orders\n        max_body_bytes: 65536\n",
                "method: PUT\n        path_template: /orders\n        match_type: PathPrefix\n        body_mode: claimed\n        required_key_binding: hardware_local\n        risk: high\n",
            ),
            ("max_staleness_seconds: 300", "max_staleness_seconds: 60"),
        ],
        "+ route orders.list (GET /orders, audience orders-api)\n\
         ~ route orders.read\n    freshness: bounded 300 s -> bounded 60 s\n\
         ~ route orders.create\n    method: POST -> PUT\n    path: /orders -> /orders and below\n    \
             required_key_binding: software -> hardware_local\n    body_mode: hashed -> claimed\n    \
             max_body_bytes: 65536 -> nothing\n    risk: nothing -> high\n",
    );
    let read = "      - { route_id: orders.read, method: GET, path_template: \"/orders/{id}\" }\n";
    assert_diff(
        &[(read, ""), ("        freshness_class: realtime\n", &format!("        freshness_class: realtime\n{read}"))],
        "~ routes stand in another order, which decides between templates that share a path\n",
    );
}

#[test]
fn keys_issuers_and_revocations_come_go_and_change() {
    assert_diff(
        &[
            ("        not_after: 2027-01-31T00:00:00Z\n", "        status: revoked\n"),
            ("max_key_binding: hardware_local", "max_key_binding: remote_kms"),
            ("kid: web-2", "kid: web-3"),
            ("\napis:", "  - { issuer: 'https://new.example', jwks: keys/ci.jwks.json }\n\napis:"),
            ("value: \"service:old\"", "value: \"service:older\", issuer: i"),
            ("policy_id: shop", "policy_id: shop\npolicy_version: '2'"),
        ],
        "+ issuer https://new.example\n\
         + key web-3 of https://issuer.shop.example, up to remote_kms\n\
         + key ci-1 of https://new.example, up to software\n\
         - key web-2 of https://issuer.shop.example, up to hardware_local\n\
         ~ key web-1 of https://issuer.shop.example\n    status: active -> revoked\n    not_after: 2027-01-31T00:00:00Z -> nothing\n\
         + revocation of subject service:older of i since 2026-01-31T00:00:00Z, \"left\" (trust material)\n\
         - revocation of subject service:old since 2026-01-31T00:00:00Z, \"left\" (trust material)\n\
         ~ policy_version: nothing -> \"2\"\n",
    );
}

#[test]
fn who_signed_and_when_is_no_difference() {
    let folder = Folder::new();
    signed(&folder);
    let ran = folder.run("bundle diff policy.unsigned.json policy.json");
    assert_eq!(ran.code, 0);
    let issued = folder.ok_json("bundle diff policy.unsigned.json policy.json")["envelope"][1]["now"].clone();
    assert_eq!(
        ran.out,
        format!(
            "the same policy\n  (policy bundle signed by: local://trustplane.bundle.build with unsigned-skeleton -> local://signer with signer-1)\n  \
             (policy bundle issued at: nothing -> {})\n",
            issued.as_str().unwrap()
        )
    );
}

#[test]
fn what_was_built_is_what_was_authored() {
    let folder = pair(&[]);
    folder.ok(&format!("bundle build --config old.yaml {BUILD}"));
    let ran = folder.run("bundle diff old.yaml policy.json");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "the same policy\n", "note: only one of the files has trust material: it is not compared\n")
    );
    assert_eq!(folder.run("bundle diff trust.json new.yaml").code, 0);
    assert_eq!(
        folder.fault("bundle diff trust.json policy.json"),
        "error: one file is a policy and the other is trust material: nothing to compare\n"
    );
}

#[test]
fn a_machine_reads_the_same() {
    let folder = Folder::new();
    signed(&folder);
    folder.ok(&format!(
        "bundle merge-source --trust-material trust.json --policy-bundle policy.json --out-policy-bundle new.json --out-trust-material t.json \
         --issuer https://new.example --trust-domain new.example --kid n-1 --public-key {OTHER_PUBLIC} --route-id orders.read \
         --subject-prefix service:batch:"
    ));
    let ran = folder.run("bundle diff policy.json new.json --json");
    assert_eq!(ran.code, 1);
    let diff: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(diff["same"], false);
    assert_eq!(
        diff["gains"],
        serde_json::json!([{
            "issuer": "https://new.example", "trust_domain": "new.example", "subject_prefix": "service:batch:",
            "route_id": "orders.read", "method": "GET", "path_template": "/orders/{id}", "audience": "orders-api",
            "on_terms": ["software or higher"],
        }])
    );
    assert_eq!(
        (&diff["loses"], &diff["terms"], &diff["routes_changed"]),
        (&serde_json::json!([]), &serde_json::json!([]), &serde_json::json!([]))
    );
    let trust: serde_json::Value =
        serde_json::from_str(&folder.run("bundle diff trust.json t.json --json").out).unwrap();
    assert_eq!(trust["issuers_added"], serde_json::json!(["https://new.example"]));
    assert_eq!(
        trust["keys_added"],
        serde_json::json!([{"issuer": "https://new.example", "kid": "n-1", "public_key": OTHER_PUBLIC, "max_key_binding": "software"}])
    );
}

#[test]
fn a_rotation_and_a_revocation_are_told_as_such() {
    let folder = Folder::new();
    signed(&folder);
    folder.write_key("signer.key", 0o600);
    folder.write("signer.key", OTHER_KEY);
    let line = "bundle rotate-key trust.json --issuer https://issuer.shop.example --kid web-2 --overlap 1h --from 1790000000 --out new.json";
    folder.ok(&format!("{line} --public-key {OTHER_PUBLIC} --signing-key signer.key"));
    folder.ok("bundle revoke new.json jti j-1 --revoked-at 1790000000 --signing-key signer.key");
    let out = folder.run("bundle diff trust.json new.json").out;
    let (told, envelope) = out.split_once("  (").unwrap();
    assert_eq!(
        told,
        "+ key web-2 of https://issuer.shop.example, up to software\n\
         ~ key web-1 of https://issuer.shop.example\n    not_after: nothing -> 2026-09-21T15:13:20Z\n\
         + revocation of jti j-1 since 2026-09-21T14:13:20Z (trust material)\n"
    );
    assert!(envelope.starts_with("trust material issued at: "), "{envelope}");
}
