//! The bundle as it is written.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::context::ContextPolicy;
use super::provenance::ProvenancePolicy;
use crate::revocation::Revocation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PolicyBundle", transform = crate::schema::policy_form, transform = crate::schema::classed_routes))]
pub(crate) struct Bundle<'a> {
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    /// Anything; it informs readers and binds nothing.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::FreeForm>"))]
    pub(super) contract_metadata: Option<IgnoredAny>,
    /// The trust domain the bundle is written for; each source rule names its own.
    pub(super) trust_domain: &'a str,
    /// A name for this policy, written into audit events.
    pub(super) policy_id: Option<&'a str>,
    /// A version of it, written into audit events.
    pub(super) policy_version: Option<&'a str>,
    /// Unix seconds; a newer bundle has a later one.
    pub(super) issued_at: Option<u64>,
    /// The APIs that groups of routes belong to.
    #[serde(borrow)]
    pub(super) apis: Vec<Api<'a>>,
    /// Routes, by API.
    #[serde(borrow)]
    pub(super) route_groups: Vec<RouteGroup<'a>>,
    /// Documentation to the verifier: no route is matched by scope.
    #[serde(borrow, default)]
    pub(super) scopes: Vec<Scope<'a>>,
    /// The class of routes that name none.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::KeyBinding>"))]
    pub(super) default_required_key_binding: Option<&'a str>,
    /// `realtime`, `bounded`, `offline-ok` or `offline_ok`; any other, and none, denies.
    pub(super) default_freshness_class: Option<&'a str>,
    /// The oldest age on `bounded` routes; without one nothing is fresh.
    pub(super) default_max_staleness_seconds: Option<u64>,
    /// Which raw queries routes take; `unambiguous` where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::QueryForm>"))]
    pub(super) default_query_form: Option<&'a str>,
    /// How bodies are bound; `hashed` where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::BodyMode>"))]
    pub(super) default_body_mode: Option<&'a str>,
    /// The largest body.
    pub(super) default_max_body_bytes: Option<u64>,
    /// Holds for every source, besides its own.
    #[serde(borrow)]
    pub(super) provenance_policy: Option<ProvenancePolicy<'a>>,
    /// What no longer passes.
    #[serde(borrow, default)]
    pub(super) revocations: Vec<Revocation<'a>>,
    /// Documentation to the verifier: how revocations come to the author of the bundle.
    #[serde(borrow)]
    pub(super) revocation_feed: Option<RevocationFeed<'a>>,
    /// Who signed the document.
    #[cfg_attr(feature = "schema", schemars(with = "crate::document::SignedBy<'static>"))]
    pub(super) signed_by: IgnoredAny,
    /// Over the RFC 8785 form of the document without this member.
    #[cfg_attr(feature = "schema", schemars(with = "crate::document::Signature<'static>"))]
    pub(super) signature: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Api<'a> {
    /// What route groups call it.
    pub(super) api_id: &'a str,
    /// The audience of its routes that name none.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Trimmed>"))]
    pub(super) audience: Option<&'a str>,
    /// Where callers dial it: `http(s)://host` or `host:port`; a path is dropped.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::BaseUrl>"))]
    pub(super) base_url: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct RouteGroup<'a> {
    /// A name for the group.
    pub(super) route_group_id: &'a str,
    /// The API it belongs to.
    pub(super) api_id: &'a str,
    /// Its routes.
    #[serde(borrow)]
    pub(super) routes: Vec<Route<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::by_match_type))]
pub(super) struct Route<'a> {
    /// The id that transcripts bind.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Trimmed"))]
    pub(super) route_id: &'a str,
    /// The one method it serves.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Method"))]
    pub(super) method: &'a str,
    /// The path: as a whole, with `{name}` for one segment, or a prefix by segments.
    pub(super) path_template: &'a str,
    /// How the path is compared; `Exact` where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::MatchType>"))]
    pub(super) match_type: Option<&'a str>,
    /// Documentation to the verifier.
    pub(super) risk: Option<&'a str>,
    /// The audience of its passports; its API's where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Trimmed>"))]
    pub(super) audience: Option<&'a str>,
    /// The class that every source needs at least.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::KeyBinding>"))]
    pub(super) required_key_binding: Option<&'a str>,
    /// Who may call it; nobody, when this is empty.
    #[serde(borrow)]
    pub(super) allowed_sources: Vec<Source<'a>>,
    /// `realtime`, `bounded`, `offline-ok` or `offline_ok`; any other denies.
    pub(super) freshness_class: Option<&'a str>,
    /// The oldest age where it is `bounded`.
    pub(super) max_staleness_seconds: Option<u64>,
    /// Which raw queries it takes.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::QueryForm>"))]
    pub(super) query_form: Option<&'a str>,
    /// How the bodies of its requests are bound.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::BodyMode>"))]
    pub(super) body_mode: Option<&'a str>,
    /// The largest body.
    pub(super) max_body_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{ "required": ["subject_exact"] }, { "required": ["subject_prefix"] }])))]
pub(super) struct Source<'a> {
    /// Documentation to the verifier: it grants nothing.
    pub(super) source_type: Option<&'a str>,
    /// `iss` of the caller's passports.
    pub(super) issuer: &'a str,
    /// Their `trust_domain`.
    pub(super) trust_domain: &'a str,
    /// Their `sub`.
    pub(super) subject_exact: Option<&'a str>,
    /// What their `sub` begins with; ends in `:` or `/`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::SubjectPrefix>"))]
    pub(super) subject_prefix: Option<&'a str>,
    /// The class it needs at least, if that is above what the route asks for.
    #[cfg_attr(feature = "schema", schemars(with = "crate::KeyBinding"))]
    pub(super) required_key_binding: &'a str,
    /// How the caller must have come by its identity.
    #[serde(borrow)]
    pub(super) provenance_policy: Option<ProvenancePolicy<'a>>,
    /// What the caller must say it is about.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Context>"))]
    pub(super) context_policy: Option<ContextPolicy<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "documentation to the verifier: no route is matched by scope")]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Scope<'a> {
    /// Its name.
    pub(super) scope: &'a str,
    /// The group it is about.
    pub(super) route_group_id: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "documentation to the verifier: how revocations come to the bundle's author")]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct RevocationFeed<'a> {
    /// How current it is.
    pub(super) freshness_class: &'a str,
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::bundle::tests::{load, refused};

    #[test]
    fn documentation_is_read_in_its_own_shape() {
        let scopes =
            r#""scopes":[{"scope":"a:read","route_group_id":"g"}],"revocation_feed":{"freshness_class":"x"},"kind""#;
        assert!(load(r#""kind""#, scopes).is_ok());
        refused(r#""kind""#, r#""scopes":[{"scope":"a","x":1}],"kind""#, "/scopes/0/x: unknown member");
        refused(r#""kind""#, r#""revocation_feed":{"url":"x"},"kind""#, "/revocation_feed/url: unknown member");
        let free = r#""contract_metadata":{"any":[null,{"thing":""}]},"kind""#;
        assert!(load(r#""kind""#, free).is_ok());
    }

    #[test]
    fn faults_of_a_source_are_named_with_their_place() {
        for (own, place, problem) in [
            (r#""subject_prefix":"td/ns/a""#, "/subject_prefix", "must end in ':' or '/'"),
            (r#""subject_exact":"s","subject_prefix":"s:""#, "", "has both subject_exact and subject_prefix"),
            (r#""source_type":"oidc_jwks""#, "", "has neither subject_exact nor subject_prefix"),
            (r#""subject_exact":7"#, "/subject_exact", "expected a string, found an integer"),
            (r#""subject_exact":"""#, "/subject_exact", "an empty string"),
            (r#""subject_exact":"s","mtls":true"#, "/mtls", "unknown member"),
            (
                r#""subject_exact":"s","provenance_policy":{"profile":1}"#,
                "/provenance_policy/profile",
                "expected a string, found an integer",
            ),
            (r#""subject_exact":"s","provenance_policy":{}"#, "/provenance_policy", "requires nothing"),
            (
                r#""subject_exact":"s","context_policy":{"max_txn_value":"1e3"}"#,
                "/context_policy/max_txn_value",
                "expected a plain decimal that is not negative",
            ),
            (r#""subject_exact":"s","context_policy":{"purpose":"p"}"#, "/context_policy/purpose", "unknown member"),
        ] {
            let error = format!("/route_groups/0/routes/1/allowed_sources/0{place}: {problem}");
            refused(r#""subject_exact":"s""#, own, &error);
        }
        let class = "/route_groups/0/routes/1/allowed_sources/0/required_key_binding";
        refused(r#""s","required_key_binding":"software""#, r#""s""#, &format!("{class}: missing member"));
        let classes = r#""software" or "remote_kms" or "hardware_local" or "attested_workload""#;
        let error = format!("{class}: expected {classes}, found \"x\"");
        refused(r#""s","required_key_binding":"software""#, r#""s","required_key_binding":"x""#, &error);
        let domain = "/route_groups/0/routes/1/allowed_sources/0/trust_domain: missing member";
        refused(r#"{"issuer":"i","trust_domain":"td","#, r#"{"issuer":"i","#, domain);
    }
}
