//! A broker that is to vouch for a SPIFFE identity, without a Workload API that gives it one: it says why, and
//! says `software` to those alone who allowed it. With a real SPIRE: `just test-spire`.

mod common;

use std::fs;

use common::{
    Folder, Keyless, Running, ask_with, assert_denied, assert_issued, exchange, key, policy, request, wait_for,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use trustplane_broker::ipc::Request;
use trustplane_core::{KeyBinding, base64url_bytes};

const PROFILE: [&str; 2] = ["--spiffe-profile", "trustplane-spiffe-spire-k8s-v1"];
const NOWHERE: &str = "unix:///nonexistent/api.sock";

/// Flags of a broker for this user's workload; `changed` replaces values by their flag.
fn flags<'a>(changed: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut flags = PROFILE.to_vec();
    for (name, value) in [
        ("--spiffe-endpoint-socket", NOWHERE),
        ("--spiffe-trust-domain", "example.test"),
        ("--spiffe-allowed-id", "spiffe://example.test/ns/shop/sa/orders"),
        ("--spiffe-bind", own()),
    ] {
        let value = changed.iter().find(|(other, _)| *other == name).map_or(value, |(_, value)| value);
        flags.extend([name, value]);
    }
    flags
}

fn own() -> &'static str {
    format!("uid={}", nix::unistd::geteuid()).leak()
}

fn attested(software_too: bool) -> Request {
    let ask = ask_with(|ask| {
        ask.key_binding = KeyBinding::AttestedWorkload;
        ask.allow_software_fallback = software_too;
    });
    ask.request().unwrap()
}

fn claims(response: &Value) -> Value {
    let token = response["artifacts"]["passport"]["value"].as_str().unwrap();
    serde_json::from_slice(&base64url_bytes(token.split('.').nth(1).unwrap().as_bytes()).unwrap()).unwrap()
}

#[test]
fn without_a_workload_api_the_class_is_unavailable_and_never_a_lower_one() {
    let broker = Running::start_with(&policy(), &flags(&[]));
    let wanted = attested(false);
    let response = broker.ask(&wanted);
    assert_denied(&response, &wanted.request_id, "workload_identity_unavailable", true);
    let details = &response["error"]["details"];
    assert_eq!(details["requested_key_binding"], "attested_workload");
    let gone = "the Workload API cannot be reached: No such file or directory (os error 2)";
    wait_for("the first try", || broker.stderr().contains(gone));
    let again = attested(false);
    assert_eq!(broker.ask(&again)["error"]["details"]["problem"], gone);
    for event in broker.audit() {
        assert_eq!(event["reason_code"], "workload_identity_unavailable");
        assert_eq!(event["required_key_binding"], "attested_workload");
        assert_eq!(event["source_spiffe_id"], Value::Null);
    }
}

#[test]
fn who_allows_software_gets_a_passport_that_says_software() {
    let broker = Running::start_with(&policy(), &flags(&[]));
    for wanted in [attested(true), request()] {
        let response = broker.ask(&wanted);
        assert_issued(&response, &wanted);
        let claims = claims(&response);
        assert_eq!(claims["cnf"]["key_binding"], "software");
        assert_eq!(claims["sub"], "service:orders-caller");
        assert_eq!(claims["provenance"]["profile"], "local/software");
        assert_eq!(claims["provenance"]["posture"], Value::Null);
        assert_eq!(claims["provenance"]["spiffe_id"], Value::Null);
    }
}

#[test]
fn a_caller_who_is_not_the_workload_is_told_so_before_anything_else() {
    let other = format!("uid={}", nix::unistd::geteuid().as_raw() + 1);
    let broker = Running::start_with(&policy(), &flags(&[("--spiffe-bind", &other)]));
    let wanted = attested(false);
    let response = broker.ask(&wanted);
    assert_denied(&response, &wanted.request_id, "insufficient_key_binding", false);
    assert_eq!(response["error"]["details"]["problem"], "the peer's uid is not the workload's");
}

#[test]
fn what_cannot_be_meant_stops_the_start() {
    let other_domain = [("--spiffe-trust-domain", "other.test"), ("--spiffe-allowed-id", "spiffe://other.test/a")];
    let rows: [(&[(&str, &str)], &str); 8] = [
        (
            &[("--spiffe-endpoint-socket", "tcp://127.0.0.1:8081")],
            "--spiffe-endpoint-socket tcp://127.0.0.1:8081: expected a Unix socket",
        ),
        (
            &[("--spiffe-endpoint-socket", "/run/api.sock")],
            "--spiffe-endpoint-socket /run/api.sock: endpoint socket is not a valid URI",
        ),
        (
            &[("--spiffe-allowed-id", "spiffe://other.test/a")],
            "--spiffe-allowed-id spiffe://other.test/a: not of the trust domain example.test",
        ),
        (&[("--spiffe-allowed-id", "spiffe://example.test")], "a trust domain alone is no workload"),
        (&[("--spiffe-trust-domain", "Example.test")], "expected the bare name in lower case: example.test"),
        (&[("--spiffe-bind", "anybody")], "expected same-pod or uid=NUMBER"),
        (&[("--spiffe-bind", "same-pod")], "--spiffe-bind same-pod: the control groups of this process name no pod"),
        (&other_domain, "/trust_domain: expected \"other.test\", the SPIFFE trust domain, found \"example.test\""),
    ];
    for (changed, said) in rows {
        let folder = Folder::new();
        fs::write(folder.join("policy"), policy().to_string()).unwrap();
        key().write_file(folder.join("key")).unwrap();
        let mut flags: Vec<_> = flags(changed);
        flags.extend(["--socket", "DIR/broker.sock", "--policy", "DIR/policy", "--key-file", "DIR/key"]);
        let (status, stderr) = Keyless::fail_in(folder, &flags);
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

#[test]
fn half_a_configuration_is_none() {
    let all = flags(&[]);
    for left_out in ["--spiffe-endpoint-socket", "--spiffe-trust-domain", "--spiffe-allowed-id", "--spiffe-bind"] {
        let at = all.iter().position(|flag| *flag == left_out).unwrap();
        let mut flags = all.clone();
        flags.drain(at..at + 2);
        flags.extend(["--socket", "DIR/broker.sock", "--policy", "DIR/policy", "--key-file", "DIR/key"]);
        let (status, stderr) = Keyless::fail_in(Folder::new(), &flags);
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(left_out), "{stderr}");
    }
}

#[test]
fn the_environments_socket_alone_asks_for_nothing() {
    let folder = Folder::new();
    fs::write(folder.join("file"), "").unwrap();
    let output = Running::command()
        .env("SPIFFE_ENDPOINT_SOCKET", "tcp://no/socket")
        .args(["serve", "--services-socket"])
        .arg(folder.join("file/services.sock"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // It came as far as that socket, which cannot be.
    assert!(stderr.contains("file/services.sock"), "{stderr}");
    assert!(!stderr.to_lowercase().contains("spiffe"), "{stderr}");
}

#[test]
fn a_policy_of_another_trust_domain_is_not_taken_on_reload() {
    let broker = Running::start_with(&policy(), &flags(&[]));
    let mut other = policy();
    other["trust_domain"] = json!("other.test");
    fs::write(broker.folder.join("policy.json"), other.to_string()).unwrap();
    broker.signal(Signal::SIGHUP);
    wait_for("the refusal", || broker.stderr().contains("reload refused"));
    assert!(broker.stderr().contains("/trust_domain: expected \"example.test\""), "{}", broker.stderr());
    let wanted = attested(true);
    assert_eq!(claims(&broker.ask(&wanted))["trust_domain"], "example.test");
}

#[test]
fn metrics_say_that_no_identity_is_at_hand_and_how_often_it_was_asked_for() {
    let folder = Folder::new();
    let socket = folder.join("services.sock");
    let mut all = flags(&[]);
    all.extend(["--metrics", "--services-socket", socket.to_str().unwrap()]);
    let broker = Running::start_with(&policy(), &all);
    let count = || {
        let text = exchange(&socket, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").body;
        assert!(text.contains("\ntrustplane_broker_workload_identity_available 0\n"), "{text}");
        assert!(text.contains("\ntrustplane_broker_svid_not_after_seconds 0\n"), "{text}");
        let value = text.lines().find_map(|line| line.strip_prefix("trustplane_broker_workload_api_failures_total "));
        value.unwrap().parse::<u64>().unwrap()
    };
    wait_for("a second try", || count() >= 2);
    let said = broker.stderr().matches("workload identity unavailable").count();
    assert_eq!(said, 1, "an unchanged fault is told once: {}", broker.stderr());
}
