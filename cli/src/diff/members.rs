use std::collections::HashMap;

use trustplane_core::{BodyMode, Freshness, MatchType};

use super::{Change, Changed, Diff, KeyLine, RevocationLine, RouteLine};
use crate::bundle::{KeyView, PolicyView, RevocationView, RouteView, TrustView};

pub(super) fn routes(old: &PolicyView, new: &PolicyView, diff: &mut Diff) {
    let before: HashMap<&str, RouteView<'_>> = old.routes().map(|view| (view.route.route_id(), view)).collect();
    let after: HashMap<&str, RouteView<'_>> = new.routes().map(|view| (view.route.route_id(), view)).collect();
    for view in new.routes() {
        match before.get(view.route.route_id()) {
            None => diff.routes_added.push(RouteLine::new(view)),
            Some(old) => {
                let name = view.route.route_id().to_owned();
                diff.routes_changed.extend(Changed::of(name, properties(*old), properties(view)));
            }
        }
    }
    let gone = old.routes().filter(|view| !after.contains_key(view.route.route_id()));
    diff.routes_removed.extend(gone.map(RouteLine::new));
    let order = |policy: &PolicyView, other: &HashMap<&str, RouteView<'_>>| -> Vec<String> {
        let ids = policy.routes().map(|view| view.route.route_id().to_owned());
        ids.filter(|id| other.contains_key(id.as_str())).collect()
    };
    diff.routes_reordered = order(old, &after) != order(new, &before);
}

/// Everything about a route but who may call it, in words.
fn properties(view: RouteView<'_>) -> Vec<(&'static str, Option<String>)> {
    let route = view.route;
    let freshness = match route.freshness() {
        Freshness::Realtime => "realtime".to_owned(),
        Freshness::Bounded { max_staleness_seconds } => format!("bounded {max_staleness_seconds} s"),
        Freshness::OfflineOk => "offline-ok".to_owned(),
        Freshness::Unknown => "unknown: denies".to_owned(),
    };
    let body = match route.body_mode() {
        BodyMode::Hashed => "hashed",
        BodyMode::None => "none",
        BodyMode::Claimed => "claimed",
    };
    let path = match route.match_type() {
        MatchType::Exact => route.path_template().to_owned(),
        MatchType::PathPrefix => format!("{} and below", route.path_template()),
    };
    vec![
        ("method", Some(route.method().to_owned())),
        ("path", Some(path)),
        ("audience", Some(route.audience().to_owned())),
        ("base_url", route.base().map(|base| base.url())),
        ("required_key_binding", Some(route.required_key_binding().as_str().to_owned())),
        ("freshness", Some(freshness)),
        ("query_form", Some(route.query_form().as_str().to_owned())),
        ("body_mode", Some(body.to_owned())),
        ("max_body_bytes", route.max_body_bytes().map(|most| most.to_string())),
        ("provenance of every caller", view.provenance.map(str::to_owned)),
        ("route_group", Some(view.group.to_owned())),
        ("risk", view.risk.map(str::to_owned)),
    ]
}

pub(super) fn keys(old: &TrustView, new: &TrustView, diff: &mut Diff) {
    let known = |trust: &TrustView, issuer: &str| trust.issuers.iter().any(|(known, ..)| known == issuer);
    let missing = |from: &TrustView, other: &TrustView| {
        let issuers = from.issuers.iter().filter(|(issuer, ..)| !known(other, issuer));
        issuers.map(|(issuer, ..)| issuer.clone()).collect()
    };
    diff.issuers_added = missing(new, old);
    diff.issuers_removed = missing(old, new);
    let before: HashMap<(&str, &str), &KeyView> = old.keys.iter().map(|key| (name(key), key)).collect();
    let after: HashMap<(&str, &str), &KeyView> = new.keys.iter().map(|key| (name(key), key)).collect();
    for key in &new.keys {
        match before.get(&name(key)) {
            None => diff.keys_added.push(KeyLine::new(key)),
            Some(old) => {
                let name = format!("{} of {}", key.kid, key.issuer);
                diff.keys_changed.extend(Changed::of(name, key_properties(old), key_properties(key)));
            }
        }
    }
    let gone = old.keys.iter().filter(|key| !after.contains_key(&name(key)));
    diff.keys_removed.extend(gone.map(KeyLine::new));
}

fn name(key: &KeyView) -> (&str, &str) {
    (&key.issuer, &key.kid)
}

fn key_properties(key: &KeyView) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("public_key", Some(key.public_key.clone())),
        ("trust_domain", Some(key.trust_domain.clone())),
        ("max_key_binding", Some(key.class.as_str().to_owned())),
        ("status", Some(if key.revoked { "revoked" } else { "active" }.to_owned())),
        ("not_before", key.not_before.map(|at| at.rfc3339())),
        ("not_after", key.not_after.map(|at| at.rfc3339())),
    ]
}

pub(super) fn revocations(document: &'static str, old: &[RevocationView], new: &[RevocationView], diff: &mut Diff) {
    let lines = |entries: &[RevocationView]| -> Vec<RevocationLine> {
        entries.iter().map(|entry| RevocationLine::new(document, entry)).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let count = |lines: &[RevocationLine]| {
        let mut counts: HashMap<RevocationLine, usize> = HashMap::new();
        for line in lines {
            *counts.entry(line.clone()).or_default() += 1;
        }
        counts
    };
    let beyond = |lines: Vec<RevocationLine>, mut others: HashMap<RevocationLine, usize>| {
        let mut lines = lines;
        lines.retain(|line| match others.get_mut(line) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        });
        lines
    };
    let (counted_old, counted_new) = (count(&old), count(&new));
    diff.revocations_added.extend(beyond(new, counted_old));
    diff.revocations_removed.extend(beyond(old, counted_new));
}

/// Members that stand for themselves.
pub(super) fn all(old: &[(String, String)], new: &[(String, String)]) -> Vec<Change> {
    let value = |members: &[(String, String)], name: &str| {
        members.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&str> = old.iter().chain(new).map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let changes =
        names.into_iter().map(|name| Change { what: name.to_owned(), was: value(old, name), now: value(new, name) });
    changes.filter(|change| change.was != change.now).collect()
}

impl Changed {
    fn of(
        name: String,
        old: Vec<(&'static str, Option<String>)>,
        new: Vec<(&'static str, Option<String>)>,
    ) -> Option<Self> {
        let changes = old.into_iter().zip(new).filter(|((_, was), (_, now))| was != now);
        let changes: Vec<_> =
            changes.map(|((what, was), (_, now))| Change { what: what.to_owned(), was, now }).collect();
        (!changes.is_empty()).then_some(Self { name, changes })
    }
}

impl KeyLine {
    fn new(key: &KeyView) -> Self {
        Self {
            issuer: key.issuer.clone(),
            kid: key.kid.clone(),
            public_key: key.public_key.clone(),
            max_key_binding: key.class.as_str(),
        }
    }
}

impl RevocationLine {
    fn new(document: &'static str, entry: &RevocationView) -> Self {
        Self {
            document,
            r#type: entry.r#type.clone(),
            value: entry.value.clone(),
            issuer: entry.issuer.clone(),
            revoked_at: entry.revoked_at.rfc3339(),
            reason: entry.reason.clone(),
        }
    }
}
