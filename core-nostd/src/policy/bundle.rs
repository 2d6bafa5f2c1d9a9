//! From the bundle as it is written to what is looked up at request time, field by field: a new
//! field does not compile until somebody decides what it means.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::base::Base;
use super::defaults::{Defaults, body_mode, named, query_form, trimmed};
use super::index::Index;
use super::{Policy, Texts, wire};
use crate::document::{self, DocumentError};
use crate::names::Names;
use crate::revocation::Revocations;
use crate::time::UnixTime;

/// What a group of routes takes from its API.
pub(super) struct Api {
    pub(super) audience: Option<Arc<str>>,
    pub(super) base: Option<Arc<Base>>,
}

impl wire::Bundle<'_> {
    pub(super) fn compile(self) -> Result<Policy, DocumentError> {
        let Self {
            version: _version,
            kind: _kind,
            contract_metadata: _contract_metadata,
            trust_domain,
            policy_id,
            policy_version,
            issued_at,
            apis: listed,
            route_groups,
            scopes: _scopes,
            default_required_key_binding: class,
            default_freshness_class,
            default_max_staleness_seconds,
            default_query_form: form,
            default_body_mode: mode,
            default_max_body_bytes,
            provenance_policy,
            revocations,
            revocation_feed: _revocation_feed,
            signed_by: _signed_by,
            signature: _signature,
        } = self;
        let mut texts = Texts::default();
        let provenance = provenance_policy.map(|policy| policy.compile(&mut texts)).transpose();
        let defaults = Defaults {
            required_key_binding: named(class, "default_required_key_binding", document::key_binding)?,
            freshness_class: default_freshness_class,
            max_staleness_seconds: default_max_staleness_seconds,
            query_form: named(form, "default_query_form", query_form)?.unwrap_or_default(),
            body_mode: named(mode, "default_body_mode", body_mode)?.unwrap_or_default(),
            max_body_bytes: default_max_body_bytes,
            provenance: provenance.map_err(|error| error.within("provenance_policy"))?.map(Arc::new),
        };
        let mut apis = Names::default();
        for (number, api) in listed.into_iter().enumerate() {
            let at = |error: DocumentError| error.within(number).within("apis");
            let (api_id, api) = api.compile(&mut texts).map_err(at)?;
            if !apis.insert(api_id, api) {
                return Err(at(DocumentError::new("/api_id", "listed before")));
            }
        }
        let mut routes = Vec::new();
        let mut route_ids = Names::default();
        let mut index = Index::default();
        for (number, group) in route_groups.into_iter().enumerate() {
            let at = |error: DocumentError| error.within(number).within("route_groups");
            let wire::RouteGroup { route_group_id: _route_group_id, api_id, routes: listed } = group;
            let api = apis.get(api_id).ok_or_else(|| at(DocumentError::new("/api_id", "no API has this id")))?;
            for (number, route) in listed.into_iter().enumerate() {
                let at = |error: DocumentError| at(error.within(number).within("routes"));
                if !route_ids.insert(route.route_id, ()) {
                    return Err(at(DocumentError::new("/route_id", "listed before")));
                }
                let route = route.compile(&defaults, api, &mut texts).map_err(at)?;
                index.add(route.method(), route.match_type(), route.path_template(), routes.len());
                routes.push(route);
            }
        }
        Ok(Policy {
            trust_domain: trust_domain.into(),
            policy_id: policy_id.map(|text| texts.keep(text)),
            policy_version: policy_version.map(|text| texts.keep(text)),
            issued_at: issued_at.map(UnixTime::from_secs),
            routes,
            index,
            revocations: Revocations::new(revocations)?,
        })
    }
}

impl<'a> wire::Api<'a> {
    fn compile(self, texts: &mut Texts) -> Result<(&'a str, Api), DocumentError> {
        let Self { api_id, audience, base_url } = self;
        let audience = audience.map(|text| trimmed(text, "audience")).transpose()?;
        let base = base_url.map(|url| Base::parse(url).map_err(|problem| DocumentError::new("/base_url", problem)));
        let api = Api { audience: audience.map(|text| texts.keep(text)), base: base.transpose()?.map(Arc::new) };
        Ok((api_id, api))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::string::{String, ToString as _};

    use super::super::{BodyMode, Freshness, Route};
    use super::*;
    use crate::binding::KeyBinding;
    use crate::document::Pin;
    use crate::json::{self, Limits};
    use crate::query::QueryForm;

    const BUNDLE: &str = r#"{"version":"trustplane-bundle-v1","kind":"policy_runtime_bundle","trust_domain":"td",
        "apis":[{"api_id":"a","audience":"aud","base_url":"https://a.example"},{"api_id":"bare"}],
        "route_groups":[
            {"route_group_id":"g","api_id":"a","routes":[
                {"route_id":"r1","method":"GET","path_template":"/a","allowed_sources":[]},
                {"route_id":"r2","method":"POST","path_template":"/b","allowed_sources":[
                    {"issuer":"i","trust_domain":"td","subject_exact":"s","required_key_binding":"software"}]}]},
            {"route_group_id":"h","api_id":"bare","routes":[]}],
        "default_required_key_binding":"software",
        "signed_by":{"issuer":"i","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"v"}}"#;

    const CLASS: &str = r#"/default_required_key_binding: expected "software" or "remote_kms" or "hardware_local" or "attested_workload", found "Software""#;

    /// A small bundle with one text in it replaced.
    pub(in super::super) fn load(from: &str, to: &str) -> Result<Policy, String> {
        assert!(BUNDLE.contains(from), "{from}");
        let text = BUNDLE.replacen(from, to, 1);
        let document = json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        Policy::load(&document, &Pin::UnsignedDev).map_err(|error| error.to_string())
    }

    #[track_caller]
    pub(in super::super) fn refused(from: &str, to: &str, error: &str) {
        assert_eq!(load(from, to).err().as_deref(), Some(error));
    }

    #[test]
    fn defaults_hold_where_a_route_is_silent() {
        let defaults = r#""default_required_key_binding":"remote_kms","default_freshness_class":"bounded",
            "default_max_staleness_seconds":60,"default_query_form":"compat","default_body_mode":"claimed",
            "default_max_body_bytes":7,"policy_id":"p","policy_version":"3","issued_at":5"#;
        let policy = load(r#""default_required_key_binding":"software""#, defaults).unwrap();
        let route = policy.route("GET", "/a").unwrap();
        assert_eq!(route.required_key_binding(), KeyBinding::RemoteKms);
        assert_eq!(route.freshness(), Freshness::Bounded { max_staleness_seconds: 60 });
        assert_eq!((route.query_form(), route.body_mode()), (QueryForm::Compat, BodyMode::Claimed));
        assert_eq!((route.max_body_bytes(), route.audience()), (Some(7), "aud"));
        assert_eq!((policy.policy_id(), policy.policy_version()), (Some("p"), Some("3")));
        assert_eq!(policy.issued_at(), Some(UnixTime::from_secs(5)));
    }

    #[test]
    fn faults_of_the_bundle_are_named_with_their_place() {
        for (from, to, error) in [
            (r#""td","#, r#""td","extra":1,"#, "/extra: unknown member"),
            (r#""trust_domain":"td","#, "", "/trust_domain: missing member"),
            (r#""trust_domain":"td","#, r#""trust_domain":"","#, "/trust_domain: an empty string"),
            (r#""software","#, r#""Software","#, CLASS),
            (
                r#""td","#,
                r#""td","default_query_form":"loose","#,
                r#"/default_query_form: expected "strict" or "unambiguous" or "compat", found "loose""#,
            ),
            (
                r#""td","#,
                r#""td","default_body_mode":"raw","#,
                r#"/default_body_mode: expected "hashed" or "none" or "claimed", found "raw""#,
            ),
            (
                r#""td","#,
                r#""td","default_max_staleness_seconds":-1,"#,
                "/default_max_staleness_seconds: expected an integer from 0 to 2^53, found -1",
            ),
            (r#""td","#, r#""td","issued_at":-1,"#, "/issued_at: expected an integer from 0 to 2^53, found -1"),
            (r#""td","#, r#""td","issued_at":null,"#, "/issued_at: expected a value, found null"),
            (r#""td","#, r#""td","provenance_policy":{},"#, "/provenance_policy: requires nothing"),
            (r#""td","#, r#""td","provenance_policy":{"posture":"x"},"#, "/provenance_policy/posture: unknown member"),
            (
                r#""td","#,
                r#""td","revocations":[{"type":"jti","value":"v"}],"#,
                "/revocations/0/revoked_at: missing member",
            ),
            (r#"{"api_id":"bare"}"#, r#"{"api_id":"a"}"#, "/apis/1/api_id: listed before"),
            (r#""aud","#, r#"" aud","#, "/apis/0/audience: has outer white space"),
            ("https://a.example", "https://u@a.example", "/apis/0/base_url: user information has no place here"),
            ("https://a.example", "a.example", "/apis/0/base_url: expected http:// or https://"),
            ("https://a.example", "https://a.example?x", "/apis/0/base_url: a query or fragment has no place here"),
            (r#""g","api_id":"a""#, r#""g","api_id":"x""#, "/route_groups/0/api_id: no API has this id"),
        ] {
            refused(from, to, error);
        }
    }

    #[test]
    fn an_unknown_freshness_class_loads_and_an_absent_one_is_unknown() {
        let policy = load(r#""/a""#, r#""/a","freshness_class":"soon""#).unwrap();
        let freshness: Vec<_> = policy.routes().map(Route::freshness).collect();
        assert_eq!(freshness, [Freshness::Unknown, Freshness::Unknown]);
    }
}
