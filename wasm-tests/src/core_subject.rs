//! The core, as a host without a network would use it.

use std::collections::BTreeMap;

use serde_json::Value;

use trustplane_core::{
    Allowed, BodyMode, Checked, Component, ConfigError, Consumed, Denied, FilterConfig, Head, Header, UnixTime,
    Upstream, Verifier,
};

use crate::case::{Case, Cases, Store};
use crate::subject::{Answer, Forwarded, Subject};

/// The core, with one verifier for each configuration.
pub struct CoreSubject<'c> {
    cases: &'c Cases,
    /// Broken configurations have none.
    verifiers: BTreeMap<&'c str, Option<Verifier>>,
}

impl<'c> CoreSubject<'c> {
    /// All cases.
    pub const fn new(cases: &'c Cases) -> Self {
        Self { cases, verifiers: BTreeMap::new() }
    }
}

impl<'c> Subject<'c> for CoreSubject<'c> {
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String> {
        let profile = self.cases.profile(case);
        let fetched_at = UnixTime::from_secs(profile.fetched_at);
        let verifier = self.verifiers.entry(&case.profile);
        let verifier = verifier.or_insert_with(|| verifier_of(&profile.config, fetched_at).ok());
        let now = UnixTime::from_secs(case.now);
        let verdict = match verifier {
            Some(verifier) => judge(verifier, case, now),
            // A host that cannot be configured denies everything.
            None => Err(Denied::unavailable(now)),
        };
        match verdict {
            Ok(allowed) => Ok(Answer {
                reason: allowed.event().reason.to_string(),
                status: allowed.event().reason.status(),
                audit: json(&allowed.event().to_json(Component::Verifier))?,
                upstream: Some(forwarded(case, allowed.upstream())),
            }),
            Err(denied) => Ok(Answer {
                reason: denied.reason().to_string(),
                status: denied.reason().status(),
                audit: json(&denied.event().to_json(Component::Verifier))?,
                upstream: None,
            }),
        }
    }
}

/// The verifier for a configuration whose bundles came at that moment.
pub fn verifier_of(config: &str, checked_at: UnixTime) -> Result<Verifier, ConfigError> {
    let config = FilterConfig::parse(config.as_bytes())?;
    let (policy, trust) = config.load()?;
    let policy = policy.map(|policy| Checked::new(policy, checked_at));
    Ok(Verifier::new(config.settings(), policy, Checked::new(trust, checked_at)))
}

/// Head, body, trailers, replay: in the order in which a host comes by them.
fn judge(verifier: &Verifier, case: &Case, now: UnixTime) -> Result<Allowed, Denied> {
    let headers: Vec<Header<'_>> =
        case.headers.iter().map(|(name, value)| (name.as_bytes(), value.0.as_slice())).collect();
    let head = Head {
        method: &case.method.0,
        target: &case.target.0,
        authority: &case.authority.0,
        tls: case.tls,
        headers: &headers,
    };
    let mut proven = verifier.prove(&head, now)?;
    // A claimed body is settled before it comes.
    if proven.body_mode() != BodyMode::Claimed {
        for chunk in &case.body_chunks {
            if let Err(reason) = proven.feed(&chunk.0) {
                return Err(proven.deny(reason, now));
            }
        }
        if !case.trailers.is_empty()
            && let Err(reason) = proven.trailers()
        {
            return Err(proven.deny(reason, now));
        }
    }
    proven.settle(now)?.conclude(consumed(case.store), now)
}

const fn consumed(store: Store) -> Consumed {
    match store {
        Store::Cold => Consumed::Cold,
        Store::Fresh => Consumed::Fresh,
        Store::Full => Consumed::Full,
        Store::Replayed => Consumed::Replayed,
        Store::Unavailable => Consumed::Unavailable,
    }
}

/// The request after the edits that the core asks for.
fn forwarded(case: &Case, upstream: &Upstream) -> Forwarded {
    let removed = |name: &str| {
        upstream.remove().any(|gone| gone == name.as_bytes()) || upstream.set().any(|(held, _)| held == name)
    };
    let kept = case.headers.iter().filter(|(name, _)| !removed(name));
    let kept = kept.map(|(name, value)| (name.clone(), value.0.clone()));
    let set = upstream.set().map(|(name, value)| (name.to_owned(), value.into()));
    Forwarded { headers: kept.chain(set).collect(), body: case.body() }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("the audit event: {error}"))
}
