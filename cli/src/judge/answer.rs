use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use trustplane_core::{AuditEvent, Component, hex};

use super::explanation::Explanation;
use crate::exit::Verdict;

/// What becomes of a request, and why.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) event: AuditEvent,
    /// There is one when it was asked for and the request came as far as its proof.
    pub(super) explanation: Option<Explanation>,
}

impl Answer {
    pub(crate) fn verdict(&self) -> Verdict {
        if self.event.accepted() { Verdict::Allow } else { Verdict::Deny }
    }

    /// The audit event alone.
    pub(crate) fn event(&self) -> serde_json::Value {
        serde_json::from_str(&self.event.to_json(Component::Verifier)).unwrap_or_default()
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = self.event.reason;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("allowed", &self.event.accepted())?;
        map.serialize_entry("reason", reason.as_str())?;
        map.serialize_entry("status", &reason.status())?;
        map.serialize_entry("detail", reason.explain())?;
        map.serialize_entry("event", &self.event())?;
        if let Some(explanation) = &self.explanation {
            map.serialize_entry("transcript", &explanation.json(reason))?;
        }
        map.end()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditEvent { reason, trail, .. } = &self.event;
        let verdict = if self.event.accepted() { "allow" } else { "deny" };
        writeln!(f, "{verdict}  {reason}: {}", reason.explain())?;
        let digest = trail.transcript_sha256.as_ref().map(hex);
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
        match &self.explanation {
            Some(explanation) => explanation.write(f, *reason),
            None => Ok(()),
        }
    }
}
