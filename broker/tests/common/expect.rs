//! What answers and audit events look like.

use serde_json::Value;
use trustplane_broker::ipc::Request;

use super::Running;

/// What every denial looks like.
#[track_caller]
pub fn assert_denied(response: &Value, request_id: &str, reason: &str, retryable: bool) {
    assert_eq!(response["request_id"], request_id, "{response}");
    assert_eq!(response["accepted"], false);
    assert_eq!(response["status"], "deny");
    assert_eq!(response["reason_code"], reason, "{response}");
    assert_eq!(response["issued_at"], 0);
    assert_eq!(response["expires_at"], 0);
    assert_eq!(response["artifacts"], Value::Null);
    assert_eq!(response["error"]["code"], reason);
    assert_eq!(response["error"]["retryable"], retryable);
    assert!(response["error"]["details"].is_object());
    assert!(response["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    let mut members: Vec<_> = response.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["accepted", "artifacts", "error", "expires_at", "issued_at", "reason_code", "request_id", "status"]
    );
}

#[track_caller]
pub fn assert_issued(response: &Value, request: &Request) {
    assert_eq!(response["reason_code"], "broker_passport_issued", "{response}");
    assert_eq!(response["request_id"], request.request_id);
    assert_eq!(response["accepted"], true);
    assert_eq!(response["status"], "allow");
    assert_eq!(response["error"], Value::Null);
    assert_eq!(response["artifacts"]["passport"]["format"], "compact-jws");
    assert_eq!(response["artifacts"]["stamp"]["format"], "ed25519-transcript-v1");
}

/// Everybody else is still served.
#[track_caller]
pub fn assert_serving(broker: &mut Running) {
    let request = super::request();
    assert_issued(&broker.ask(&request), &request);
    assert!(broker.is_alive());
}

/// The event of the one denial so far, which names its peer.
#[track_caller]
pub fn assert_recorded(broker: &Running, reason: &str) -> Value {
    let denials: Vec<_> = broker.audit().into_iter().filter(|event| event["outcome"] == "deny").collect();
    let [event] = denials.as_slice() else {
        panic!("one denial was to be recorded: {denials:?}");
    };
    assert_eq!(event["version"], "trustplane-auth-audit-event-v0.1");
    assert_eq!(event["component"], "broker");
    assert_eq!(event["accepted"], false);
    assert_eq!(event["reason_code"], reason);
    assert!(!event["detail_reason"].as_str().unwrap().is_empty());
    assert!(event["occurred_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(event["peer"]["uid"], nix::unistd::geteuid().to_string());
    assert_eq!(event["peer"]["gid"], nix::unistd::getegid().to_string());
    assert_eq!(event["peer"]["pid"], std::process::id().to_string());
    event.clone()
}
