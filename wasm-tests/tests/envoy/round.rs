//! All cases once, over one protocol, held in one way.

use std::ops::Range;

use serde_json::Value;

use trustplane_wasm_tests::case::{Case, Cases, InEnvoy, Store};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::subject::{Answer, Forwarded};
use trustplane_wasm_tests::verdict::mismatches;

use crate::log::{Line, Log};
use crate::site::{Site, label};
use crate::wire::Reply;
use crate::{http2, wire};

/// Over HTTP/2 go these topics again: what the two protocols carry differently.
const HTTP2_TOPICS: [&str; 4] = ["admission", "bodies", "headers", "replay"];

/// What a case is sent over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// To the byte.
    Http1,
    /// With trailers.
    Http2,
}

/// What was sent, and what came back.
pub struct Round<'c> {
    number: usize,
    hold: Hold,
    protocol: Protocol,
    sent: Vec<Sent<'c>>,
}

struct Sent<'c> {
    case: &'c Case,
    /// Every presentation; the last one counts.
    presentations: Vec<Presentation>,
}

struct Presentation {
    request_id: String,
    reply: Result<Reply, String>,
    /// What the upstream saw meanwhile.
    seen: Range<usize>,
}

impl Protocol {
    /// Whether a round over this protocol has the case.
    fn carries(self, case: &Case) -> bool {
        let envoy = case.envoy.as_ref();
        if envoy.is_some_and(|envoy| envoy.skip.is_some()) {
            return false;
        }
        match (envoy.and_then(|envoy| envoy.http), self) {
            (Some(version), Self::Http1) => version == 1,
            (Some(version), Self::Http2) => version == 2,
            (None, Self::Http1) => true,
            // What Envoy does to a case is measured over HTTP/1.1.
            (None, Self::Http2) => envoy.is_none() && HTTP2_TOPICS.contains(&case.topic.as_str()),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }
}

impl<'c> Round<'c> {
    /// Sends every case, one after the other.
    pub fn send(
        site: &Site,
        (number, hold, protocol): (usize, Hold, Protocol),
        cases: &'c Cases,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let mut round = Self { number, hold, protocol, sent: Vec::new() };
        for case in &cases.cases {
            if protocol.carries(case) && wanted(&round.name(case)) {
                let times = if case.store == Store::Replayed { 2 } else { 1 };
                let presentations = (0..times).map(|time| round.present(site, case, time)).collect::<Result<_, _>>()?;
                round.sent.push(Sent { case, presentations });
            }
        }
        Ok(round)
    }

    fn present(&self, site: &Site, case: &Case, time: usize) -> Result<Presentation, String> {
        let address = site.address(self.hold, case)?;
        // Envoy would give it one; a known one finds its line in the log. Not of the length of a
        // UUID, into which Envoy writes.
        let own = case.headers.iter().find(|(name, _)| name == "x-request-id");
        let given = own.is_none().then(|| format!("{}.{}.{time}", self.number, self.sent.len()));
        let before = site.upstream.count();
        let reply = match self.protocol {
            Protocol::Http1 => wire::send(address, case, given.as_deref()),
            Protocol::Http2 => http2::send(address, case, given.as_deref()),
        };
        let seen = before..site.upstream.count();
        let own = own.map(|(_, value)| String::from_utf8_lossy(&value.0).into_owned());
        Ok(Presentation { request_id: given.or(own).unwrap_or_default(), reply, seen })
    }

    /// How many requests were sent, and how many of them the upstream saw.
    pub fn size(&self) -> (usize, usize) {
        let all = || self.sent.iter().flat_map(|sent| &sent.presentations);
        (all().count(), all().map(|presentation| presentation.seen.len()).sum())
    }

    /// Compares each answer with the expected one.
    pub fn judge(&self, run: &mut Run, seen: &[Forwarded], log: &mut Log) {
        for sent in &self.sent {
            let instead = sent.case.envoy.as_ref().filter(|envoy| envoy.status.is_some());
            let mut found = Vec::new();
            for (index, presentation) in sent.presentations.iter().enumerate() {
                let last = index + 1 == sent.presentations.len();
                let claims = sent.case.expect.claims.as_ref();
                let jti = claims.and_then(|claims| claims.get("jti")).map(String::as_str);
                let line = log.take(&presentation.request_id, jti);
                match (instead, answer(presentation, line.as_ref(), seen)) {
                    (Some(instead), _) => found.extend(refused(presentation, instead, line.as_ref())),
                    (None, Err(why)) => found.push(why),
                    (None, Ok(answer)) if last => found.extend(mismatches(sent.case, &answer)),
                    (None, Ok(answer)) if answer.reason != "request_allowed" => {
                        found.push(format!("the first presentation: {}", answer.reason));
                    }
                    (None, Ok(_)) => {}
                }
            }
            run.check(&self.name(sent.case), &sent.case.comment, &found);
        }
    }

    fn name(&self, case: &Case) -> String {
        format!("{} {} {}", label(self.hold), self.protocol.label(), case.name)
    }
}

fn answer(presentation: &Presentation, line: Option<&Line>, seen: &[Forwarded]) -> Result<Answer, String> {
    let reply = presentation.reply.as_ref().map_err(Clone::clone)?;
    let text = String::from_utf8_lossy(&reply.body);
    let line = line.ok_or_else(|| format!("status {} and no line in the access log: {text}", reply.status))?;
    let details = line.details.as_deref().unwrap_or_default();
    let (Some(reason), Some(audit)) = (&line.decision, &line.audit) else {
        return Err(format!("status {} and no decision in filter state ({details}): {text}", reply.status));
    };
    let audit: Value = serde_json::from_str(audit).map_err(|error| format!("the audit event: {error}"))?;
    let upstream = match seen.get(presentation.seen.clone()) {
        None | Some([]) => None,
        Some([once]) => Some(once.clone()),
        Some(more) => return Err(format!("the upstream saw {} requests", more.len())),
    };
    if upstream.is_none() {
        let body = format!(r#"{{"allowed":false,"reason":"{reason}"}}"#);
        let challenge = (reply.status == 401).then(|| format!("TrustPlane error=\"{reason}\""));
        if text != body && !text.is_empty() {
            return Err(format!("decision {reason}, but the body is {text}"));
        }
        if reply.header("content-type") != Some("application/json") {
            return Err(format!("content type {:?}", reply.header("content-type")));
        }
        if reply.header("www-authenticate") != challenge.as_deref() {
            return Err(format!("decision {reason}, but the challenge is {:?}", reply.header("www-authenticate")));
        }
        if !details.contains(reason.as_str()) {
            return Err(format!("decision {reason}, but the details are {details}"));
        }
    }
    Ok(Answer { reason: reason.clone(), status: reply.status, audit, upstream })
}

/// Another refusal than the case's, for what Envoy does before the filter; still nothing upstream.
fn refused(presentation: &Presentation, instead: &InEnvoy, line: Option<&Line>) -> Vec<String> {
    let status = presentation.reply.as_ref().ok().map(|reply| reply.status);
    let decision = line.and_then(|line| line.decision.as_ref());
    let mut found = Vec::new();
    if status != instead.status {
        found.push(format!("in Envoy: expected {:?}, got {status:?}", instead.status));
    }
    if decision != instead.reason.as_ref() {
        let details = line.and_then(|line| line.details.as_ref());
        found.push(format!(
            "in Envoy: expected the filter to decide {:?}, got {decision:?} ({details:?})",
            instead.reason
        ));
    }
    let passes = usize::from(instead.reason.as_deref() == Some("request_allowed"));
    if presentation.seen.len() != passes {
        found.push(format!("the upstream saw {}", presentation.seen.len()));
    }
    found
}
