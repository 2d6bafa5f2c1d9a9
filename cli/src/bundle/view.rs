use trustplane_core::json::{Object, Value, canonical};
use trustplane_core::{DocumentError, KeyBinding, Pin, Policy, Route, Trust, UnixTime};

use super::source::{Selector, Source};
use crate::value::Json;

/// A policy as readers see it: what the verifier made of each route, and what its author wrote.
#[derive(Debug)]
pub(crate) struct PolicyView {
    policy: Policy,
    written: Vec<Written>,
    provenance: Option<String>,
    pub(crate) revocations: Vec<RevocationView>,
    /// Members that stand for themselves, such as `policy_id`, in canonical form.
    pub(crate) members: Vec<(String, String)>,
    pub(crate) envelope: Envelope,
}

/// What the verifier does not keep of a route.
#[derive(Debug)]
struct Written {
    pointer: String,
    group: String,
    risk: Option<String>,
    rules: Vec<RuleView>,
}

/// A route and its rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteView<'v> {
    pub(crate) route: &'v Route,
    pub(crate) pointer: &'v str,
    pub(crate) group: &'v str,
    pub(crate) risk: Option<&'v str>,
    /// What every caller's provenance must say, in canonical form.
    pub(crate) provenance: Option<&'v str>,
    pub(crate) rules: &'v [RuleView],
}

/// One kind of caller of a route.
#[derive(Clone, Debug)]
pub(crate) struct RuleView {
    pub(crate) pointer: String,
    pub(crate) source: Source,
    pub(crate) source_type: Option<String>,
    pub(crate) class: KeyBinding,
    /// In canonical form.
    pub(crate) provenance: Option<String>,
    /// In canonical form.
    pub(crate) context: Option<String>,
}

/// Trust material as readers see it.
#[derive(Debug)]
pub(crate) struct TrustView {
    pub(crate) keys: Vec<KeyView>,
    /// Issuer, trust domain and pointer.
    pub(crate) issuers: Vec<(String, String, String)>,
    pub(crate) revocations: Vec<RevocationView>,
    pub(crate) members: Vec<(String, String)>,
    pub(crate) envelope: Envelope,
}

/// A key of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct KeyView {
    pub(crate) pointer: String,
    pub(crate) issuer: String,
    pub(crate) trust_domain: String,
    pub(crate) kid: String,
    pub(crate) public_key: String,
    pub(crate) class: KeyBinding,
    pub(crate) revoked: bool,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) not_after: Option<UnixTime>,
}

/// What is taken back.
#[derive(Clone, Debug)]
pub(crate) struct RevocationView {
    pub(crate) pointer: String,
    pub(crate) r#type: String,
    pub(crate) value: String,
    pub(crate) issuer: Option<String>,
    pub(crate) revoked_at: UnixTime,
    pub(crate) reason: Option<String>,
}

/// Who issued a document, and when: no part of what it says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) issuer: String,
    pub(crate) kid: String,
    pub(crate) issued_at: Option<UnixTime>,
}

impl PolicyView {
    pub(crate) fn new(document: &Json) -> Result<Self, DocumentError> {
        let policy = Policy::load(document, &Pin::UnsignedDev)?;
        let empty = Object::new();
        let members = document.as_object().unwrap_or(&empty);
        let mut written = Vec::new();
        for (group_number, group) in items(members, "route_groups") {
            let name = text(group, "route_group_id").unwrap_or_default();
            for (number, route) in items(group, "routes") {
                let pointer = format!("/route_groups/{group_number}/routes/{number}");
                let rules = items(route, "allowed_sources").map(|(number, rule)| RuleView::new(&pointer, number, rule));
                let rules = rules.collect();
                written.push(Written { group: name.clone(), risk: text(route, "risk"), rules, pointer });
            }
        }
        let provenance = members.get("provenance_policy").map(canonical);
        let alone = ["policy_id", "policy_version", "trust_domain", "scopes", "revocation_feed", "contract_metadata"];
        let (revocations, members, envelope) = (revocations(members), own(members, &alone), Envelope::new(members));
        Ok(Self { policy, written, provenance, revocations, members, envelope })
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every route, in the order of the document.
    pub(crate) fn routes(&self) -> impl Iterator<Item = RouteView<'_>> {
        self.policy.routes().zip(&self.written).map(|(route, written)| RouteView {
            route,
            pointer: &written.pointer,
            group: &written.group,
            risk: written.risk.as_deref(),
            provenance: self.provenance.as_deref(),
            rules: &written.rules,
        })
    }
}

impl RuleView {
    fn new(route: &str, number: usize, rule: &Object<'_>) -> Self {
        let exact = text(rule, "subject_exact").map(Selector::Exact);
        Self {
            pointer: format!("{route}/allowed_sources/{number}"),
            source: Source {
                issuer: text(rule, "issuer").unwrap_or_default(),
                trust_domain: text(rule, "trust_domain").unwrap_or_default(),
                selector: exact.unwrap_or_else(|| Selector::Prefix(text(rule, "subject_prefix").unwrap_or_default())),
            },
            source_type: text(rule, "source_type"),
            class: class(rule, "required_key_binding"),
            provenance: rule.get("provenance_policy").map(canonical),
            context: rule.get("context_policy").map(canonical),
        }
    }
}

impl TrustView {
    pub(crate) fn new(document: &Json) -> Result<Self, DocumentError> {
        Trust::load(document, &Pin::UnsignedDev)?;
        let empty = Object::new();
        let members = document.as_object().unwrap_or(&empty);
        let (mut keys, mut issuers) = (Vec::new(), Vec::new());
        for (number, issuer) in items(members, "issuers") {
            let member = |name| text(issuer, name).unwrap_or_default();
            issuers.push((member("issuer"), member("trust_domain"), format!("/issuers/{number}")));
            for (key_number, key) in items(issuer, "keys") {
                keys.push(KeyView {
                    pointer: format!("/issuers/{number}/keys/{key_number}"),
                    issuer: member("issuer"),
                    trust_domain: member("trust_domain"),
                    kid: text(key, "kid").unwrap_or_default(),
                    public_key: text(key, "public_key_b64url").unwrap_or_default(),
                    class: class(key, "max_key_binding"),
                    revoked: text(key, "status").as_deref() == Some("revoked"),
                    not_before: time(key, "not_before"),
                    not_after: time(key, "not_after"),
                });
            }
        }
        let (revocations, members) = (revocations(members), own(members, &["contract_metadata"]));
        let envelope = Envelope::new(document.as_object().unwrap_or(&empty));
        Ok(Self { keys, issuers, revocations, members, envelope })
    }
}

impl Envelope {
    fn new(members: &Object<'_>) -> Self {
        let by = members.get("signed_by").and_then(Value::as_object);
        let by = |name| by.and_then(|by| text(by, name)).unwrap_or_default();
        Self { issuer: by("issuer"), kid: by("kid"), issued_at: time(members, "issued_at") }
    }
}

fn revocations(members: &Object<'_>) -> Vec<RevocationView> {
    let read = |(number, entry): (usize, &Object<'_>)| RevocationView {
        pointer: format!("/revocations/{number}"),
        r#type: text(entry, "type").unwrap_or_default(),
        value: text(entry, "value").unwrap_or_default(),
        issuer: text(entry, "issuer"),
        revoked_at: time(entry, "revoked_at").unwrap_or(UnixTime::from_secs(0)),
        reason: text(entry, "reason"),
    };
    items(members, "revocations").map(read).collect()
}

fn own(members: &Object<'_>, names: &[&str]) -> Vec<(String, String)> {
    let written = |name: &&str| Some(((*name).to_owned(), canonical(members.get(name)?)));
    names.iter().filter_map(written).collect()
}

fn text(members: &Object<'_>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn time(members: &Object<'_>, name: &str) -> Option<UnixTime> {
    match members.get(name) {
        Some(Value::Integer(secs)) => Some(UnixTime::from_secs(secs.unsigned_abs())),
        _ => None,
    }
}

/// Classes were read when the document was loaded; a key without one grants `software`.
fn class(members: &Object<'_>, name: &str) -> KeyBinding {
    let named = members.get(name).and_then(Value::as_str).and_then(KeyBinding::parse);
    named.unwrap_or(KeyBinding::Software)
}

fn items<'v, 'a>(members: &'v Object<'a>, name: &str) -> impl Iterator<Item = (usize, &'v Object<'a>)> {
    let items = match members.get(name) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().enumerate().filter_map(|(number, item)| Some((number, item.as_object()?)))
}
