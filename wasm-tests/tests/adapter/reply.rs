//! What a host was seen to do with one request, if all of it fits together.

use serde_json::Value;

use trustplane_wasm_tests::subject::{Answer, Forwarded};

use crate::wire::Reply;

/// The answer, the audit event and what passed.
pub fn answer(reply: &Reply, event: Option<Value>, seen: &[Forwarded], component: &str) -> Result<Answer, String> {
    let text = String::from_utf8_lossy(&reply.body);
    let mut audit = event.ok_or_else(|| format!("status {} and no audit event: {text}", reply.status))?;
    let reason = audit["reason_code"].as_str().unwrap_or_default().to_owned();
    let named = audit["component"].take();
    if named != component {
        return Err(format!("the audit event's component is {named}"));
    }
    // The one member in which hosts differ.
    audit["component"] = "verifier".into();
    let upstream = match seen {
        [] => None,
        [once] => Some(once.clone()),
        more => return Err(format!("the upstream saw {} requests", more.len())),
    };
    if upstream.is_none() {
        denial(reply, &reason)?;
    }
    Ok(Answer { reason, status: reply.status, audit, upstream })
}

/// A denial is the contract's, and nothing besides.
fn denial(reply: &Reply, reason: &str) -> Result<(), String> {
    let text = String::from_utf8_lossy(&reply.body);
    if text != format!(r#"{{"allowed":false,"reason":"{reason}"}}"#) && !text.is_empty() {
        return Err(format!("decision {reason}, but the body is {text}"));
    }
    let challenge = (reply.status == 401).then(|| format!("TrustPlane error=\"{reason}\""));
    if reply.header("content-type") != Some("application/json") {
        return Err(format!("content type {:?}", reply.header("content-type")));
    }
    if reply.header("www-authenticate") != challenge.as_deref() {
        return Err(format!("decision {reason}, but the challenge is {:?}", reply.header("www-authenticate")));
    }
    let framing = ["content-type", "www-authenticate", "content-length", "date", "connection"];
    match reply.headers.iter().find(|(name, _)| !framing.contains(&name.as_str())) {
        Some((name, _)) => Err(format!("decision {reason}, and a header {name}")),
        None => Ok(()),
    }
}
