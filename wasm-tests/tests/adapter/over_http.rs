//! The adapter, over real connections.

use serde_json::Value;

use trustplane_wasm_tests::case::{Case, Store};
use trustplane_wasm_tests::subject::{Answer, Forwarded, Subject};

use crate::site::{Gate, Site};
use crate::wire::Reply;
use crate::{http2, wire};

/// What a case is sent over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// To the byte.
    Http1,
    /// With trailers.
    Http2,
}

/// What came of one request.
pub struct Outcome {
    /// What the caller got.
    pub reply: Result<Reply, String>,
    /// What was recorded; nothing where hyper answered.
    pub event: Option<Value>,
    /// What the service behind saw meanwhile.
    pub seen: Vec<Forwarded>,
}

/// The adapters, asked over one protocol.
pub struct OverHttp<'s> {
    pub site: &'s Site,
    pub protocol: Protocol,
}

impl OverHttp<'_> {
    /// Sends the case's request once.
    pub fn present(&self, case: &Case) -> Result<Outcome, String> {
        let gate = self.site.gate(case)?;
        gate.script.set(case);
        let before = self.site.upstream.count();
        let reply = match self.protocol {
            Protocol::Http1 => wire::send(gate.address, case, None),
            Protocol::Http2 => http2::send(gate.address, case, None),
        };
        let seen = self.site.upstream.seen().split_off(before);
        Ok(Outcome { reply, event: gate.script.event()?, seen })
    }

    fn gate(&self, case: &Case) -> Result<&Gate, String> {
        self.site.gate(case)
    }
}

impl<'c> Subject<'c> for OverHttp<'_> {
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String> {
        if case.store == Store::Replayed {
            let first = answer(self.present(case)?)?;
            if first.reason != "request_allowed" {
                return Err(format!("the first presentation: {}", first.reason));
            }
        }
        let asked = self.gate(case)?.script.asked();
        let answer = answer(self.present(case)?)?;
        if case.settled_before_replay() && self.gate(case)?.script.asked() != asked {
            return Err("the replay store was asked, and might have burnt the jti".into());
        }
        Ok(answer)
    }
}

/// What an outcome says, if it is a sound one.
fn answer(outcome: Outcome) -> Result<Answer, String> {
    let reply = outcome.reply?;
    let text = String::from_utf8_lossy(&reply.body);
    let mut audit = outcome.event.ok_or_else(|| format!("status {} and no audit event: {text}", reply.status))?;
    let reason = audit["reason_code"].as_str().unwrap_or_default().to_owned();
    let component = audit["component"].take();
    if component != "adapter" {
        return Err(format!("the audit event's component is {component}"));
    }
    // The one member in which hosts differ.
    audit["component"] = "verifier".into();
    let upstream = match outcome.seen.as_slice() {
        [] => None,
        [once] => Some(once.clone()),
        more => return Err(format!("the upstream saw {} requests", more.len())),
    };
    if upstream.is_none() {
        denial(&reply, &reason)?;
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
