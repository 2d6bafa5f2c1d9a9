use alloc::format;
use core::fmt;
use core::ops::RangeInclusive;

use super::error::ConfigError;
use super::replay::Replay;
use super::{CoveredNames, FilterConfig, Hold};
use crate::document::Pin;
use crate::json::Value;
use crate::key::PublicKey;
use crate::path::canonical_path;
use crate::policy::is_authority;
use crate::settings::Settings;

impl Default for FilterConfig<'_> {
    fn default() -> Self {
        let Settings { skew, max_ttl, realtime_window, max_body_bytes, forward_credentials, .. } = Settings::default();
        Self {
            policy_bundle: None,
            trust_bundle: Value::Null,
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
            forward_credentials,
            audit: true,
        }
    }
}

impl FilterConfig<'_> {
    /// Whether this configuration can be run; what its bundles say is left to [`Self::load`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.trust_pin()?;
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
        self.replay.check()
    }

    pub(super) fn policy_pin(&self) -> Result<Pin, ConfigError> {
        self.pin(self.policy_bundle_signature_public_key.as_deref(), "/policy_bundle_signature_public_key")
    }

    pub(super) fn trust_pin(&self) -> Result<Pin, ConfigError> {
        self.pin(self.trust_bundle_signature_public_key.as_deref(), "/trust_bundle_signature_public_key")
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
                if cluster.is_empty() || !cluster.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ConfigError::new("/replay/cluster", "expected the name of an Envoy cluster"));
                }
                check_authority("/replay/authority", authority)?;
                if canonical_path(path.as_bytes()).is_none() {
                    return Err(ConfigError::new("/replay/path", "expected a plain path"));
                }
                check_range("/replay/timeout_ms", *timeout_ms, 1..=60_000)
            }
        }
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

fn check_range<T: fmt::Display + PartialOrd>(
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
