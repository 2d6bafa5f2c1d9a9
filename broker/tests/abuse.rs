//! What a caller can ask wrong or on purpose: each has its stable reason and its audit event, and the
//! broker goes on serving others.

mod common;

use std::io::{Read as _, Write as _};

use common::{Running, answer, assert_denied, assert_issued, assert_recorded, assert_serving, line, policy, request};
use serde_json::{Value, json};

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut policy = policy();
    change(&mut policy);
    policy
}

#[test]
fn a_peer_that_no_rule_names_is_denied_whatever_it_sends() {
    let other = nix::unistd::geteuid().as_raw() + 1;
    let mut broker = Running::start(&changed(|policy| policy["callers"][0]["peer"]["uid"] = json!(other)));
    let request = request();
    assert_denied(&broker.ask(&request), &request.request_id, "broker_peer_denied", false);
    let event = assert_recorded(&broker, "broker_peer_denied");
    assert_eq!(event["request_id"], request.request_id);
    assert_denied(&broker.send("{]"), "", "broker_peer_denied", false);
    assert!(broker.is_alive());
}

#[test]
fn a_group_or_an_executable_that_does_not_fit_is_another_peer() {
    let uid = nix::unistd::geteuid().as_raw();
    for peer in [
        json!({ "uid": uid, "gid": nix::unistd::getegid().as_raw() + 1 }),
        json!({ "gid": nix::unistd::getegid().as_raw() + 1 }),
        json!({ "uid": uid, "executable": "/usr/bin/another-program" }),
    ] {
        let broker = Running::start(&changed(|policy| policy["callers"][0]["peer"] = peer.clone()));
        let request = request();
        assert_denied(&broker.ask(&request), &request.request_id, "broker_peer_denied", false);
    }
}

#[test]
fn a_route_audience_or_method_that_is_not_listed_is_denied() {
    for unlisted in [
        common::ask_with(|ask| ask.route_id = "orders.delete"),
        common::ask_with(|ask| ask.audience = "billing-api"),
        common::ask_with(|ask| ask.method = "DELETE"),
        common::ask_with(|ask| ask.context = &[("actor_type", "service")]),
    ] {
        let mut broker = Running::start(&policy());
        let request = unlisted.request().unwrap();
        assert_denied(&broker.ask(&request), &request.request_id, "broker_route_denied", false);
        let event = assert_recorded(&broker, "broker_route_denied");
        assert_eq!(event["request_id"], request.request_id);
        assert_eq!(event["route_id"], request.http.route_id);
        assert_eq!(event["audience"], request.http.audience);
        assert_eq!(event["policy_id"], "test-policy");
        assert_eq!(event["policy_version"], "1");
        assert_serving(&mut broker);
    }
}

#[test]
fn a_nonce_is_good_once_even_in_another_request() {
    let mut broker = Running::start(&policy());
    let first = request();
    assert_issued(&broker.ask(&first), &first);
    let again = common::ask_with(|ask| {
        ask.path = "/orders/8";
        ask.random = nonce_of(&first);
    });
    let again = again.request().unwrap();
    assert_eq!(again.http.nonce, first.http.nonce);
    assert_denied(&broker.ask(&again), &again.request_id, "broker_nonce_stale", false);
    assert_recorded(&broker, "broker_nonce_stale");
    assert_serving(&mut broker);
}

#[test]
fn the_same_line_again_is_a_replay_and_issues_nothing() {
    let mut broker = Running::start(&policy());
    let request = request();
    assert_issued(&broker.ask(&request), &request);
    assert_denied(&broker.ask(&request), &request.request_id, "broker_nonce_stale", false);
    assert_recorded(&broker, "broker_nonce_stale");
    assert_serving(&mut broker);
}

#[test]
fn a_denied_request_leaves_its_nonce_good() {
    let broker = Running::start(&policy());
    let denied = common::ask_with(|ask| ask.method = "DELETE").request().unwrap();
    assert_denied(&broker.ask(&denied), &denied.request_id, "broker_route_denied", false);
    let allowed = common::ask_with(|ask| ask.random = nonce_of(&denied)).request().unwrap();
    assert_issued(&broker.ask(&allowed), &allowed);
}

#[test]
fn a_class_that_the_signer_has_not_is_denied() {
    let mut broker = Running::start(&policy());
    let request =
        common::ask_with(|ask| ask.key_binding = trustplane_core::KeyBinding::AttestedWorkload).request().unwrap();
    let response = broker.ask(&request);
    assert_denied(&response, &request.request_id, "insufficient_key_binding", false);
    let details = json!({ "requested_key_binding": "attested_workload", "available_key_binding": "software" });
    assert_eq!(response["error"]["details"], details);
    let event = assert_recorded(&broker, "insufficient_key_binding");
    assert_eq!(event["required_key_binding"], "attested_workload");
    assert_serving(&mut broker);
}

#[test]
fn an_unknown_operation_is_named_as_such() {
    let mut broker = Running::start(&policy());
    let mut request = request();
    request.operation = "sign_digest".into();
    let response = broker.ask(&request);
    assert_denied(&response, &request.request_id, "broker_unsupported_operation", false);
    assert_eq!(response["error"]["details"]["at"], "/request/operation");
    assert_recorded(&broker, "broker_unsupported_operation");
    assert_serving(&mut broker);
}

#[test]
fn lines_that_are_no_request_are_invalid() {
    let good = line(&request());
    let mut unknown: Value = serde_json::from_str(&good).unwrap();
    unknown["request"]["transcript_sha256"] = json!("00");
    for (bad, at) in [
        (String::new(), ""),
        ("{]".into(), ""),
        ("[]".into(), ""),
        ("null".into(), ""),
        ("\u{feff}{}".into(), ""),
        (format!("{good} {good}"), ""),
        (format!("{good},"), ""),
        (good.replacen("{\"version\"", "{\"version\":\"x\",\"version\"", 1), "/version"),
        (good.replace("trustplane-broker-ipc-v1", "trustplane-broker-ipc-v2"), "/version"),
        (good.replace("broker_ipc_exchange", "exchange"), "/kind"),
        (good.replace("local-json-ipc", "grpc"), "/request/protocol"),
        (unknown.to_string(), "/request/transcript_sha256"),
        (format!("{}1{}", "[".repeat(40), "]".repeat(40)), "*"),
        (
            good.replace("\"allow_software_fallback\":false", "\"allow_software_fallback\":0.5"),
            "/request/key_binding/allow_software_fallback",
        ),
    ] {
        let mut broker = Running::start(&policy());
        let response = broker.send(&bad);
        assert_eq!(response["reason_code"], "broker_request_invalid", "{bad}");
        if at != "*" {
            assert_eq!(response["error"]["details"]["at"], at, "{bad}: {response}");
        }
        assert_recorded(&broker, "broker_request_invalid");
        assert_serving(&mut broker);
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_invalid() {
    let mut broker = Running::start(&policy());
    let mut stream = broker.connect();
    stream.write_all(b"\"\xff\xfe\"\n").unwrap();
    assert_denied(&answer(&mut stream), "", "broker_request_invalid", false);
    assert_recorded(&broker, "broker_request_invalid");
    assert_serving(&mut broker);
}

#[test]
fn a_real_process_of_another_user_is_another_peer() {
    const OTHER: u32 = 4242;
    let broker = Running::start_with(&policy(), &["--socket-mode", "666"]);
    std::fs::set_permissions(&broker.folder.0, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Some(mut stranger) = common::connect_as(OTHER, &broker.socket()) else {
        return common::root::left_out();
    };
    let request = request();
    stranger.write_all(format!("{}\n", line(&request)).as_bytes()).unwrap();
    assert_denied(&answer(&mut stranger), &request.request_id, "broker_peer_denied", false);
    assert_eq!(broker.audit()[0]["peer"]["uid"], OTHER.to_string());
}

#[test]
fn at_the_bound_of_remembered_nonces_nothing_is_issued_and_nothing_forgotten() {
    let mut broker = Running::start_with(&policy(), &["--max-nonces", "2"]);
    let (first, second, third) = (request(), request(), request());
    assert_issued(&broker.ask(&first), &first);
    assert_issued(&broker.ask(&second), &second);
    assert_denied(&broker.ask(&third), &third.request_id, "broker_overloaded", true);
    assert_recorded(&broker, "broker_overloaded");
    assert_denied(&broker.ask(&first), &first.request_id, "broker_nonce_stale", false);
    assert!(broker.is_alive());
}

#[test]
fn no_passport_leaves_without_its_event() {
    // Writing to /dev/full fails as a full disk does.
    let broker = Running::start_to(&policy(), "/dev/full");
    let request = request();
    assert_denied(&broker.ask(&request), &request.request_id, "broker_overloaded", true);
}

#[test]
fn a_log_that_nobody_reads_stops_issuing_until_somebody_does() {
    let (mut broker, mut log) = Running::start_piped(&policy());
    let mut events = 0;
    loop {
        let request = request();
        let response = broker.ask(&request);
        if response["accepted"] == false {
            assert_denied(&response, &request.request_id, "broker_overloaded", true);
            break;
        }
        events += 1;
    }
    assert!(events > 10, "a pipe holds some: {events}");
    let mut drained = vec![0; 1 << 20];
    let read = log.read(&mut drained).unwrap();
    let text = String::from_utf8(drained[..read].to_vec()).unwrap();
    assert_eq!(text.matches("\"reason_code\":\"broker_passport_issued\"").count(), events);
    let request = request();
    assert_issued(&broker.ask(&request), &request);
    assert!(broker.is_alive());
}

#[test]
fn no_event_holds_a_passport_a_proof_or_the_key() {
    let broker = Running::start(&policy());
    let request = common::ask_with(|ask| ask.context = &[("purpose", "secret-purpose")]).request().unwrap();
    let response = broker.ask(&request);
    assert_issued(&response, &request);
    let log = std::fs::read_to_string(broker.folder.join("audit.jsonl")).unwrap() + &broker.stderr();
    let artifacts = &response["artifacts"];
    for secret in [
        artifacts["passport"]["value"].as_str().unwrap(),
        artifacts["stamp"]["value"].as_str().unwrap(),
        &common::key().to_base64url(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
        "secret-purpose",
        request.http.nonce.as_str(),
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
}

fn nonce_of(request: &trustplane_broker::ipc::Request) -> [u8; 16] {
    let hex = &request.http.nonce;
    std::array::from_fn(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).unwrap())
}
