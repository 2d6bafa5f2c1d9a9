//! What changes between two policies, in the words of policy: who may call what, and on what terms.

mod grants;
mod members;
mod show;

use serde::Serialize;

use crate::bundle::{Envelope, PolicyView, TrustView};

pub(crate) use grants::Grant;

/// Everything that differs.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Diff {
    /// Whether nothing differs but who signed, and when.
    pub(crate) same: bool,
    pub(crate) gains: Vec<Grant>,
    pub(crate) loses: Vec<Grant>,
    /// Callers that keep a route, on other terms.
    pub(crate) terms: Vec<Terms>,
    pub(crate) routes_added: Vec<RouteLine>,
    pub(crate) routes_removed: Vec<RouteLine>,
    pub(crate) routes_changed: Vec<Changed>,
    /// Whether the routes that both have stand in another order, which decides between templates.
    pub(crate) routes_reordered: bool,
    pub(crate) issuers_added: Vec<String>,
    pub(crate) issuers_removed: Vec<String>,
    pub(crate) keys_added: Vec<KeyLine>,
    pub(crate) keys_removed: Vec<KeyLine>,
    pub(crate) keys_changed: Vec<Changed>,
    pub(crate) revocations_added: Vec<RevocationLine>,
    pub(crate) revocations_removed: Vec<RevocationLine>,
    /// Other members of the documents.
    pub(crate) members: Vec<Change>,
    /// Who signed, and when: no difference of what the documents say.
    pub(crate) envelope: Vec<Change>,
}

/// A route that somebody may call on other terms than before.
#[derive(Debug, Serialize)]
pub(crate) struct Terms {
    #[serde(flatten)]
    pub(crate) grant: Grant,
    pub(crate) was: Vec<String>,
    pub(crate) now: Vec<String>,
}

/// A route in short.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct RouteLine {
    pub(crate) route_id: String,
    pub(crate) method: String,
    pub(crate) path_template: String,
    pub(crate) audience: String,
}

/// A key in short.
#[derive(Debug, Serialize)]
pub(crate) struct KeyLine {
    pub(crate) issuer: String,
    pub(crate) kid: String,
    pub(crate) public_key: String,
    pub(crate) max_key_binding: &'static str,
}

/// What is taken back.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub(crate) struct RevocationLine {
    pub(crate) document: &'static str,
    pub(crate) r#type: String,
    pub(crate) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    pub(crate) revoked_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A thing that stays, and what is different about it.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(crate) name: String,
    pub(crate) changes: Vec<Change>,
}

/// One property, before and after; `null` where it was or is not there.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) what: String,
    pub(crate) was: Option<String>,
    pub(crate) now: Option<String>,
}

/// What two files say, each a policy, trust material or both.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'v> {
    pub(crate) policy: Option<(&'v PolicyView, &'v PolicyView)>,
    pub(crate) trust: Option<(&'v TrustView, &'v TrustView)>,
}

/// From the first of each pair to the second.
pub(crate) fn diff(sides: Sides<'_>) -> Diff {
    let mut diff = Diff::default();
    if let Some((old, new)) = sides.policy {
        grants::compare(old, new, &mut diff);
        members::routes(old, new, &mut diff);
        members::revocations("policy bundle", &old.revocations, &new.revocations, &mut diff);
        diff.members.extend(members::all(&old.members, &new.members));
        diff.envelope.extend(envelope("policy bundle", &old.envelope, &new.envelope));
    }
    if let Some((old, new)) = sides.trust {
        members::keys(old, new, &mut diff);
        members::revocations("trust material", &old.revocations, &new.revocations, &mut diff);
        diff.members.extend(members::all(&old.members, &new.members));
        diff.envelope.extend(envelope("trust material", &old.envelope, &new.envelope));
    }
    diff.same = diff.is_same();
    diff
}

impl Diff {
    fn is_same(&self) -> bool {
        let Self {
            same: _,
            gains,
            loses,
            terms,
            routes_added,
            routes_removed,
            routes_changed,
            routes_reordered,
            issuers_added,
            issuers_removed,
            keys_added,
            keys_removed,
            keys_changed,
            revocations_added,
            revocations_removed,
            members,
            envelope: _,
        } = self;
        gains.is_empty()
            && loses.is_empty()
            && terms.is_empty()
            && routes_added.is_empty()
            && routes_removed.is_empty()
            && routes_changed.is_empty()
            && !routes_reordered
            && issuers_added.is_empty()
            && issuers_removed.is_empty()
            && keys_added.is_empty()
            && keys_removed.is_empty()
            && keys_changed.is_empty()
            && revocations_added.is_empty()
            && revocations_removed.is_empty()
            && members.is_empty()
    }
}

fn envelope(document: &str, old: &Envelope, new: &Envelope) -> Vec<Change> {
    let by = |envelope: &Envelope| Some(format!("{} with {}", envelope.issuer, envelope.kid));
    let at = |envelope: &Envelope| envelope.issued_at.map(|at| at.rfc3339());
    let changes = [("signed by", by(old), by(new)), ("issued at", at(old), at(new))];
    let changes = changes.into_iter().map(|(what, was, now)| Change { what: format!("{document} {what}"), was, now });
    changes.filter(|change| change.was != change.now).collect()
}
