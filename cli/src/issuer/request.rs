use std::collections::BTreeMap;

use serde::Deserialize;
use trustplane_core::json::{self, JsonError, Limits};
use trustplane_core::{KeyBinding, PublicKey};

/// What a caller asks of the development issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PassportRequest {
    /// `sub`.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub(super) subject: String,
    /// `aud`.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub(super) audience: String,
    /// The issuer's own, for whoever wants to be sure of it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Trimmed>"))]
    pub(super) trust_domain: Option<String>,
    /// How long the passport lives, 1 to 900 seconds; 600 where this is silent.
    #[serde(default = "default_ttl")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = PassportRequest::MOST_TTL)))]
    pub(super) ttl_seconds: u64,
    /// The key that will sign proofs.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::PublicKeyText"))]
    pub(super) public_key_b64url: String,
    /// `software`, and nothing above it: this issuer has seen no key but its own.
    #[serde(default = "software")]
    #[cfg_attr(feature = "schema", schemars(extend("const" = "software")))]
    pub(super) key_binding: String,
    /// `context`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "type": "string" })))]
    pub(super) context: BTreeMap<String, String>,
}

fn default_ttl() -> u64 {
    600
}

fn software() -> String {
    KeyBinding::Software.as_str().to_owned()
}

impl PassportRequest {
    /// The longest request that is read.
    pub const MOST_BYTES: usize = 16 << 10;
    /// No verifier's default takes a longer life.
    pub(super) const MOST_TTL: u64 = 900;

    /// Reads a posted request.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let value = json::parse(bytes, Limits { max_bytes: Self::MOST_BYTES, max_depth: 4 })?;
        json::check_present(&value)?;
        let request: Self = json::decode(&value)?;
        let clean =
            |text: &str| !text.is_empty() && text.trim() == text && !text.bytes().any(|byte| byte.is_ascii_control());
        let texts = [
            ("subject", Some(&request.subject)),
            ("audience", Some(&request.audience)),
            ("trust_domain", request.trust_domain.as_ref()),
        ];
        for (name, text) in texts {
            if text.is_some_and(|text| !clean(text)) {
                return Err(JsonError::new("empty, or with outer white space or a control character").within(name));
            }
        }
        if !(1..=Self::MOST_TTL).contains(&request.ttl_seconds) {
            let problem = format!("expected 1 to {} seconds, found {}", Self::MOST_TTL, request.ttl_seconds);
            return Err(JsonError::new(problem).within("ttl_seconds"));
        }
        if request.key_binding != KeyBinding::Software.as_str() {
            let problem =
                format!("expected \"software\", found {:?}: this issuer grants nothing above", request.key_binding);
            return Err(JsonError::new(problem).within("key_binding"));
        }
        request.proof_key()?;
        for (name, value) in &request.context {
            let plain = |text: &str| !text.is_empty() && !text.bytes().any(|byte| byte.is_ascii_control());
            if !(plain(name) && plain(value)) {
                let problem = "an empty name or value, or a control character";
                return Err(JsonError::new(problem).within(name).within("context"));
            }
        }
        Ok(request)
    }

    /// The key that will sign proofs.
    pub(super) fn proof_key(&self) -> Result<PublicKey, JsonError> {
        PublicKey::from_base64url(&self.public_key_b64url)
            .map_err(|err| JsonError::new(err.to_string()).within("public_key_b64url"))
    }
}

/// The schema, as the type gives it.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Value {
    trustplane_core::schema::read::<PassportRequest>(
        "TrustPlane passport request",
        "What a caller in development posts to `trustplane issuer serve`. Refused though this schema takes it: a \
         `trust_domain` that is not the issuer's, a key that is no canonical point of the curve or of small order.",
    )
}
