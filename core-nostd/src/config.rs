//! The filter's configuration: what the command line renders and the filter reads.

mod check;
mod error;
mod headers;
mod hold;
mod keys;
mod replay;
mod scheme;
mod source;

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::document;
use crate::json::{self, Limits, Value};
use crate::key::KeyCacheSettings;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::trust::Trust;

pub use error::ConfigError;
pub use headers::CoveredNames;
pub use hold::Hold;
pub use keys::KeyCacheConfig;
pub use replay::Replay;
pub use scheme::Scheme;
pub use source::BundleSource;

/// One deployment of the filter, with its bundles inline.
///
/// There is no permissive default: without bundles everything is denied, without keys nothing
/// loads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::keys_for_bundles))]
pub struct FilterConfig<'a> {
    /// The policy document; without one every request is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::policy::Document<'static>>"))]
    pub policy_bundle: Option<Value<'a>>,
    /// The trust material document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::trust::Document<'static>>"))]
    pub trust_bundle: Option<Value<'a>>,
    /// Where newer bundles come from; without it only another configuration brings them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_source: Option<BundleSource>,
    /// Who signs the policy, as base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PublicKeyText>"))]
    pub policy_bundle_signature_public_key: Option<String>,
    /// Who signs the trust material, as base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PublicKeyText>"))]
    pub trust_bundle_signature_public_key: Option<String>,
    /// Whether a bundle without a key named above is believed as it is: for development alone.
    pub allow_unsigned_dev_bundles: bool,
    /// The scheme that callers dial, where the policy's API names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The authority that callers dial, where a proxy in front rewrites it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Authority>"))]
    pub authority: Option<String>,
    /// How the request is withheld until its body is hashed.
    pub hold: Hold,
    /// The largest body, where a route names no limit.
    pub max_body_bytes: u64,
    /// How far clocks may differ.
    #[cfg_attr(feature = "schema", schemars(range(max = 300)))]
    pub skew_seconds: u64,
    /// The longest life of a passport.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_ttl_seconds: u64,
    /// How old the bundles may be on a `realtime` route.
    pub realtime_window_seconds: u64,
    /// Which headers a proof must cover.
    pub covered_headers: CoveredNames,
    /// Where consumed passports are remembered.
    pub replay: Replay,
    /// The memory for keys; the default's where it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_cache: Option<KeyCacheConfig>,
    /// Whether the upstream sees passport and proof.
    pub forward_credentials: bool,
    /// Whether every decision is written to the log.
    pub audit: bool,
}

impl<'a> FilterConfig<'a> {
    /// Reads a configuration and checks it; its bundles are left as documents.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ConfigError> {
        Self::read(json::parse(bytes, Limits::CONFIG)?).map_err(|error| error.located_in(bytes))
    }

    /// The policy and the trust material: both, or neither.
    pub fn load(&self) -> Result<(Option<Policy>, Trust), ConfigError> {
        let trust = match &self.trust_bundle {
            Some(document) => {
                Trust::load(document, &self.trust_pin()?).map_err(|error| error.within("trust_bundle"))?
            }
            None => Trust::default(),
        };
        let Some(document) = &self.policy_bundle else {
            return Ok((None, trust));
        };
        let policy = Policy::load(document, &self.policy_pin()?).map_err(|error| error.within("policy_bundle"))?;
        Ok((Some(policy), trust))
    }

    /// What a worker's cache of keys takes.
    pub fn key_cache(&self) -> KeyCacheSettings {
        self.key_cache.unwrap_or_default().settings()
    }

    /// What the verification takes from this configuration.
    pub fn settings(&self) -> Settings {
        Settings {
            skew: self.skew_seconds,
            max_ttl: self.max_ttl_seconds,
            realtime_window: self.realtime_window_seconds,
            max_body_bytes: self.max_body_bytes,
            scheme: self.scheme.map(|scheme| scheme.as_str().into()),
            authority: self.authority.clone(),
            covered: self.covered_headers.rules(),
            forward_credentials: self.forward_credentials,
        }
    }

    fn read(value: Value<'a>) -> Result<Self, ConfigError> {
        let Value::Object(mut members) = value else {
            return Err(ConfigError::new("", format!("expected an object, found {}", value.kind())));
        };
        // Bundles may be large and are read by their own types: they are moved, not copied.
        let policy_bundle = members.remove("policy_bundle");
        let trust_bundle = members.remove("trust_bundle");
        for (name, value) in members.iter() {
            document::check_text(name, value, false).map_err(|error| error.within(name))?;
        }
        let config = FilterConfig {
            policy_bundle,
            trust_bundle,
            ..json::decode::<FilterConfig<'_>>(&Value::Object(members))?.into_settings()
        };
        config.check()?;
        Ok(config)
    }

    /// The same, without bundles and so borrowed from nothing.
    fn into_settings(self) -> FilterConfig<'static> {
        FilterConfig { policy_bundle: None, trust_bundle: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::proof::Uncovered;

    pub(super) const KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const TRUST: &str = r#"{"version":"trustplane-trust-material-bundle-v1","kind":"trust_material_bundle","issuers":[],
        "signed_by":{"issuer":"i","kid":"k","alg":"none"},"signature":{"format":"unsigned-skeleton","value":"v"}}"#;

    pub(super) fn text(members: &str) -> String {
        format!(r#"{{"trust_bundle":{TRUST},"allow_unsigned_dev_bundles":true{members}}}"#)
    }

    #[track_caller]
    pub(super) fn refusal(text: &str) -> String {
        let ConfigError { pointer, problem, .. } = FilterConfig::parse(text.as_bytes()).unwrap_err();
        format!("{pointer}: {problem}")
    }

    #[test]
    fn silence_means_the_safe_default() {
        let text = text("");
        let config = FilterConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(
            FilterConfig { trust_bundle: None, allow_unsigned_dev_bundles: false, ..config },
            FilterConfig {
                policy_bundle: None,
                trust_bundle: None,
                bundle_source: None,
                policy_bundle_signature_public_key: None,
                trust_bundle_signature_public_key: None,
                allow_unsigned_dev_bundles: false,
                scheme: None,
                authority: None,
                hold: Hold::StopIteration,
                max_body_bytes: 1_048_576,
                skew_seconds: 30,
                max_ttl_seconds: 900,
                realtime_window_seconds: 5,
                covered_headers: CoveredNames { required: [].into(), exempt: [].into(), uncovered: Uncovered::Refuse },
                replay: Replay::SharedData {
                    cold_margin_seconds: 2,
                    bucket_bytes: 16_384,
                    multi_replica: false,
                    replicas: 1,
                },
                key_cache: None,
                forward_credentials: false,
                audit: true,
            }
        );
    }

    #[test]
    fn a_configuration_is_written_as_it_was_read() {
        let members = r#","policy_bundle":{"a":[1]},"scheme":"http","authority":"a.example:8443","hold":"trailing_buffer",
            "max_body_bytes":1,"skew_seconds":2,"max_ttl_seconds":3,"realtime_window_seconds":4,
            "covered_headers":{"required":["content-type"],"exempt":["x-b3-traceid"],"uncovered":"remove"},
            "replay":{"store":"callout","cluster":"replay","authority":"replay.local","timeout_ms":60000},
            "bundle_source":{"cluster":"bundles","authority":"b.internal","policy_path":"/p","trust_path":"/t",
            "interval_seconds":5,"timeout_ms":10},"forward_credentials":true,"audit":false"#;
        let text = text(members);
        let config = FilterConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(
            config.replay,
            Replay::Callout {
                cluster: "replay".into(),
                authority: "replay.local".into(),
                path: "/v1/replay/consume".into(),
                timeout_ms: 60_000,
            }
        );
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(FilterConfig::parse(written.as_bytes()), Ok(config.clone()));
        let settings = config.settings();
        assert_eq!((settings.skew, settings.max_ttl, settings.realtime_window), (2, 3, 4));
        assert_eq!((settings.max_body_bytes, settings.forward_credentials), (1, true));
        assert_eq!((settings.scheme.as_deref(), settings.authority.as_deref()), (Some("http"), Some("a.example:8443")));
        assert!(settings.covered.required.iter().any(|name| name == "content-type"));
        assert!(settings.covered.exempt.iter().any(|name| name == "x-b3-traceid"));
        assert_eq!(settings.covered.uncovered, Uncovered::Remove);
        let minimal = FilterConfig::default();
        let written = serde_json::to_string(&minimal).unwrap();
        let value = json::parse(written.as_bytes(), Limits::CONFIG).unwrap();
        assert_eq!(json::decode::<FilterConfig<'_>>(&value), Ok(minimal));
    }

    #[test]
    fn bundles_load_together_and_faults_inside_them_are_located() {
        let vector = json::parse(include_bytes!("../vectors/bundle-v1.source-rules.json"), Limits::DOCUMENT).unwrap();
        let policy = vector.as_object().and_then(|vector| vector.get("policy_bundle")).cloned();
        let mut config = FilterConfig {
            policy_bundle: policy,
            trust_bundle: Some(json::parse(TRUST.as_bytes(), Limits::DOCUMENT).unwrap()),
            allow_unsigned_dev_bundles: true,
            ..FilterConfig::default()
        };
        let (policy, trust) = config.load().unwrap();
        assert_eq!(policy.map(|policy| policy.routes().len()), Some(1));
        assert_eq!(trust.keys().count(), 0);

        let written = serde_json::to_string(&config).unwrap();
        let written = written.replace("spiffe://example.local/ns/orders/sa/", "spiffe://example.local/ns/orders");
        let broken = FilterConfig::parse(written.as_bytes()).unwrap();
        assert_eq!(
            broken.load().unwrap_err().to_string(),
            "/policy_bundle/route_groups/0/routes/0/allowed_sources/2/subject_prefix: must end in ':' or '/'"
        );

        config.policy_bundle_signature_public_key = Some(KEY.into());
        assert_eq!(
            config.load().unwrap_err().to_string(),
            "/policy_bundle/signed_by/alg: expected \"EdDSA\", found \"none\": the document is not signed"
        );
        config.policy_bundle = None;
        assert!(config.load().unwrap().0.is_none());
        config.trust_bundle = Some(Value::Null);
        assert_eq!(config.load().unwrap_err().to_string(), "/trust_bundle: expected an object, found null");
    }

    #[test]
    fn faults_are_named_with_their_place() {
        for (members, error) in [
            (r#""x":1"#, "/x: unknown member"),
            (r#""policy_bundle_path":"/a""#, "/policy_bundle_path: unknown member"),
            (r#""hold":"none""#, "/hold: expected \"stop_iteration\" or \"trailing_buffer\", found \"none\""),
            (r#""scheme":"HTTPS""#, "/scheme: expected \"http\" or \"https\", found \"HTTPS\""),
            (r#""scheme":null"#, "/scheme: expected a value, found null"),
            (r#""authority":"A.example""#, "/authority: expected host or host:port in lower case, found \"A.example\""),
            (r#""authority":"u@a""#, "/authority: expected host or host:port in lower case, found \"u@a\""),
            (r#""authority":"a,b""#, "/authority: expected host or host:port in lower case, found \"a,b\""),
            (r#""authority":"a\u0001""#, "/authority: a control character in the string"),
            (r#""authority":"""#, "/authority: an empty string"),
            (r#""skew_seconds":301"#, "/skew_seconds: expected an integer from 0 to 300, found 301"),
            (r#""skew_seconds":-1"#, "/skew_seconds: expected an integer from 0 to 2^53, found -1"),
            (r#""max_ttl_seconds":0"#, "/max_ttl_seconds: expected an integer of at least 1, found 0"),
            (r#""max_body_bytes":"1""#, "/max_body_bytes: expected an integer from 0 to 2^53, found a string"),
            (r#""audit":1"#, "/audit: expected a boolean, found an integer"),
        ] {
            assert_eq!(refusal(&text(&format!(",{members}"))), error);
        }
        assert_eq!(refusal("{}"), "/trust_bundle: missing member");
        assert_eq!(refusal("[]"), ": expected an object, found an array");
    }

    #[test]
    fn errors_carry_line_and_column() {
        let text = "{\"trust_bundle\": {},\n \"allow_unsigned_dev_bundles\": true,\n \"skew_seconds\": 301}";
        let error = FilterConfig::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/skew_seconds: expected an integer from 0 to 300, found 301 (line 3, column 18)"
        );
        let error = FilterConfig::parse(b"{\n\"a\" 1}").unwrap_err();
        assert_eq!(error.to_string(), "/a: expected `:` (line 2, column 5)");
    }
}
