//! What changed documents mean to a verifier.

use crate::bundles::signed;
use crate::tool::{Folder, KEY, OTHER_KEY, OTHER_PUBLIC};

/// The client's old key, the one it changes to, and the signer's, in files.
fn deployed() -> Folder {
    let folder = Folder::new();
    signed(&folder);
    for (name, key) in [("old.key", KEY), ("new.key", NEW_KEY), ("signer.key", OTHER_KEY)] {
        folder.write_key(name, 0o600);
        folder.write(name, key);
    }
    folder
}

/// The seed 07 07 … 07, and its public half.
const NEW_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
const NEW_PUBLIC: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";

const ISSUER: &str = "https://issuer.shop.example";

/// What a verifier says of a request that `subject` signs now under this key, at this moment.
#[track_caller]
fn verdict(folder: &Folder, (kid, key): (&str, &str), subject: &str, at: u64) -> String {
    let headers = folder.ok(&format!(
        "sign --issuer {ISSUER} --trust-domain shop.example --subject {subject} --kid {kid} --private-key-file {key} \
         --audience orders-api --route-id orders.read --url https://orders.shop.example/orders/7 --ttl 900"
    ));
    folder.write("headers", &headers);
    let ran = folder.run(&format!(
        "verify --json --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} --bundle trust.json \
         --bundle-signature-public-key {OTHER_PUBLIC} --authority orders.shop.example --path /orders/7 --headers-file headers --at {at}"
    ));
    let event: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    event["reason_code"].as_str().unwrap().to_owned()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn both_keys_count_during_the_overlap_and_the_new_one_after_it() {
    let folder = deployed();
    let (old, new) = (("web-1", "old.key"), ("web-2", "new.key"));
    let at = now();
    assert_eq!(verdict(&folder, old, "service:web", at), "request_allowed");
    assert_eq!(verdict(&folder, new, "service:web", at), "unknown_issuer_key");
    folder.ok(&format!(
        "bundle rotate-key trust.json --issuer {ISSUER} --kid web-2 --public-key {NEW_PUBLIC} --overlap 200s --from {at} --signing-key signer.key"
    ));
    assert_eq!(verdict(&folder, old, "service:web", at), "request_allowed");
    assert_eq!(verdict(&folder, new, "service:web", at), "request_allowed");
    assert_eq!(verdict(&folder, old, "service:web", at + 201), "unknown_issuer_key");
    assert_eq!(verdict(&folder, new, "service:web", at + 201), "request_allowed");
}

#[test]
fn each_type_of_revocation_shuts_its_client_out_in_either_document() {
    let values = [("kid", "web-1"), ("subject", "service:web"), ("issuer", ISSUER), ("source", "service:")];
    for (r#type, value) in values {
        for document in ["policy.json", "trust.json"] {
            let folder = deployed();
            let at = now();
            folder.ok(&format!("bundle revoke {document} {type} {value} --revoked-at {at} --signing-key signer.key"));
            assert_eq!(
                verdict(&folder, ("web-1", "old.key"), "service:web", at),
                "passport_revoked",
                "{type} {document}"
            );
        }
    }
    let folder = deployed();
    folder.ok("bundle revoke trust.json subject service:web --issuer https://other.example --signing-key signer.key");
    assert_eq!(verdict(&folder, ("web-1", "old.key"), "service:web", now()), "request_allowed");
}

#[test]
fn a_merged_client_is_let_in_and_a_removed_one_is_not() {
    let folder = deployed();
    let client = format!("--issuer {ISSUER} --trust-domain shop.example --subject-prefix service:batch:");
    let signing = "--signing-key signer.key";
    folder.ok(&format!(
        "bundle merge-source --trust-material trust.json --policy-bundle policy.json {client} --kid batch-1 \
         --public-key {NEW_PUBLIC} --route-id orders.read {signing}"
    ));
    let batch = ("batch-1", "new.key");
    assert_eq!(verdict(&folder, batch, "service:batch:1", now()), "request_allowed");
    assert_eq!(verdict(&folder, batch, "service:batches", now()), "source_subject_mismatch");
    let remove =
        format!("bundle remove-source --policy-bundle policy.json {client} --all-routes --confirm-remove {signing}");
    folder.ok(&remove);
    assert_eq!(verdict(&folder, batch, "service:batch:1", now()), "source_subject_mismatch");
    assert_eq!(verdict(&folder, ("web-1", "old.key"), "service:web", now()), "request_allowed");
}
