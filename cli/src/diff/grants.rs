use std::collections::BTreeMap;

use serde::Serialize;

use super::{Diff, RouteLine, Terms};
use crate::bundle::{PolicyView, RouteView, RuleView, Selector, Source};

/// Somebody who may call a route.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Grant {
    pub(crate) issuer: String,
    pub(crate) trust_domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject_exact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject_prefix: Option<String>,
    #[serde(flatten)]
    pub(crate) route: RouteLine,
    /// The lowest class by rule and route, and what else a passport must say.
    pub(crate) on_terms: Vec<String>,
}

/// The rules of each caller, route by route.
type Callers<'v> = BTreeMap<(&'v Source, &'v str), (RouteView<'v>, Vec<&'v RuleView>)>;

pub(super) fn compare(old: &PolicyView, new: &PolicyView, diff: &mut Diff) {
    let (before, after) = (callers(old), callers(new));
    for (who, (route, rules)) in &after {
        let now = terms(rules);
        match before.get(who) {
            None => diff.gains.push(Grant::new(who.0, *route, rules)),
            Some((_, rules)) if terms(rules) != now => {
                let grant = Grant::new(who.0, *route, rules);
                diff.terms.push(Terms { grant: Grant { on_terms: Vec::new(), ..grant }, was: terms(rules), now });
            }
            Some(_) => {}
        }
    }
    for (who, (route, rules)) in &before {
        if !after.contains_key(who) {
            diff.loses.push(Grant::new(who.0, *route, rules));
        }
    }
}

fn callers(policy: &PolicyView) -> Callers<'_> {
    let mut callers = Callers::new();
    for route in policy.routes() {
        for rule in route.rules {
            let entry = callers.entry((&rule.source, route.route.route_id())).or_insert((route, Vec::new()));
            entry.1.push(rule);
        }
    }
    callers
}

/// What each rule asks, whatever their order.
fn terms(rules: &[&RuleView]) -> Vec<String> {
    let mut terms: Vec<String> = rules.iter().map(|rule| asked(rule)).collect();
    terms.sort();
    terms
}

fn asked(rule: &RuleView) -> String {
    let mut text = format!("{} or higher", rule.class.as_str());
    let more = [("provenance", &rule.provenance), ("context", &rule.context), ("source_type", &rule.source_type)];
    for (name, value) in more {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    text
}

impl Grant {
    fn new(source: &Source, route: RouteView<'_>, rules: &[&RuleView]) -> Self {
        let Source { issuer, trust_domain, selector } = source;
        let (subject_exact, subject_prefix) = match selector {
            Selector::Exact(subject) => (Some(subject.clone()), None),
            Selector::Prefix(prefix) => (None, Some(prefix.clone())),
        };
        Self {
            issuer: issuer.clone(),
            trust_domain: trust_domain.clone(),
            subject_exact,
            subject_prefix,
            route: RouteLine::new(route),
            on_terms: terms(rules),
        }
    }
}

impl RouteLine {
    pub(super) fn new(view: RouteView<'_>) -> Self {
        Self {
            route_id: view.route.route_id().to_owned(),
            method: view.route.method().to_owned(),
            path_template: view.route.path_template().to_owned(),
            audience: view.route.audience().to_owned(),
        }
    }
}
