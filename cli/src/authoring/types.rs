use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::{BodyMode, Class, Freshness, MatchType, QueryForm, RevocationType, Status};

/// A policy and the keys it trusts, as their author writes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = super::schema::fresh_routes))]
pub struct Authoring {
    /// Says that this is an authoring file.
    pub version: Version,
    /// What audit events call this policy.
    pub policy_id: Option<String>,
    /// What audit events call this version of it.
    pub policy_version: Option<String>,
    /// The trust domain of the policy, and of issuers that name none.
    pub trust_domain: String,
    /// What holds for routes and callers that say nothing else.
    #[serde(default)]
    pub defaults: Defaults,
    /// What every caller's provenance must say.
    pub provenance_policy: Option<Provenance>,
    /// Whose passports are believed.
    pub issuers: Vec<Issuer>,
    /// What is called.
    pub apis: Vec<Api>,
    /// Who calls.
    pub callers: Vec<Caller>,
    /// What is taken back before it expires.
    #[serde(default)]
    pub revocations: Vec<Revocation>,
}

/// The version of the authoring file's form.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Version {
    /// This one.
    #[serde(rename = "trustplane-authoring-v1")]
    V1,
}

/// What holds for routes and callers that say nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Defaults {
    /// The lowest class a caller may present; `software` when not given.
    pub required_key_binding: Option<Class>,
    /// How current the documents must be.
    pub freshness_class: Option<Freshness>,
    /// The oldest age at which a `bounded` route still serves.
    pub max_staleness_seconds: Option<u64>,
    /// Which raw queries are taken.
    pub query_form: Option<QueryForm>,
    /// How bodies are bound to proofs.
    pub body_mode: Option<BodyMode>,
    /// The largest body.
    pub max_body_bytes: Option<u64>,
}

/// Who vouches for callers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{ "required": ["jwks"] }, { "required": ["keys"], "properties": { "keys": { "minItems": 1 } } }])))]
pub struct Issuer {
    /// The name in its passports, `iss`.
    pub issuer: String,
    /// The one trust domain it speaks for; the policy's own when not given.
    pub trust_domain: Option<String>,
    /// The highest class that its keys may grant, where they do not say; `software` when not given.
    pub max_key_binding: Option<Class>,
    /// Its keys.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// A file with more of them, a JSON Web Key Set; relative to the authoring file.
    pub jwks: Option<String>,
}

/// An Ed25519 key of an issuer: its public half, in one of two forms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{ "required": ["public_key_b64url", "kid"] }, { "required": ["jwk"], "anyOf": [{ "required": ["kid"] }, { "properties": { "jwk": { "required": ["kid"] } } }] }])))]
pub struct Key {
    /// The id that passports name it by; that of the `jwk` when not given.
    pub kid: Option<String>,
    /// The key as unpadded base64url of its 32 bytes.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::PublicKeyText>"))]
    pub public_key_b64url: Option<String>,
    /// The key as a JSON Web Key.
    pub jwk: Option<Jwk>,
    /// The highest class it may grant.
    pub max_key_binding: Option<Class>,
    /// Whether its passports are refused as revoked.
    pub status: Option<Status>,
    /// It is unknown before this moment.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::Moment>"))]
    pub not_before: Option<Time>,
    /// It is unknown after this moment.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::Moment>"))]
    pub not_after: Option<Time>,
}

/// A public JSON Web Key (RFC 8037); members that are not listed here are passed by.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("not" = { "required": ["d"] }, "additionalProperties" = { "not": { "type": "null" } })))]
pub struct Jwk {
    /// `OKP`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["OKP"])))]
    pub kty: String,
    /// `Ed25519`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["Ed25519"])))]
    pub crv: String,
    /// The key.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::PublicKeyText"))]
    pub x: String,
    /// Its id.
    pub kid: Option<String>,
    /// `EdDSA` or `Ed25519`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["EdDSA", "Ed25519"])))]
    pub alg: Option<String>,
    /// `sig`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["sig"])))]
    pub r#use: Option<String>,
}

/// What is served under one audience.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Api {
    /// Its id.
    pub api_id: String,
    /// The audience that passports must name, where a route names none.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Trimmed>"))]
    pub audience: Option<String>,
    /// Where callers dial it: scheme and authority.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::BaseUrl>"))]
    pub base_url: Option<String>,
    /// What it serves.
    pub routes: Vec<Route>,
}

/// One method on one path.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = trustplane_core::schema::by_match_type))]
pub struct Route {
    /// The id that proofs bind and callers list.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub route_id: String,
    /// The method, in upper case.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Method"))]
    pub method: String,
    /// The path; a segment `{name}` stands for any one segment.
    pub path_template: String,
    /// Whether the path is compared as a whole or as a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_type: Option<MatchType>,
    /// How much is at stake, for readers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The audience that passports must name; the API's when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Trimmed>"))]
    pub audience: Option<String>,
    /// The lowest class any caller may present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_key_binding: Option<Class>,
    /// How current the documents must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness_class: Option<Freshness>,
    /// The oldest age at which a `bounded` route still serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_staleness_seconds: Option<u64>,
    /// Which raw queries are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_form: Option<QueryForm>,
    /// How bodies are bound to proofs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_mode: Option<BodyMode>,
    /// The largest body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u64>,
}

/// A caller, or several with one prefix, and what they may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{ "required": ["subject_exact"] }, { "required": ["subject_prefix"] }])))]
pub struct Caller {
    /// What kind of source it is, for readers: it grants nothing.
    pub source_type: Option<String>,
    /// Who vouches for it.
    pub issuer: String,
    /// The trust domain in its passports; its issuer's when not given.
    pub trust_domain: Option<String>,
    /// Its name, `sub`.
    pub subject_exact: Option<String>,
    /// What the names of several begin with; ends in `:` or `/`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::SubjectPrefix>"))]
    pub subject_prefix: Option<String>,
    /// The lowest class it may present; the default when not given.
    pub required_key_binding: Option<Class>,
    /// What its provenance must say.
    pub provenance_policy: Option<Provenance>,
    /// What its context must say: `required_<field>` members, and `max_txn_value` as a ceiling.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Context>"))]
    pub context_policy: Option<BTreeMap<String, Term>>,
    /// The ids of the routes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub may_call: Vec<String>,
}

/// What provenance must say.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub struct Provenance {
    /// The profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The SPIFFE trust domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_spiffe_trust_domain: Option<String>,
    /// The posture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_posture: Option<String>,
}

/// A value that a context must state.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected a string, or an integer as a ceiling")]
pub enum Term {
    /// A ceiling.
    Amount(u64),
    /// A text, or a ceiling with a fraction.
    Text(String),
}

/// What is taken back before it expires.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Revocation {
    /// Which part of a passport the value is compared with.
    pub r#type: RevocationType,
    /// The value.
    pub value: String,
    /// The one issuer whose passports it is about.
    pub issuer: Option<String>,
    /// Passports are refused from here on.
    #[cfg_attr(feature = "schema", schemars(with = "super::schema::Moment"))]
    pub revoked_at: Time,
    /// Why, for readers.
    pub reason: Option<String>,
}

/// A moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected Unix seconds or a time such as 2026-01-31T00:00:00Z")]
pub enum Time {
    /// Unix seconds.
    Seconds(u64),
    /// RFC 3339, in UTC.
    Rfc3339(String),
}
