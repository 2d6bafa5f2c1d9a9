use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct SignedBy<'a> {
    /// A name for the signer.
    pub(super) issuer: &'a str,
    /// The signer's key id.
    pub(super) kid: &'a str,
    /// `EdDSA`, or `none` for an unsigned skeleton.
    pub(super) alg: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Signature<'a> {
    /// `ed25519-jcs-v1`, or `unsigned-skeleton`.
    pub(super) format: &'a str,
    /// 64 bytes as unpadded base64url; anything in a skeleton.
    pub(super) value: &'a str,
}
