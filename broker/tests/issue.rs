//! What is issued, to the byte, and what is refused before anything is signed.

mod common;

use common::{assert_denied, key, policy, request};
use serde_json::{Value, json};
use trustplane_broker::ipc::{Envelope, Request};
use trustplane_broker::mint::Provenance;
use trustplane_broker::{
    Asked, Fact, Identity, Issuer, Nonces, Outcome, Peer, Policy, Refusal, Software, WorkloadIdentitySource,
};
use trustplane_core::{KeyBinding, PublicKey, Reason, UnixTime, base64url_array, base64url_bytes, hex, hex_array};

const NOW: UnixTime = UnixTime::from_secs(1_740_000_000);
const SUCCESS: &str = include_str!("../../core-nostd/vectors/broker-ipc-v1.success.json");
const DENIED: &str = include_str!("../../core-nostd/vectors/broker-ipc-v1.denied.json");

/// A signer of some classes, for what no software key can show.
struct Signer(&'static [KeyBinding]);

impl WorkloadIdentitySource for Signer {
    fn classes(&self) -> &[KeyBinding] {
        self.0
    }

    fn identify(&self, class: KeyBinding, _: &Peer, _: UnixTime) -> Result<Identity, Refusal> {
        Ok(Identity { key_binding: class, subject: None, provenance: Provenance::default(), valid_until: None })
    }
}

/// A source whose attestation is down, beside a software key.
struct Down;

impl WorkloadIdentitySource for Down {
    fn classes(&self) -> &[KeyBinding] {
        &[KeyBinding::Software, KeyBinding::AttestedWorkload]
    }

    fn identify(&self, class: KeyBinding, peer: &Peer, now: UnixTime) -> Result<Identity, Refusal> {
        match class {
            KeyBinding::Software => Software.identify(class, peer, now),
            _ => Err(Reason::WorkloadIdentityUnavailable.into()),
        }
    }
}

/// A source that answers another class than it was asked for.
struct Liar;

impl WorkloadIdentitySource for Liar {
    fn classes(&self) -> &[KeyBinding] {
        &[KeyBinding::AttestedWorkload]
    }

    fn identify(&self, _: KeyBinding, peer: &Peer, now: UnixTime) -> Result<Identity, Refusal> {
        Software.identify(KeyBinding::Software, peer, now)
    }
}

fn peer() -> Peer {
    let uid = Fact::Known(nix::unistd::geteuid().as_raw());
    Peer { uid, gid: Fact::Unknown, pid: Fact::Known(42), process: Fact::Unsupported, cgroup: Fact::Unknown }
}

fn vector(text: &str) -> (Request, Value) {
    let vector: Value = serde_json::from_str(text).unwrap();
    (serde_json::from_value(vector["request"].clone()).unwrap(), vector["response"].clone())
}

fn orders_policy() -> Value {
    let mut policy = policy();
    policy["ttl_seconds"] = json!(300);
    policy["callers"][0]["context_fields"] =
        json!(["actor_type", "purpose", "tool_name", "workflow_id", "max_txn_value"]);
    policy["callers"][0]["requests"] =
        json!([{ "audience": "orders-api", "route_id": "orders.create", "methods": ["POST"] }]);
    policy
}

fn decide(policy: &Value, source: impl WorkloadIdentitySource + 'static, request: &Request) -> Outcome {
    let policy = Policy::parse(policy.to_string().as_bytes()).unwrap();
    let issuer = Issuer::new(policy, key(), Box::new(source));
    issuer.decide(common::line(request).as_bytes(), &peer(), &Nonces::new(16), &[7; 16], NOW)
}

fn response(outcome: &Outcome) -> Value {
    serde_json::to_value(&outcome.response).unwrap()
}

fn claims(outcome: &Outcome) -> Value {
    let token = &outcome.response.artifacts.as_ref().unwrap().passport.value;
    serde_json::from_slice(&base64url_bytes(token.split('.').nth(1).unwrap().as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_published_exchange_has_the_published_transcript() {
    let (request, expected) = vector(SUCCESS);
    let artifacts = &expected["artifacts"];
    let asked = Asked::check(&request).unwrap();
    let jti = artifacts["passport"]["jti"].as_str().unwrap();
    let issued_at = UnixTime::from_secs(expected["issued_at"].as_u64().unwrap());
    let transcript = asked.transcript(jti, issued_at, KeyBinding::HardwareLocal);
    assert_eq!(hex(&transcript.digest()), artifacts["stamp"]["transcript_sha256"]);
}

#[test]
fn the_published_request_is_answered_in_the_published_shape() {
    let (request, mut expected) = vector(SUCCESS);
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    let mut given = response(&outcome);
    // The fixture's artefacts are placeholders; their own test follows.
    for artifacts in [&mut given["artifacts"], &mut expected["artifacts"]] {
        for (artifact, members) in
            [("passport", ["format", "value", "jti"].as_slice()), ("stamp", &["format", "value", "transcript_sha256"])]
        {
            for member in members {
                assert!(artifacts[artifact].as_object_mut().unwrap().remove(*member).unwrap().is_string());
            }
        }
    }
    assert_eq!(given, expected);
}

#[test]
fn the_published_denial_is_given_as_published() {
    let (request, mut expected) = vector(DENIED);
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    let mut given = response(&outcome);
    // The message is for people.
    for response in [&mut given, &mut expected] {
        assert!(response["error"].as_object_mut().unwrap().remove("message").unwrap().is_string());
    }
    assert_eq!(given, expected);
}

#[test]
fn passport_and_proof_hold_for_the_request_and_for_no_other_class() {
    let (request, _) = vector(SUCCESS);
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    let artifacts = outcome.response.artifacts.as_ref().unwrap();
    let claims = claims(&outcome);
    assert_eq!(claims["iss"], "https://broker.example.test");
    assert_eq!(claims["sub"], "service:orders-caller");
    assert_eq!(claims["aud"], "orders-api");
    assert_eq!(claims["trust_domain"], "example.test");
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_740_000_000), &json!(1_740_000_300)));
    assert_eq!(claims["jti"], "jti-BwcHBwcHBwcHBwcHBwcHBw");
    assert_eq!(claims["jti"], artifacts.passport.jti);
    assert_eq!(claims["cnf"]["key_binding"], "hardware_local");
    assert_eq!(claims["context"]["max_txn_value"], "1000.00");

    let public = PublicKey::from_base64url(claims["cnf"]["public_key_b64url"].as_str().unwrap()).unwrap();
    assert_eq!(&public, key().public_key());
    let (signed, signature) = artifacts.passport.value.rsplit_once('.').unwrap();
    assert!(public.verify(signed.as_bytes(), &base64url_array(signature.as_bytes()).unwrap()));

    let asked = Asked::check(&request).unwrap();
    let proof = base64url_array(artifacts.stamp.value.as_bytes()).unwrap();
    let digest = |class| asked.transcript(&artifacts.passport.jti, NOW, class).digest();
    assert!(public.verify(&digest(KeyBinding::HardwareLocal), &proof));
    assert!(!public.verify(&digest(KeyBinding::AttestedWorkload), &proof));
    assert_eq!(hex_array(artifacts.stamp.transcript_sha256.as_bytes()), Some(digest(KeyBinding::HardwareLocal)));
}

#[test]
fn the_audit_trail_of_an_issue_names_what_was_issued() {
    let (request, _) = vector(SUCCESS);
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    let trail = &outcome.trail;
    assert_eq!(trail.request_id.as_deref(), Some("broker-ipc-v1-success-001"));
    assert_eq!(trail.route_id.as_deref(), Some("orders.create"));
    assert_eq!(trail.audience.as_deref(), Some("orders-api"));
    assert_eq!(trail.issuer.as_deref(), Some("https://broker.example.test"));
    assert_eq!(trail.subject.as_deref(), Some("service:orders-caller"));
    assert_eq!(trail.jti.as_deref(), Some("jti-BwcHBwcHBwcHBwcHBwcHBw"));
    assert_eq!(trail.key_binding, Some(KeyBinding::HardwareLocal));
    assert_eq!(trail.policy_id.as_deref(), Some("test-policy"));
    let stamp = &outcome.response.artifacts.unwrap().stamp;
    assert_eq!(trail.transcript_sha256, hex_array(stamp.transcript_sha256.as_bytes()));
}

#[test]
fn the_granted_class_is_the_requested_or_the_highest_acceptable_that_is_held() {
    use KeyBinding::{AttestedWorkload, HardwareLocal, RemoteKms, Software};
    const HELD: &[&[KeyBinding]] = &[&[Software], &[Software, HardwareLocal], &[Software, RemoteKms, AttestedWorkload]];
    for (held, requested, acceptable, fallback, granted) in [
        (0, "software", &["software"][..], false, Some("software")),
        (0, "software", &[], false, Some("software")),
        (0, "attested_workload", &["attested_workload"], false, None),
        (0, "attested_workload", &["attested_workload"], true, Some("software")),
        (0, "attested_workload", &["attested_workload", "software"], false, Some("software")),
        (1, "software", &["hardware_local"], false, Some("software")),
        (1, "remote_kms", &["software", "hardware_local"], false, Some("hardware_local")),
        (1, "remote_kms", &["hardware_local"], true, Some("hardware_local")),
        (1, "remote_kms", &["remote_kms"], false, None),
        (2, "hardware_local", &["remote_kms", "attested_workload", "software"], true, Some("attested_workload")),
        (2, "remote_kms", &["attested_workload"], false, Some("remote_kms")),
    ] {
        let mut request = vector(SUCCESS).0;
        request.key_binding.requested_key_binding = requested.into();
        request.key_binding.acceptable_key_bindings = acceptable.iter().map(|class| (*class).into()).collect();
        request.key_binding.allow_software_fallback = fallback;
        let outcome = decide(&orders_policy(), Signer(HELD[held]), &request);
        let case = format!("{requested} {acceptable:?} {fallback} of {:?}", HELD[held]);
        match granted {
            Some(class) => assert_eq!(claims(&outcome)["cnf"]["key_binding"], class, "{case}"),
            None => assert_eq!(outcome.reason, Reason::InsufficientKeyBinding, "{case}"),
        }
    }
}

#[test]
fn a_source_that_is_down_is_said_to_be_and_never_replaced_without_leave() {
    let mut request = vector(SUCCESS).0;
    request.key_binding.requested_key_binding = "attested_workload".into();
    request.key_binding.acceptable_key_bindings = vec!["attested_workload".into()];
    let outcome = decide(&orders_policy(), Down, &request);
    assert_denied(&response(&outcome), &request.request_id, "workload_identity_unavailable", true);
    request.key_binding.allow_software_fallback = true;
    let outcome = decide(&orders_policy(), Down, &request);
    assert_eq!(claims(&outcome)["cnf"]["key_binding"], "software");
}

#[test]
fn no_passport_names_a_class_that_its_source_did_not_answer() {
    let mut request = vector(SUCCESS).0;
    request.key_binding.requested_key_binding = "attested_workload".into();
    let outcome = decide(&orders_policy(), Liar, &request);
    assert_eq!(outcome.reason, Reason::InsufficientKeyBinding);
}

#[test]
fn provenance_says_what_is_known_of_the_peer_and_no_more() {
    let (mut request, _) = vector(SUCCESS);
    request.key_binding.requested_key_binding = "software".into();
    let outcome = decide(&orders_policy(), Software, &request);
    let uid = nix::unistd::geteuid().to_string();
    assert_eq!(
        claims(&outcome)["provenance"],
        json!({
            "profile": "local/software",
            "signer": "local/software",
            "peer": { "uid": uid, "gid": "unknown", "pid": "42", "process": "unsupported" }
        })
    );
}

#[test]
fn only_selected_context_enters_the_passport_in_the_order_of_selection() {
    let (mut request, _) = vector(SUCCESS);
    request.ctx.selected_fields = vec!["workflow_id".into(), "purpose".into()];
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    assert_eq!(claims(&outcome)["context"], json!({ "workflow_id": "wf-contract-001", "purpose": "create_order" }));
    request.ctx.selected_fields.clear();
    let outcome = decide(&orders_policy(), Signer(&[KeyBinding::HardwareLocal]), &request);
    assert_eq!(claims(&outcome).get("context"), None);
}

#[test]
fn the_longest_request_id_is_echoed_and_a_longer_one_is_not() {
    let mut request = request();
    request.request_id = "r".repeat(256);
    assert_eq!(decide(&policy(), Software, &request).response.request_id, request.request_id);
    request.request_id.push('r');
    assert_denied(&response(&decide(&policy(), Software, &request)), "", "broker_request_invalid", false);
}

#[test]
fn a_context_that_no_verifier_would_read_is_refused() {
    let mut request = request();
    request.ctx.selected_fields = vec!["purpose".into()];
    request.ctx.values.insert("purpose".into(), "x".repeat(8192));
    let outcome = decide(&policy(), Software, &request);
    assert_denied(&response(&outcome), &request.request_id, "broker_request_invalid", false);
}

#[test]
fn an_envelope_reads_back_as_it_was_written() {
    let line = common::line(&request());
    let envelope: Envelope = serde_json::from_str(&line).unwrap();
    assert_eq!(serde_json::to_string(&envelope).unwrap(), line);
}
