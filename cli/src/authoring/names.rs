use serde::{Deserialize, Serialize};

/// Where a signing key is kept, as its issuer vouches; each includes those before it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Class {
    /// Anywhere: possession alone.
    Software,
    /// A remote key service.
    RemoteKms,
    /// Hardware of the host.
    HardwareLocal,
    /// A broker verified the workload's identity before it issued.
    AttestedWorkload,
}

/// How current the documents must be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Freshness {
    /// Fetched within the verifier's short window.
    Realtime,
    /// No older than `max_staleness_seconds`.
    Bounded,
    /// Of any age.
    OfflineOk,
}

/// How a path is compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MatchType {
    /// As a whole.
    Exact,
    /// As a prefix that ends where a segment ends.
    PathPrefix,
}

/// Which raw queries are taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum QueryForm {
    /// Those in normal form.
    Strict,
    /// Those that every parser reads alike.
    Unambiguous,
    /// Every one that can be normalised.
    Compat,
}

/// How bodies are bound to proofs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BodyMode {
    /// By the hash of the bytes that come.
    Hashed,
    /// There is no body.
    None,
    /// By the hash that the caller claims, whatever comes.
    Claimed,
}

/// Whether a key counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Status {
    /// It does.
    Active,
    /// Its passports are refused as revoked.
    Revoked,
}

/// Which part of a passport is revoked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RevocationType {
    /// One passport.
    Jti,
    /// Those that a key signed.
    Kid,
    /// Those of a subject.
    Subject,
    /// Those of an issuer.
    Issuer,
    /// Those of a subject, or of subjects that begin so.
    Source,
}
