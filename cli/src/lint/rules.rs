use std::collections::HashMap;

use trustplane_core::KeyBinding;

use super::{Code, Finding, Subject};
use crate::bundle::{Kind, RouteView, RuleView, Selector, TrustView};

pub(super) fn check(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(policy) = subject.policy else { return };
    let issuers = subject.trust.map(|trust| Issuers::new(trust, subject));
    for view in policy.routes() {
        for rule in view.rules {
            let mut add = |code, member: &str, sentence| {
                found.push(Finding {
                    code,
                    kind: Kind::Policy,
                    pointer: format!("{}{member}", rule.pointer),
                    sentence,
                });
            };
            if let Selector::Prefix(prefix) = &rule.source.selector
                && is_broad(prefix)
            {
                let sentence = format!("It admits every subject of {} that begins with {prefix}", rule.source.issuer);
                add(Code::SubjectPrefixBroad, "/subject_prefix", sentence);
            }
            if let Some(issuers) = &issuers
                && let Some((code, member, sentence)) = issuers.judge(rule, view)
            {
                add(code, member, sentence);
            }
        }
        covered(view, found);
    }
}

/// Whether a prefix stands for a whole kind of callers: it names no more than a scheme and one
/// part, such as `service:` or `spiffe://shop.example/`, or every account of a cluster.
fn is_broad(prefix: &str) -> bool {
    let parts = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    let count = parts.split([':', '/']).filter(|part| !part.is_empty()).count();
    count < 2 || parts == "system:serviceaccount:"
}

/// What trust material says of issuers.
struct Issuers<'v> {
    domains: HashMap<&'v str, &'v str>,
    /// The highest class that a key grants which counts now or later.
    highest: HashMap<&'v str, KeyBinding>,
}

impl<'v> Issuers<'v> {
    fn new(trust: &'v TrustView, subject: &Subject<'_>) -> Self {
        let domains = trust.issuers.iter().map(|(issuer, domain, _)| (issuer.as_str(), domain.as_str())).collect();
        let mut highest = HashMap::new();
        for key in &trust.keys {
            if !key.revoked && key.not_after.is_none_or(|end| end >= subject.now) {
                let class = highest.entry(key.issuer.as_str()).or_insert(key.class);
                *class = (*class).max(key.class);
            }
        }
        Self { domains, highest }
    }

    fn judge(&self, rule: &RuleView, view: RouteView<'_>) -> Option<(Code, &'static str, String)> {
        let issuer = rule.source.issuer.as_str();
        let Some(domain) = self.domains.get(issuer) else {
            let sentence = format!("It admits nobody: the trust material has no issuer {issuer}.");
            return Some((Code::RuleIssuerUnknown, "/issuer", sentence));
        };
        if *domain != rule.source.trust_domain {
            let sentence = format!("It admits nobody: {issuer} speaks for {domain:?}.");
            return Some((Code::RuleDomainDiffers, "/trust_domain", sentence));
        }
        let required = rule.class.max(view.route.required_key_binding());
        match self.highest.get(issuer) {
            None => {
                let sentence = format!("It admits nobody: every key of {issuer} is revoked or has expired.");
                Some((Code::IssuerWithoutKey, "/issuer", sentence))
            }
            Some(highest) if *highest < required => {
                let sentence = format!(
                    "It admits nobody: it needs {}, and no key of {issuer} may grant more than {}.",
                    required.as_str(),
                    highest.as_str()
                );
                Some((Code::ClassAboveIssuer, "/required_key_binding", sentence))
            }
            Some(_) => None,
        }
    }
}

/// Rules whose callers another rule admits as well, on terms that are no stricter.
fn covered(view: RouteView<'_>, found: &mut Vec<Finding>) {
    let mut by_selector: HashMap<(&str, &str, &Selector), Vec<usize>> = HashMap::new();
    for (number, rule) in view.rules.iter().enumerate() {
        let source = &rule.source;
        by_selector.entry((&source.issuer, &source.trust_domain, &source.selector)).or_default().push(number);
    }
    for (number, rule) in view.rules.iter().enumerate() {
        let laxer = wider(&rule.source.selector).into_iter().find_map(|selector| {
            let others = by_selector.get(&(&*rule.source.issuer, &*rule.source.trust_domain, &selector))?;
            // Of two that say the same, the later one is of no use.
            let covers = |other: &&usize| {
                let (same, other_rule) = (selector == rule.source.selector, &view.rules[**other]);
                **other != number
                    && admits(other_rule, rule, view)
                    && (!same || **other < number || !admits(rule, other_rule, view))
            };
            others.iter().find(covers).copied()
        });
        let Some(other) = laxer.and_then(|other| view.rules.get(other)) else { continue };
        let stricter = !admits(rule, &RuleView { source: rule.source.clone(), ..other.clone() }, view);
        let who = &other.source.selector;
        let (code, sentence) = match stricter {
            true => (
                Code::RuleBypassed,
                format!("Its terms bind nobody: another rule admits the same callers, as {who}, on laxer terms."),
            ),
            false => (Code::RuleRedundant, format!("It is of no use: another rule admits the same callers, as {who}.")),
        };
        found.push(Finding { code, kind: Kind::Policy, pointer: rule.pointer.clone(), sentence });
    }
}

/// Whether `one` asks nothing that `other` does not.
fn admits(one: &RuleView, other: &RuleView, view: RouteView<'_>) -> bool {
    let class = |rule: &RuleView| rule.class.max(view.route.required_key_binding());
    class(one) <= class(other)
        && (one.provenance.is_none() || one.provenance == other.provenance)
        && (one.context.is_none() || one.context == other.context)
}

/// The selector itself and those that take in more.
fn wider(selector: &Selector) -> Vec<Selector> {
    let (Selector::Exact(text) | Selector::Prefix(text)) = selector;
    let cuts = text.char_indices().filter(|(_, char)| matches!(char, ':' | '/')).map(|(at, _)| at + 1);
    let prefixes = cuts.map(|cut| Selector::Prefix(text[..cut].to_owned()));
    let own = std::iter::once(selector.clone());
    own.chain(prefixes.filter(|prefix| prefix != selector)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_broad_that_names_a_kind_and_nothing_within() {
        for prefix in [
            ":",
            "service:",
            "aws:",
            "spiffe://",
            "spiffe://shop.example/",
            "system:serviceaccount:",
            "https://ci.example/",
        ] {
            assert!(is_broad(prefix), "{prefix}");
        }
        for prefix in [
            "service:checkout:",
            "aws:ec2:us-east-1:",
            "spiffe://shop.example/ns/orders/sa/",
            "system:serviceaccount:orders:",
            "https://ci.example/release/",
        ] {
            assert!(!is_broad(prefix), "{prefix}");
        }
    }
}
