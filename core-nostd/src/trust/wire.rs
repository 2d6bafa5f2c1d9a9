//! The trust material as it is written.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::revocation::Revocation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "TrustBundle", transform = crate::schema::trust_form))]
pub(crate) struct Bundle<'a> {
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    /// Anything; it informs readers and binds nothing.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::FreeForm>"))]
    pub(super) contract_metadata: Option<IgnoredAny>,
    /// Unix seconds; a newer bundle has a later one.
    pub(super) issued_at: Option<u64>,
    /// Whose passports are believed.
    #[serde(borrow)]
    pub(super) issuers: Vec<Issuer<'a>>,
    /// What no longer passes.
    #[serde(borrow, default)]
    pub(super) revocations: Vec<Revocation<'a>>,
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
pub(crate) struct Issuer<'a> {
    /// `iss` of its passports.
    pub(super) issuer: &'a str,
    /// The one trust domain it speaks for.
    pub(super) trust_domain: &'a str,
    /// The keys that sign its passports.
    #[serde(borrow)]
    pub(super) keys: Vec<Key<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Key<'a> {
    /// `kid` of the passports it signs.
    pub(super) kid: &'a str,
    /// `EdDSA`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["EdDSA"])))]
    pub(super) alg: &'a str,
    /// 32 bytes as unpadded base64url.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::PublicKeyText"))]
    pub(super) public_key_b64url: &'a str,
    /// The highest class it may grant; `software` where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::KeyBinding>"))]
    pub(super) max_key_binding: Option<&'a str>,
    /// `active` where this is silent.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["active", "revoked"])))]
    pub(super) status: Option<&'a str>,
    /// Unix seconds; unknown before.
    pub(super) not_before: Option<u64>,
    /// Unix seconds; unknown after.
    pub(super) not_after: Option<u64>,
}
