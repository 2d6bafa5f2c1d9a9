//! The bundle as it is written.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::context::ContextPolicy;
use super::provenance::ProvenancePolicy;
use crate::revocation::Revocation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle<'a> {
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    pub(super) contract_metadata: Option<IgnoredAny>,
    pub(super) trust_domain: &'a str,
    pub(super) policy_id: Option<&'a str>,
    pub(super) policy_version: Option<&'a str>,
    pub(super) issued_at: Option<u64>,
    #[serde(borrow)]
    pub(super) apis: Vec<Api<'a>>,
    #[serde(borrow)]
    pub(super) route_groups: Vec<RouteGroup<'a>>,
    #[serde(borrow, default)]
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) default_required_key_binding: Option<&'a str>,
    pub(super) default_freshness_class: Option<&'a str>,
    pub(super) default_max_staleness_seconds: Option<u64>,
    pub(super) default_query_form: Option<&'a str>,
    pub(super) default_body_mode: Option<&'a str>,
    pub(super) default_max_body_bytes: Option<u64>,
    #[serde(borrow)]
    pub(super) provenance_policy: Option<ProvenancePolicy<'a>>,
    #[serde(borrow, default)]
    pub(super) revocations: Vec<Revocation<'a>>,
    #[serde(borrow)]
    pub(super) revocation_feed: Option<RevocationFeed<'a>>,
    pub(super) signed_by: IgnoredAny,
    pub(super) signature: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api<'a> {
    pub(super) api_id: &'a str,
    pub(super) audience: Option<&'a str>,
    pub(super) base_url: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteGroup<'a> {
    pub(super) route_group_id: &'a str,
    pub(super) api_id: &'a str,
    #[serde(borrow)]
    pub(super) routes: Vec<Route<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route<'a> {
    pub(super) route_id: &'a str,
    pub(super) method: &'a str,
    pub(super) path_template: &'a str,
    pub(super) match_type: Option<&'a str>,
    pub(super) risk: Option<&'a str>,
    pub(super) audience: Option<&'a str>,
    pub(super) required_key_binding: Option<&'a str>,
    #[serde(borrow)]
    pub(super) allowed_sources: Vec<Source<'a>>,
    pub(super) freshness_class: Option<&'a str>,
    pub(super) max_staleness_seconds: Option<u64>,
    pub(super) query_form: Option<&'a str>,
    pub(super) body_mode: Option<&'a str>,
    pub(super) max_body_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source<'a> {
    pub(super) source_type: Option<&'a str>,
    pub(super) issuer: &'a str,
    pub(super) trust_domain: &'a str,
    pub(super) subject_exact: Option<&'a str>,
    pub(super) subject_prefix: Option<&'a str>,
    pub(super) required_key_binding: &'a str,
    #[serde(borrow)]
    pub(super) provenance_policy: Option<ProvenancePolicy<'a>>,
    #[serde(borrow)]
    pub(super) context_policy: Option<ContextPolicy<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "documentation to the verifier: no route is matched by scope")]
#[serde(deny_unknown_fields)]
pub(super) struct Scope<'a> {
    pub(super) scope: &'a str,
    pub(super) route_group_id: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "documentation to the verifier: how revocations come to the bundle's author")]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationFeed<'a> {
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
