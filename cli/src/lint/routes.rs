use std::collections::HashMap;

use trustplane_core::{BodyMode, Freshness, MatchType, Route};

use super::overlap::{Templates, is_wildcard};
use super::{Code, Finding, Subject};
use crate::bundle::{Kind, PolicyView, RouteView};

/// Stands for any segment: braces are in no canonical path, so no route names it.
const ANY: &str = "{}";

pub(super) fn check(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(policy) = subject.policy else { return };
    let routes: Vec<RouteView<'_>> = policy.routes().collect();
    let mut templates: HashMap<&str, Templates> = HashMap::new();
    for (number, view) in routes.iter().enumerate() {
        let mut add = |code, member: &str, sentence| {
            found.push(Finding { code, kind: Kind::Policy, pointer: format!("{}{member}", view.pointer), sentence });
        };
        let route = view.route;
        if let Some(first) = shadow(policy, route) {
            let sentence = format!("No request reaches it: {} takes every request that it would serve.", named(first));
            add(Code::RouteUnreachable, "/path_template", sentence);
        } else if route.match_type() == MatchType::Exact && route.path_template().contains('{') {
            let crossing = templates.entry(route.method()).or_default().add(route.path_template(), number);
            if let Some(other) = crossing.and_then(|other| routes.get(other)) {
                let first = winner(other.route, route);
                let sentence =
                    format!("It shares paths with {}; on those, {} decides.", named(other.route), named(first));
                add(Code::RouteOverlap, "/path_template", sentence);
            }
        }
        if route.match_type() == MatchType::PathPrefix && route.path_template() == "/" {
            let sentence = format!("It serves {} on every path that no other route names.", route.method());
            add(Code::PathPrefixBroad, "/path_template", sentence);
        }
        if route.body_mode() == BodyMode::Claimed {
            let sentence = "The body that comes may be another than the one that was signed: it is not hashed.";
            add(Code::BodyUnbound, "/body_mode", sentence.to_owned());
        }
        let denies = match route.freshness() {
            Freshness::Unknown => Some(("/freshness_class", "verifiers do not know its freshness class")),
            Freshness::Bounded { max_staleness_seconds: 0 } => {
                Some(("/max_staleness_seconds", "it is bounded, and no maximum is given"))
            }
            _ if route.source_count() == 0 => Some(("/allowed_sources", "it allows no source")),
            _ => None,
        };
        if let Some((member, why)) = denies {
            add(Code::RouteDeniesAll, member, format!("It denies everyone: {why}."));
        }
    }
    stale(subject, &routes, found);
}

/// The route that takes every request of this one, if there is one.
///
/// Segments that no route names lead to the templates that cover this one, and of those to the one
/// that verifiers ask; if that is another, no request ever comes here.
fn shadow<'p>(policy: &'p PolicyView, route: &Route) -> Option<&'p Route> {
    let mut path = String::new();
    for segment in route.path_template().split('/').skip(1) {
        path.push('/');
        path.push_str(if is_wildcard(segment) { ANY } else { segment });
    }
    if route.match_type() == MatchType::PathPrefix {
        // Deeper than any template.
        let below = format!("/{ANY}").repeat(70);
        path = format!("{}{below}", path.trim_end_matches('/'));
    }
    let first = policy.policy().route(route.method(), &path)?;
    (first.route_id() != route.route_id()).then_some(first)
}

/// Of two templates with a path in common, the one that is asked.
fn winner<'r>(earlier: &'r Route, later: &'r Route) -> &'r Route {
    let literal = |route: &Route| route.path_template().split('/').take_while(|segment| !is_wildcard(segment)).count();
    if literal(later) > literal(earlier) { later } else { earlier }
}

fn named(route: &Route) -> String {
    format!("{} ({} {})", route.route_id(), route.method(), route.path_template())
}

/// Bounded routes count from when the older document was issued.
fn stale(subject: &Subject<'_>, routes: &[RouteView<'_>], found: &mut Vec<Finding>) {
    let bound = |view: &RouteView<'_>| match view.route.freshness() {
        Freshness::Bounded { max_staleness_seconds: 0 } => None,
        Freshness::Bounded { max_staleness_seconds } => Some(max_staleness_seconds),
        _ => None,
    };
    let Some(most) = routes.iter().filter_map(bound).min() else { return };
    let policy = subject.policy.map(|policy| (Kind::Policy, policy.envelope.issued_at));
    let trust = subject.trust.map(|trust| (Kind::Trust, trust.envelope.issued_at));
    for (kind, issued_at) in policy.into_iter().chain(trust) {
        let Some(issued_at) = issued_at else { continue };
        let (until, within) = (issued_at.plus(most), subject.within.as_secs());
        let issued = issued_at.rfc3339();
        let sentence = if until < subject.now {
            format!("It was issued at {issued}: routes bounded to {most} s deny since {}.", until.rfc3339())
        } else if most > within && until < subject.now.plus(within) {
            format!("It was issued at {issued}: routes bounded to {most} s deny from {} on.", until.rfc3339())
        } else {
            continue;
        };
        found.push(Finding { code: Code::DocumentStale, kind, pointer: "/issued_at".into(), sentence });
    }
}
