//! `envoy-config/tiers/spiffe/`: what its broker vouches for is let in, and nothing that says less.
//! With a real SPIRE: `just test-spire`.

use trustplane::clock;
use trustplane_broker::mint::{Claims, Provenance, jti, mint_passport};
use trustplane_broker::{Policy, SigningKey};
use trustplane_core::KeyBinding;

use crate::tiers::{built, verdict};
use crate::tool::{Folder, repository};

const SPIFFE_ID: &str = "spiffe://shop.example/ns/shop/sa/orders";

fn provenance() -> Provenance {
    Provenance {
        profile: "trustplane-spiffe-spire-k8s-v1".into(),
        signer: "local/software".into(),
        posture: Some("spiffe_svid_verified".into()),
        spiffe_id: Some(SPIFFE_ID.into()),
        spiffe_trust_domain: Some("shop.example".into()),
        ..Provenance::default()
    }
}

/// The verdict on a passport of the tier's broker.
fn presented(folder: &Folder, class: KeyBinding, subject: &str, provenance: Option<&Provenance>) -> String {
    let key = SigningKey::from_seed(&[7; 32]).unwrap();
    let now = clock::now();
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    let claims = Claims {
        issuer: "https://broker.shop.example/spire",
        subject,
        audience: "orders-api",
        issued_at: now,
        expires_at: now.plus(120),
        jti: &jti(&random),
        trust_domain: "shop.example",
        proof_key: key.public_key(),
        key_binding: class,
        provenance,
        context: &[],
    };
    let token = mint_passport(&claims, "broker-1", &key).unwrap();
    folder.write_key("broker.key", 0o600);
    folder.write("broker.key", &key.to_base64url());
    let headers = folder.ok(&format!(
        "sign --token {token} --private-key-file broker.key --route-id orders.read --url https://orders.example/orders/7"
    ));
    verdict(folder, &headers)
}

#[test]
fn a_workload_is_let_in_as_far_as_its_broker_vouches_for_it() {
    let folder = built("spiffe", "authoring.yaml");
    let whole = provenance();
    let other = |change: &dyn Fn(&mut Provenance)| {
        let mut other = provenance();
        change(&mut other);
        other
    };
    let attested = KeyBinding::AttestedWorkload;
    let unverified = other(&|it| it.posture = Some("spiffe_svid_present".into()));
    let foreign = other(&|it| it.spiffe_trust_domain = Some("other.example".into()));
    let silent = other(&|it| it.posture = None);
    for (class, subject, provenance, expected) in [
        (attested, SPIFFE_ID, Some(&whole), "request_allowed"),
        (KeyBinding::Software, SPIFFE_ID, Some(&whole), "insufficient_key_binding"),
        (KeyBinding::HardwareLocal, SPIFFE_ID, Some(&whole), "insufficient_key_binding"),
        (attested, SPIFFE_ID, None, "missing_provenance"),
        (attested, SPIFFE_ID, Some(&silent), "missing_provenance"),
        (attested, SPIFFE_ID, Some(&unverified), "provenance_mismatch"),
        (attested, SPIFFE_ID, Some(&foreign), "provenance_mismatch"),
        (attested, "spiffe://shop.example/ns/shopx/sa/orders", Some(&whole), "source_subject_mismatch"),
    ] {
        assert_eq!(presented(&folder, class, subject, provenance), expected, "{class:?} {subject} {provenance:?}");
    }
}

#[test]
fn the_tiers_broker_is_of_the_issuer_and_the_trust_domain_that_its_documents_name() {
    let folder = built("spiffe", "authoring.yaml");
    let policy = Policy::from_file(repository("envoy-config/tiers/spiffe/broker-policy.json")).unwrap();
    let issuer = &folder.json("t.json")["issuers"][0];
    assert_eq!(issuer["issuer"], policy.issuer);
    assert_eq!(issuer["trust_domain"], policy.trust_domain);
    assert_eq!(issuer["keys"][0]["kid"], policy.kid);
    let rule = &folder.json("p.json")["route_groups"][0]["routes"][0]["allowed_sources"][0];
    assert!(SPIFFE_ID.starts_with(rule["subject_prefix"].as_str().unwrap()));
    let script = std::fs::read_to_string(repository("envoy-config/tiers/spiffe/broker.sh")).unwrap();
    assert!(script.contains(&format!("--spiffe-allowed-id {SPIFFE_ID} ")));
}
