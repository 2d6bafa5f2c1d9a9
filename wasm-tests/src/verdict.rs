//! Whether an answer is the one that a case expects.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::{Case, UpstreamHeaders};
use crate::subject::{Answer, Forwarded};

/// What every audit event carries.
const REQUIRED: [&str; 7] =
    ["version", "occurred_at", "component", "outcome", "accepted", "reason_code", "detail_reason"];

/// What it may carry besides. Anything else could be a key, a passport or a proof.
const OPTIONAL: [&str; 14] = [
    "event_id",
    "request_id",
    "route_id",
    "audience",
    "issuer",
    "subject",
    "jti",
    "key_binding",
    "required_key_binding",
    "transcript_sha256",
    "policy_id",
    "policy_version",
    "source_profile",
    "source_spiffe_id",
];

/// They stand in an event only after the passport's signature verified.
const CLAIMS: [&str; 6] = ["issuer", "subject", "jti", "key_binding", "source_profile", "source_spiffe_id"];

/// Headers that belong to a connection or to the proxy itself, which drops or rewrites them. None is
/// ever covered.
const PROXY_OWN: [&str; 15] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-external-address",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-attempt-count",
];

/// The six that only a verifier may tell the upstream.
const IDENTITY: [&str; 6] = [
    "x-trustplane-subject",
    "x-trustplane-issuer",
    "x-trustplane-trust-domain",
    "x-trustplane-jti",
    "x-trustplane-key-binding",
    "x-trustplane-route-id",
];

/// Every point in which the answer is not the expected one.
pub fn mismatches(case: &Case, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let expect = &case.expect;
    differs(&mut found, "reason", &expect.reason, &answer.reason);
    differs(&mut found, "status", &expect.status.to_string(), &answer.status.to_string());
    audit(&mut found, case, &answer.audit);
    match (&expect.upstream, &answer.upstream) {
        (None, None) => {}
        (None, Some(_)) => found.push("the upstream saw a request that was denied".into()),
        (Some(_), None) => found.push("the upstream saw nothing of an allowed request".into()),
        (Some(expected), Some(seen)) => upstream(&mut found, case, expected, seen),
    }
    found
}

fn differs(found: &mut Vec<String>, what: &str, expected: &str, actual: &str) {
    if expected != actual {
        found.push(format!("{what}: expected {expected}, got {actual}"));
    }
}

fn audit(found: &mut Vec<String>, case: &Case, event: &Value) {
    let Some(members) = event.as_object() else {
        found.push(format!("the audit event is no object: {event}"));
        return;
    };
    let text = |name: &str| members.get(name).map_or("nothing", |value| value.as_str().unwrap_or("no string"));
    for name in REQUIRED.iter().filter(|name| !members.contains_key(**name)) {
        found.push(format!("the audit event lacks {name}"));
    }
    for name in members.keys().filter(|name| !REQUIRED.contains(&name.as_str()) && !OPTIONAL.contains(&name.as_str())) {
        found.push(format!("the audit event has a member {name}"));
    }
    differs(found, "audit version", "trustplane-auth-audit-event-v0.1", text("version"));
    differs(found, "audit component", "verifier", text("component"));
    differs(found, "audit outcome", &case.expect.decision, text("outcome"));
    differs(found, "audit reason_code", &case.expect.reason, text("reason_code"));
    if members.get("accepted") != Some(&Value::Bool(case.allowed())) {
        found.push("audit accepted is not the decision".into());
    }

    let digest = case.expect.transcript_sha256.as_deref().unwrap_or("nothing");
    differs(found, "audit transcript_sha256", digest, text("transcript_sha256"));
    match &case.expect.claims {
        Some(claims) => {
            for (name, value) in claims {
                differs(found, &format!("audit {name}"), value, text(name));
            }
        }
        None => {
            for name in CLAIMS.iter().filter(|name| members.contains_key(**name)) {
                found.push(format!("the audit event tells {name} of a passport that did not verify"));
            }
        }
    }
}

fn upstream(found: &mut Vec<String>, case: &Case, expected: &UpstreamHeaders, seen: &Forwarded) {
    for (name, value) in &expected.set {
        let values = seen.values(name);
        if values != [value.as_bytes()] {
            found.push(format!("upstream {name}: expected {value} once, got {}", shown(&values)));
        }
    }
    for name in &expected.absent {
        let values = seen.values(name);
        if !values.is_empty() {
            found.push(format!("upstream {name}: expected none, got {}", shown(&values)));
        }
    }
    for (name, sent) in application_headers(case, expected) {
        let values: Vec<&[u8]> = seen.values(&name).into_iter().map(trimmed).collect();
        let sent: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        // A proxy may join repeats into one line; their bytes stay.
        if values.join(&b","[..]) != sent.join(&b","[..]) {
            found.push(format!("upstream {name}: expected {}, got {}", shown(&sent), shown(&values)));
        }
    }
    if seen.body != case.body() {
        found.push(format!("upstream body: expected {} bytes, got {}", case.body().len(), seen.body.len()));
    }
}

/// What the caller sent and the upstream must still see, unchanged.
fn application_headers(case: &Case, expected: &UpstreamHeaders) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut kept: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in &case.headers {
        let own = IDENTITY.contains(&name.as_str()) || expected.absent.contains(name);
        if !own && !PROXY_OWN.contains(&name.as_str()) {
            kept.entry(name.clone()).or_default().push(trimmed(&value.0).to_vec());
        }
    }
    kept
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

fn shown(values: &[&[u8]]) -> String {
    if values.is_empty() {
        return "none".into();
    }
    let values: Vec<String> = values.iter().map(|value| value.escape_ascii().to_string()).collect();
    values.join(" | ")
}
