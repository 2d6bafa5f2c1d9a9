use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;

use super::error::ConfigError;
use super::replay::Replay;
use super::{BundleSource, CoveredNames, FilterConfig, Hold, KeyCacheConfig};
use crate::document::Pin;
use crate::key::PublicKey;
use crate::path::canonical_path;
use crate::policy::is_authority;
use crate::settings::Settings;

impl Default for FilterConfig<'_> {
    fn default() -> Self {
        let Settings { skew, max_ttl, realtime_window, max_body_bytes, forward_credentials, .. } = Settings::default();
        Self {
            policy_bundle: None,
            trust_bundle: None,
            bundle_source: None,
            policy_bundle_signature_public_key: None,
            trust_bundle_signature_public_key: None,
            allow_unsigned_dev_bundles: false,
            scheme: None,
            authority: None,
            hold: Hold::default(),
            max_body_bytes,
            skew_seconds: skew,
            max_ttl_seconds: max_ttl,
            realtime_window_seconds: realtime_window,
            covered_headers: CoveredNames::default(),
            replay: Replay::default(),
            key_cache: None,
            forward_credentials,
            audit: true,
        }
    }
}

impl FilterConfig<'_> {
    /// Whether this configuration can be run; what its bundles say is left to [`Self::load`].
    pub fn check(&self) -> Result<(), ConfigError> {
        // A source alone brings both, or neither.
        if self.trust_bundle.is_none() && (self.bundle_source.is_none() || self.policy_bundle.is_some()) {
            return Err(ConfigError::new("/trust_bundle", "missing member"));
        }
        self.trust_pin()?;
        if let Some(source) = &self.bundle_source {
            self.policy_pin()?;
            source.check()?;
        }
        if self.policy_bundle.is_some() || self.policy_bundle_signature_public_key.is_some() {
            self.policy_pin()?;
        }
        if let Some(authority) = &self.authority {
            check_authority("/authority", authority)?;
        }
        // A skew of minutes would keep expired passports alive.
        check_range("/skew_seconds", self.skew_seconds, 0..=300)?;
        check_least("/max_ttl_seconds", self.max_ttl_seconds, 1)?;
        self.covered_headers.check()?;
        self.key_cache.map_or(Ok(()), KeyCacheConfig::check)?;
        self.replay.check()
    }

    /// Who signs the policy.
    pub fn policy_pin(&self) -> Result<Pin, ConfigError> {
        self.pin(self.policy_bundle_signature_public_key.as_deref(), "/policy_bundle_signature_public_key")
    }

    /// Who signs the trust material.
    pub fn trust_pin(&self) -> Result<Pin, ConfigError> {
        self.pin(self.trust_bundle_signature_public_key.as_deref(), "/trust_bundle_signature_public_key")
    }

    /// The keys that both pins stand for, as they are written.
    pub fn signers(&self) -> String {
        let key = |key: &Option<String>| key.clone().unwrap_or_default();
        [key(&self.policy_bundle_signature_public_key), key(&self.trust_bundle_signature_public_key)].join(" ")
    }

    /// A key that is named is always held to: the development option covers only what lacks one.
    fn pin(&self, key: Option<&str>, pointer: &str) -> Result<Pin, ConfigError> {
        match key {
            Some(key) => PublicKey::from_base64url(key)
                .map(Pin::Key)
                .map_err(|error| ConfigError::new(pointer, format!("{error}"))),
            None if self.allow_unsigned_dev_bundles => Ok(Pin::UnsignedDev),
            None => Err(ConfigError::new(pointer, "missing member: without a key no bundle is believed")),
        }
    }
}

impl Replay {
    fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::SharedData { cold_margin_seconds: _any, bucket_bytes, multi_replica, replicas } => {
                check_range("/replay/bucket_bytes", *bucket_bytes, 1 << 10..=64 << 10)?;
                check_least("/replay/replicas", *replicas, 1)?;
                if *multi_replica || *replicas > 1 {
                    return Err(ConfigError::new(
                        "/replay",
                        "shared_data is the memory of one Envoy: each replica would admit a passport once; use callout",
                    ));
                }
                Ok(())
            }
            Self::Callout { cluster, authority, path, timeout_ms } => {
                check_cluster("/replay/cluster", cluster)?;
                check_authority("/replay/authority", authority)?;
                check_path("/replay/path", path)?;
                check_range("/replay/timeout_ms", *timeout_ms, 1..=60_000)
            }
        }
    }
}

impl BundleSource {
    fn check(&self) -> Result<(), ConfigError> {
        check_cluster("/bundle_source/cluster", &self.cluster)?;
        check_authority("/bundle_source/authority", &self.authority)?;
        check_path("/bundle_source/policy_path", &self.policy_path)?;
        check_path("/bundle_source/trust_path", &self.trust_path)?;
        check_range("/bundle_source/interval_seconds", self.interval_seconds, 1..=86_400)?;
        // A turn is two answers, one after the other, and ends before the next one begins.
        let most = self.interval_seconds.saturating_mul(500).min(60_000);
        check_range("/bundle_source/timeout_ms", u64::from(self.timeout_ms), 1..=most)
    }
}

fn check_cluster(pointer: &str, cluster: &str) -> Result<(), ConfigError> {
    match !cluster.is_empty() && cluster.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(ConfigError::new(pointer, "expected the name of an Envoy cluster")),
    }
}

fn check_path(pointer: &str, path: &str) -> Result<(), ConfigError> {
    match canonical_path(path.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(ConfigError::new(pointer, "expected a plain path")),
    }
}

fn check_authority(pointer: &str, authority: &str) -> Result<(), ConfigError> {
    match is_authority(authority) {
        true => Ok(()),
        false => {
            Err(ConfigError::new(pointer, format!("expected host or host:port in lower case, found {authority:?}")))
        }
    }
}

fn check_least(pointer: &str, value: u64, least: u64) -> Result<(), ConfigError> {
    match value >= least {
        true => Ok(()),
        false => Err(ConfigError::new(pointer, format!("expected an integer of at least {least}, found {value}"))),
    }
}

pub(super) fn check_range<T: fmt::Display + PartialOrd>(
    pointer: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(ConfigError::new(pointer, format!("expected an integer from {least} to {most}, found {value}")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{KEY, refusal, text};
    use super::*;

    #[test]
    fn keys_are_required_unless_unsigned_bundles_are_allowed() {
        let unsigned = r#"{"trust_bundle":{}}"#;
        let missing = "missing member: without a key no bundle is believed";
        assert_eq!(refusal(unsigned), format!("/trust_bundle_signature_public_key: {missing}"));
        let half = format!(r#"{{"trust_bundle":{{}},"trust_bundle_signature_public_key":"{KEY}"}}"#);
        assert!(FilterConfig::parse(half.as_bytes()).is_ok(), "without a policy its key may be absent");
        let half = half.replace("{}", "{},\"policy_bundle\":{}");
        assert_eq!(refusal(&half), format!("/policy_bundle_signature_public_key: {missing}"));
        for (key, error) in [
            ("AQ", "not unpadded base64url of 32 bytes"),
            (
                "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "a point of small order, which would verify almost any message",
            ),
        ] {
            let member = format!(r#","policy_bundle_signature_public_key":"{key}""#);
            assert_eq!(refusal(&text(&member)), format!("/policy_bundle_signature_public_key: {error}"));
        }
    }
}
