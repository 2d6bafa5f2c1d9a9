//! What a document allows although its author may not have meant it, and what it cannot do.

mod keys;
mod overlap;
mod routes;
mod rules;

use std::time::Duration;

use serde::Serialize;
use trustplane_core::UnixTime;

use crate::bundle::{Kind, PolicyView, TrustView};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not do what it says.
    Error,
    /// Something does more, or for less long, than its author may know.
    Warning,
    /// Something is of no use.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) kind: Kind,
    pub(crate) pointer: String,
    pub(crate) sentence: String,
}

/// What is judged, and as of when.
pub(crate) struct Subject<'v> {
    pub(crate) policy: Option<&'v PolicyView>,
    pub(crate) trust: Option<&'v TrustView>,
    pub(crate) now: UnixTime,
    /// What ends within this is told of.
    pub(crate) within: Duration,
}

/// Names of findings: never renamed, never given another meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    BodyUnbound,
    ClassAboveIssuer,
    DocumentStale,
    IssuerWithoutKey,
    KeyExpired,
    KeyExpiring,
    KeyMalformed,
    KeyPublished,
    KeyShared,
    PathPrefixBroad,
    RevocationTypeUnknown,
    RouteDeniesAll,
    RouteOverlap,
    RouteUnreachable,
    RuleBypassed,
    RuleDomainDiffers,
    RuleIssuerUnknown,
    RuleRedundant,
    SubjectPrefixBroad,
}

impl Code {
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::ClassAboveIssuer
            | Self::IssuerWithoutKey
            | Self::KeyMalformed
            | Self::KeyPublished
            | Self::RevocationTypeUnknown
            | Self::RouteDeniesAll
            | Self::RouteUnreachable
            | Self::RuleDomainDiffers
            | Self::RuleIssuerUnknown => Severity::Error,
            Self::BodyUnbound
            | Self::DocumentStale
            | Self::KeyExpiring
            | Self::KeyShared
            | Self::PathPrefixBroad
            | Self::RouteOverlap
            | Self::RuleBypassed
            | Self::SubjectPrefixBroad => Severity::Warning,
            Self::KeyExpired | Self::RuleRedundant => Severity::Note,
        }
    }
}

/// Everything that is found, document by document.
pub(crate) fn lint(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    routes::check(subject, &mut found);
    rules::check(subject, &mut found);
    keys::check(subject, &mut found);
    let policy = subject.policy.map(|policy| (Kind::Policy, &policy.revocations));
    let trust = subject.trust.map(|trust| (Kind::Trust, &trust.revocations));
    for (kind, revocations) in policy.into_iter().chain(trust) {
        for entry in revocations {
            if !["jti", "kid", "subject", "issuer", "source"].contains(&entry.r#type.as_str()) {
                let sentence = format!(
                    "No verifier knows the type {:?}, so every route that is not offline-ok denies everyone.",
                    entry.r#type
                );
                let pointer = format!("{}/type", entry.pointer);
                found.push(Finding { code: Code::RevocationTypeUnknown, kind, pointer, sentence });
            }
        }
    }
    found
}
