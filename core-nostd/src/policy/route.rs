use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::base::Base;
use super::bundle::Api;
use super::defaults::{Defaults, body_mode, named, query_form, trimmed};
use super::freshness::Freshness;
use super::path::{check_prefix, check_template};
use super::provenance::Requirements;
use super::source::{Presented, Source, Stage};
use super::{Texts, wire};
use crate::binding::KeyBinding;
use crate::document::{self, DocumentError};
use crate::json::one_of;
use crate::query::QueryForm;
use crate::reason::Reason;
use crate::shared::shared;

/// How a request's body is bound to its proof.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename_all = "lowercase"))]
pub enum BodyMode {
    /// The body is hashed and must have the digest that the proof covers.
    #[default]
    Hashed,
    /// There is no body: one that comes is refused.
    None,
    /// Only the claimed digest is bound, for streams; the body may be another.
    Claimed,
}

/// How a route's path is compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MatchType {
    /// As a whole; `{name}` segments match one segment each.
    #[default]
    Exact,
    /// As a prefix that ends where a segment ends.
    PathPrefix,
}

/// A route of the policy: who may call it, and how.
#[derive(Debug)]
pub struct Route {
    route_id: Arc<str>,
    method: Arc<str>,
    path_template: Box<str>,
    match_type: MatchType,
    audience: Arc<str>,
    base: Option<Arc<Base>>,
    required_key_binding: KeyBinding,
    freshness: Freshness,
    query_form: QueryForm,
    body_mode: BodyMode,
    max_body_bytes: Option<u64>,
    /// The bundle's own provenance policy: it holds for every source.
    provenance: Option<Arc<Requirements>>,
    sources: Box<[Source]>,
}

impl Route {
    /// The id that transcripts bind.
    pub fn route_id(&self) -> &str {
        &self.route_id
    }

    /// Id and audience, to be kept by every record.
    pub(crate) fn shared_names(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.route_id), Arc::clone(&self.audience))
    }

    /// The one method it serves.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, template or prefix it serves.
    pub fn path_template(&self) -> &str {
        &self.path_template
    }

    /// How `path_template` is compared.
    pub const fn match_type(&self) -> MatchType {
        self.match_type
    }

    /// The audience that passports must name.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Where callers dial it, if the bundle says.
    pub fn base(&self) -> Option<&Base> {
        self.base.as_deref()
    }

    /// The class that every source needs at least.
    pub const fn required_key_binding(&self) -> KeyBinding {
        self.required_key_binding
    }

    /// How current the bundles must be.
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Which raw queries it takes.
    pub const fn query_form(&self) -> QueryForm {
        self.query_form
    }

    /// How its requests' bodies are bound.
    pub const fn body_mode(&self) -> BodyMode {
        self.body_mode
    }

    /// The largest body, if the bundle says.
    pub const fn max_body_bytes(&self) -> Option<u64> {
        self.max_body_bytes
    }

    /// How many kinds of caller it allows; none, if it denies everyone.
    pub const fn source_count(&self) -> usize {
        self.sources.len()
    }

    pub(super) fn provenance(&self) -> Option<&Requirements> {
        self.provenance.as_deref()
    }

    /// Whether one source rule admits the caller; else the furthest that any rule came.
    pub(crate) fn admit(&self, who: &Presented<'_>) -> Result<(), Reason> {
        let mut furthest = Stage::Issuer;
        for source in &self.sources {
            match source.check(self, who) {
                Ok(()) => return Ok(()),
                Err(stage) => furthest = furthest.max(stage),
            }
        }
        Err(furthest.reason())
    }
}

impl wire::Route<'_> {
    pub(super) fn compile(self, defaults: &Defaults<'_>, api: &Api, texts: &mut Texts) -> Result<Route, DocumentError> {
        let Self {
            route_id,
            method,
            path_template,
            match_type,
            risk: _risk,
            audience,
            required_key_binding,
            allowed_sources,
            freshness_class,
            max_staleness_seconds,
            query_form: own_query_form,
            body_mode: own_body_mode,
            max_body_bytes,
        } = self;
        let match_types = [("Exact", MatchType::Exact), ("PathPrefix", MatchType::PathPrefix)];
        let match_type = named(match_type, "match_type", |name| one_of(&match_types, name))?.unwrap_or_default();
        let path_stands = match match_type {
            MatchType::Exact => check_template(path_template),
            MatchType::PathPrefix => check_prefix(path_template),
        };
        path_stands.map_err(|problem| DocumentError::new("/path_template", problem))?;
        check_method(method).map_err(|problem| DocumentError::new("/method", problem))?;
        let own_audience = audience.map(|text| trimmed(text, "audience")).transpose()?;
        let audience = own_audience.map(|text| texts.keep(text)).or_else(|| api.audience.clone());
        let required = named(required_key_binding, "required_key_binding", document::key_binding)?;
        let mut sources = Vec::with_capacity(allowed_sources.len());
        for (number, source) in allowed_sources.into_iter().enumerate() {
            let source = source.compile(texts);
            sources.push(source.map_err(|error| error.within(number).within("allowed_sources"))?);
        }
        Ok(Route {
            route_id: shared(trimmed(route_id, "route_id")?),
            method: texts.keep(method),
            path_template: path_template.into(),
            match_type,
            audience: audience
                .ok_or_else(|| DocumentError::new("/audience", "missing member: the API names no audience either"))?,
            base: api.base.clone(),
            required_key_binding: required.or(defaults.required_key_binding).ok_or_else(|| {
                DocumentError::new("/required_key_binding", "missing member: the bundle names no default either")
            })?,
            freshness: Freshness::new(
                freshness_class.or(defaults.freshness_class),
                max_staleness_seconds.or(defaults.max_staleness_seconds),
            ),
            query_form: named(own_query_form, "query_form", query_form)?.unwrap_or(defaults.query_form),
            body_mode: named(own_body_mode, "body_mode", body_mode)?.unwrap_or(defaults.body_mode),
            max_body_bytes: max_body_bytes.or(defaults.max_body_bytes),
            provenance: defaults.provenance.clone(),
            sources: sources.into(),
        })
    }
}

/// CONNECT and TRACE are refused before any route is looked up.
fn check_method(method: &str) -> Result<(), &'static str> {
    match method {
        "CONNECT" | "TRACE" => Err("CONNECT and TRACE are never served"),
        method if method.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(()),
        _ => Err("expected upper-case letters alone"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::bundle::tests::{load, refused};
    use super::*;

    #[test]
    fn a_route_speaks_for_itself() {
        let own = r#""/a","match_type":"PathPrefix","audience":"own","required_key_binding":"hardware_local",
            "freshness_class":"offline_ok","query_form":"strict","body_mode":"none","max_body_bytes":0,"risk":"high""#;
        let policy = load(r#""/a""#, own).unwrap();
        let route = policy.route("GET", "/a/below").unwrap();
        assert_eq!((route.match_type(), route.audience()), (MatchType::PathPrefix, "own"));
        assert_eq!(
            (route.required_key_binding(), route.freshness()),
            (KeyBinding::HardwareLocal, Freshness::OfflineOk)
        );
        assert_eq!((route.query_form(), route.body_mode()), (QueryForm::Strict, BodyMode::None));
        assert_eq!(route.max_body_bytes(), Some(0));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        for (from, to, place, problem) in [
            (r#""r2""#, r#""r1""#, "1/route_id", "listed before"),
            (r#""r1""#, r#""r1 ""#, "0/route_id", "has outer white space"),
            (r#""r1""#, r#""r\u000a1""#, "0/route_id", "a control character in the string"),
            (r#""GET""#, r#""get""#, "0/method", "expected upper-case letters alone"),
            (r#""GET""#, r#""TRACE""#, "0/method", "CONNECT and TRACE are never served"),
            (r#""/b""#, r#""/b/{id}x""#, "1/path_template", "a template segment is {name} as a whole"),
            (r#""/b""#, r#""//b""#, "1/path_template", "not in the one form that request paths must have"),
            (
                r#""/b""#,
                r#""/b","max_body_bytes":-1"#,
                "1/max_body_bytes",
                "expected an integer from 0 to 2^53, found -1",
            ),
            (r#""/b""#, r#""/b","deny":true"#, "1/deny", "unknown member"),
            (r#""/b""#, r#""/b","risk":["high"]"#, "1/risk", "expected a string, found an array"),
            (r#","allowed_sources":[]"#, "", "0/allowed_sources", "missing member"),
            (
                r#""g","api_id":"a""#,
                r#""g","api_id":"bare""#,
                "0/audience",
                "missing member: the API names no audience either",
            ),
        ] {
            refused(from, to, &format!("/route_groups/0/routes/{place}: {problem}"));
        }
        let no_default =
            "/route_groups/0/routes/0/required_key_binding: missing member: the bundle names no default either";
        refused(r#""default_required_key_binding":"software","#, "", no_default);
    }

    #[test]
    fn names_are_those_of_the_contract() {
        for (member, value, problem) in [
            ("match_type", "Prefix", r#"expected "Exact" or "PathPrefix", found "Prefix""#),
            ("query_form", "x", r#"expected "strict" or "unambiguous" or "compat", found "x""#),
            ("body_mode", "x", r#"expected "hashed" or "none" or "claimed", found "x""#),
            (
                "required_key_binding",
                "tpm",
                r#"expected "software" or "remote_kms" or "hardware_local" or "attested_workload", found "tpm""#,
            ),
        ] {
            let route = format!(r#""/b","{member}":"{value}""#);
            refused(r#""/b""#, &route, &format!("/route_groups/0/routes/1/{member}: {problem}"));
        }
        for (path, problem) in [
            ("/b/", "a PathPrefix other than \"/\" must not end in '/'"),
            ("/{b}", "braces have no meaning in a PathPrefix"),
        ] {
            let route = format!(r#""{path}","match_type":"PathPrefix""#);
            refused(r#""/b""#, &route, &format!("/route_groups/0/routes/1/path_template: {problem}"));
        }
    }
}
