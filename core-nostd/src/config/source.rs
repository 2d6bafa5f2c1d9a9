use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Where newer bundles come from while the filter runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::needs_cluster))]
pub struct BundleSource {
    /// The Envoy cluster.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ClusterName"))]
    pub cluster: String,
    /// The authority to ask for.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Authority"))]
    pub authority: String,
    /// The path of the policy document.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::PlainPath"))]
    pub policy_path: String,
    /// The path of the trust material document.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::PlainPath"))]
    pub trust_path: String,
    /// How often to ask.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86400)))]
    pub interval_seconds: u64,
    /// How long an answer may take: at most half an interval, for a turn is two answers.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 60000)))]
    pub timeout_ms: u32,
}

impl Default for BundleSource {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            authority: "trustplane".into(),
            policy_path: "/v1/bundles/policy".into(),
            trust_path: "/v1/bundles/trust".into(),
            interval_seconds: 2,
            timeout_ms: 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::FilterConfig;
    use super::super::tests::{refusal, text};
    use super::*;

    #[test]
    fn a_source_needs_only_its_cluster() {
        let text = text(r#","bundle_source":{"cluster":"bundles"}"#);
        let config = FilterConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(
            config.bundle_source,
            Some(BundleSource {
                cluster: "bundles".into(),
                authority: "trustplane".into(),
                policy_path: "/v1/bundles/policy".into(),
                trust_path: "/v1/bundles/trust".into(),
                interval_seconds: 2,
                timeout_ms: 1000,
            })
        );
    }

    #[test]
    fn nothing_need_be_inline_where_a_source_is_named() {
        let bare = r#"{"allow_unsigned_dev_bundles":true,"bundle_source":{"cluster":"bundles"}}"#;
        let config = FilterConfig::parse(bare.as_bytes()).unwrap();
        assert_eq!(config.trust_bundle, None);
        assert!(config.load().unwrap().0.is_none());
        let half = bare.replacen('{', r#"{"policy_bundle":{},"#, 1);
        assert_eq!(refusal(&half), "/trust_bundle: missing member");
        let pinned = bare.replace(r#""allow_unsigned_dev_bundles":true,"#, "");
        assert_eq!(
            refusal(&pinned),
            "/trust_bundle_signature_public_key: missing member: without a key no bundle is believed"
        );
        let pinned = bare.replace(
            r#""allow_unsigned_dev_bundles":true,"#,
            &format!(r#""trust_bundle_signature_public_key":"{}","#, super::super::tests::KEY),
        );
        assert_eq!(
            refusal(&pinned),
            "/policy_bundle_signature_public_key: missing member: without a key no bundle is believed"
        );
    }

    #[test]
    fn faults_of_a_source_are_named_with_their_place() {
        for (members, error) in [
            ("", "/bundle_source/cluster: expected the name of an Envoy cluster"),
            (r#""cluster":"a b""#, "/bundle_source/cluster: expected the name of an Envoy cluster"),
            (r#""cluster":"c","x":1"#, "/bundle_source/x: unknown member"),
            (
                r#""cluster":"c","authority":"A""#,
                "/bundle_source/authority: expected host or host:port in lower case, found \"A\"",
            ),
            (r#""cluster":"c","policy_path":"p""#, "/bundle_source/policy_path: expected a plain path"),
            (r#""cluster":"c","trust_path":"/a/../b""#, "/bundle_source/trust_path: expected a plain path"),
            (
                r#""cluster":"c","interval_seconds":0"#,
                "/bundle_source/interval_seconds: expected an integer from 1 to 86400, found 0",
            ),
            (
                r#""cluster":"c","timeout_ms":1001"#,
                "/bundle_source/timeout_ms: expected an integer from 1 to 1000, found 1001",
            ),
            (
                r#""cluster":"c","interval_seconds":86400,"timeout_ms":60001"#,
                "/bundle_source/timeout_ms: expected an integer from 1 to 60000, found 60001",
            ),
        ] {
            assert_eq!(refusal(&text(&format!(r#","bundle_source":{{{members}}}"#))), error);
        }
    }
}
