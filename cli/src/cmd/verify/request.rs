use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::{Serialize, Serializer};
use trustplane_core::{
    AuditEvent, Checked, Component, Consumed, Denied, Head, Header, Policy, Settings, Trust, UnixTime, Verifier,
};

use super::{Store, Verify};
use crate::exit::{Fault, Verdict};
use crate::input::{Source, header};
use crate::output::Output;

/// A decision, as the audit event says it.
struct Decision(AuditEvent);

impl Verify {
    pub(super) fn request(self, output: Output, now: UnixTime) -> Result<Verdict, Fault> {
        let verifier = self.verifier(now)?;
        let request = &self.request;
        let mut headers = request.headers.clone();
        if let Some(path) = &request.headers_file {
            headers.extend(read_headers(path)?);
        }
        if let Some(token) = &self.token {
            headers.push(("authorization".into(), format!("Bearer {}", super::passport::token(token)?)));
        }
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        let pairs: Vec<Header<'_>> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let missing = |flag| Fault::new(format!("{flag} is missing: it is part of the request"));
        let head = Head {
            method: request.method.as_bytes(),
            target: request.path.as_deref().ok_or_else(|| missing("--path"))?.as_bytes(),
            authority: request.authority.as_deref().ok_or_else(|| missing("--authority"))?.as_bytes(),
            tls: request.scheme == "https",
            headers: &pairs,
        };
        let body = match (&request.body, &request.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(path)) => fs::read(path).map_err(|err| Fault::file(path, err))?,
            (None, None) => Vec::new(),
        };
        let event = match decide(&verifier, &head, &body, request.store.into(), now) {
            Ok(event) => event,
            Err(denied) => denied.event().clone(),
        };
        let verdict = if event.accepted() { Verdict::Allow } else { Verdict::Deny };
        output.show(&Decision(event))?;
        Ok(verdict)
    }

    fn verifier(&self, now: UnixTime) -> Result<Verifier, Fault> {
        let (Some(policy), Some(trust)) = (&self.request.policy_bundle, &self.bundle) else {
            return Err(Fault::new("--bundle is missing: a request is judged by policy and trust material"));
        };
        let (policy, trust) = (Source::read(policy)?, Source::read(trust)?);
        let policy = Policy::load(&policy.value()?, &self.pins.policy()?).map_err(|error| policy.fault(error))?;
        let trust = Trust::load(&trust.value()?, &self.pins.trust()?).map_err(|error| trust.fault(error))?;
        let settings = Settings { scheme: Some(self.request.scheme.clone()), ..Settings::default() };
        Ok(Verifier::new(settings, Some(Checked::new(policy, now)), Checked::new(trust, now)))
    }
}

fn decide(
    verifier: &Verifier,
    head: &Head<'_>,
    body: &[u8],
    consumed: Consumed,
    now: UnixTime,
) -> Result<AuditEvent, Denied> {
    let mut proven = verifier.prove(head, now)?;
    if let Err(reason) = proven.feed(body) {
        return Err(proven.deny(reason, now));
    }
    let allowed = proven.settle(now)?.conclude(consumed, now)?;
    Ok(allowed.event().clone())
}

fn read_headers(path: &Path) -> Result<Vec<(String, String)>, Fault> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|err| Fault::file(path, err))?;
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines.map(|line| header(line).map_err(|problem| Fault::file(path, problem))).collect()
}

impl From<Store> for Consumed {
    fn from(store: Store) -> Self {
        match store {
            Store::Cold => Self::Cold,
            Store::Fresh => Self::Fresh,
            Store::Full => Self::Full,
            Store::Replayed => Self::Replayed,
            Store::Unavailable => Self::Unavailable,
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event: serde_json::Value = serde_json::from_str(&self.0.to_json(Component::Verifier)).unwrap_or_default();
        event.serialize(serializer)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditEvent { reason, trail, .. } = &self.0;
        let verdict = if self.0.accepted() { "allow" } else { "deny" };
        writeln!(f, "{verdict}  {reason}: {}", reason.explain())?;
        let digest = trail.transcript_sha256.as_ref().map(trustplane_core::hex);
        for (name, value) in [
            ("route", trail.route_id.as_deref()),
            ("audience", trail.audience.as_deref()),
            ("issuer", trail.issuer.as_deref()),
            ("subject", trail.subject.as_deref()),
            ("jti", trail.jti.as_deref()),
            ("key binding", trail.key_binding.map(|class| class.as_str())),
            ("transcript", digest.as_deref()),
        ] {
            if let Some(value) = value {
                writeln!(f, "{name:<11}  {value}")?;
            }
        }
        Ok(())
    }
}
