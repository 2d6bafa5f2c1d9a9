//! Policy: which callers may use which route, and on what terms.

mod base;
mod bundle;
mod context;
mod decimal;
mod defaults;
mod freshness;
mod index;
mod path;
mod provenance;
mod route;
mod source;
mod wire;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::document::{self, DocumentError, Form, Pin};
use crate::json::{self, Value};
use crate::names::Names;
use crate::revocation::Revocations;
use crate::shared::shared;
use crate::time::UnixTime;

pub use base::Base;
pub(crate) use base::is_authority;
pub use freshness::Freshness;
pub use route::{BodyMode, MatchType, Route};
pub use source::Presented;
#[cfg(feature = "schema")]
pub(crate) use wire::Bundle as Document;

use index::Index;

pub(crate) const FORM: Form = Form { version: "trustplane-bundle-v1", kind: "policy_runtime_bundle" };

/// The routes of a verified policy bundle, indexed.
#[derive(Debug)]
pub struct Policy {
    trust_domain: Box<str>,
    policy_id: Option<Arc<str>>,
    policy_version: Option<Arc<str>>,
    issued_at: Option<UnixTime>,
    routes: Vec<Route>,
    index: Index,
    revocations: Revocations,
}

impl Policy {
    /// Reads a policy bundle that `pin` vouches for.
    pub fn load(document: &Value<'_>, pin: &Pin) -> Result<Self, DocumentError> {
        document::check(document, FORM, pin)?;
        json::decode::<wire::Bundle<'_>>(document)?.compile()
    }

    /// The route that serves this method and path.
    ///
    /// An exact path beats a template and a template beats a prefix; then the longest literal
    /// prefix counts, then the order in the document.
    pub fn route(&self, method: &str, path: &str) -> Option<&Route> {
        self.index.find(method, path).and_then(|number| self.routes.get(number))
    }

    /// Every route, in the order of the document.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.routes.iter()
    }

    /// The trust domain the bundle was written for; each source rule names its own.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// What audit events call this policy.
    pub fn policy_id(&self) -> Option<&str> {
        self.policy_id.as_deref()
    }

    /// What audit events call this version of it.
    pub fn policy_version(&self) -> Option<&str> {
        self.policy_version.as_deref()
    }

    /// Id and version, to be kept by every record.
    pub(crate) fn shared_names(&self) -> (Option<Arc<str>>, Option<Arc<str>>) {
        (self.policy_id.clone(), self.policy_version.clone())
    }

    /// When the document says it was issued.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// What the document revokes.
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }
}

/// Keeps one copy of each text: large bundles repeat issuers, domains and subjects.
#[derive(Default)]
struct Texts(Names<Arc<str>>);

impl Texts {
    fn keep(&mut self, text: &str) -> Arc<str> {
        self.0.entry(text, || shared(text)).map_or_else(|| shared(text), |kept| Arc::clone(kept))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::binding::KeyBinding;
    use crate::json::Limits;
    use crate::query::QueryForm;

    const VECTOR: &str = include_str!("../vectors/bundle-v1.source-rules.json");

    #[track_caller]
    fn published() -> Policy {
        let vector = json::parse(VECTOR.as_bytes(), Limits::DOCUMENT).unwrap();
        let document = vector.as_object().and_then(|vector| vector.get("policy_bundle")).unwrap();
        Policy::load(document, &Pin::UnsignedDev).unwrap()
    }

    #[test]
    fn the_published_vector_loads_as_it_is() {
        let policy = published();
        assert_eq!(policy.trust_domain(), "example.local");
        assert_eq!((policy.policy_id(), policy.policy_version(), policy.issued_at()), (None, None, None));
        assert_eq!(policy.routes().len(), 1);
        let route = policy.route("GET", "/v1/orders/search").unwrap();
        assert_eq!(route.route_id(), "orders.search");
        assert_eq!((route.method(), route.path_template()), ("GET", "/v1/orders/search"));
        assert_eq!(route.audience(), "orders-api");
        assert_eq!(route.base().map(Base::url).as_deref(), Some("https://orders.example"));
        assert_eq!(route.required_key_binding(), KeyBinding::Software);
        assert_eq!(route.freshness(), Freshness::Bounded { max_staleness_seconds: 300 });
        assert_eq!((route.query_form(), route.body_mode()), (QueryForm::Unambiguous, BodyMode::Hashed));
        assert_eq!((route.max_body_bytes(), route.source_count()), (None, 3));
        assert!(policy.route("POST", "/v1/orders/search").is_none());
        assert!(policy.route("GET", "/v1/orders/search/").is_none());
    }

    #[test]
    fn the_published_vector_needs_a_signature_where_a_key_is_pinned() {
        let vector = json::parse(VECTOR.as_bytes(), Limits::DOCUMENT).unwrap();
        let document = vector.as_object().and_then(|vector| vector.get("policy_bundle")).unwrap();
        let key = crate::PublicKey::from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let error = Policy::load(document, &Pin::Key(key)).unwrap_err();
        assert_eq!(error.to_string(), "/signed_by/alg: expected \"EdDSA\", found \"none\": the document is not signed");
    }
}
