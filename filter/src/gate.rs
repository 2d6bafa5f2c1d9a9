use std::fmt;

use trustplane_core::{
    Checked, ConfigError, FilterConfig, Hold, KeyCacheSettings, Policy, Replay, Trust, UnixTime, Verifier,
};

use crate::follow::{Follower, Held};
use crate::replay::{Callout, SharedStore, Store};

/// One configuration of the filter, as its requests see it.
///
/// There is no state in between: what cannot judge every request denies every request.
#[derive(Debug, Default)]
pub enum Gate {
    /// Nothing passes.
    #[default]
    Shut,
    /// Requests are judged.
    Ready(Box<Rules>),
}

/// What a request is judged by.
#[derive(Debug)]
pub struct Rules {
    /// Judges the head, the body and the proof.
    pub verifier: Verifier,
    /// Remembers consumed passports.
    pub store: Store,
    /// How the host withholds a request.
    pub hold: Hold,
    /// Whether the caller's connection says which scheme was dialled.
    pub scheme_from_connection: bool,
    /// Whether the configuration says so, whatever the documents do.
    scheme_configured: bool,
    /// Whether the whole audit event is published, or the code alone.
    pub audit: bool,
    /// What the worker's cache of keys takes.
    pub keys: KeyCacheSettings,
}

/// Why a configuration lets nothing pass.
#[derive(Debug, Eq, PartialEq)]
pub enum Fault {
    /// The host has no clock now; it may have one later.
    Clock,
    /// The configuration, or a bundle in it.
    Config(ConfigError),
    /// The host did not hand over what it announced.
    Truncated,
}

impl Gate {
    /// What the worker's cache of keys takes, as far as this says.
    pub fn keys(&self) -> Option<KeyCacheSettings> {
        match self {
            Self::Ready(rules) => Some(rules.keys),
            Self::Shut => None,
        }
    }
}

impl Rules {
    /// Reads a configuration: the same bytes have the same fate in every worker.
    pub fn read(bytes: &[u8], now: Option<UnixTime>) -> Result<(Self, Option<Follower>), Fault> {
        let config = FilterConfig::parse(bytes)?;
        let (policy, trust) = config.load()?;
        let store = match &config.replay {
            Replay::SharedData { cold_margin_seconds, bucket_bytes, multi_replica: _, replicas: _ } => {
                Store::Shared(SharedStore {
                    cold_margin_seconds: *cold_margin_seconds,
                    bucket_bytes: usize::try_from(*bucket_bytes).unwrap_or(usize::MAX),
                })
            }
            Replay::Callout { cluster, authority, path, timeout_ms } => Store::Callout(Callout {
                cluster: cluster.clone(),
                authority: authority.clone(),
                path: path.clone(),
                timeout_ms: *timeout_ms,
            }),
        };
        let checked_at = now.ok_or(Fault::Clock)?;
        let policy = policy.map(|policy| Checked::new(policy, checked_at));
        let trust = Checked::new(trust, checked_at);
        let follower = match &config.bundle_source {
            Some(source) => Some(Follower::new(
                source.clone(),
                (config.policy_pin()?, config.trust_pin()?),
                &config.signers(),
                Held::inline(config.policy_bundle.as_ref(), policy.as_ref()),
                Held::inline(config.trust_bundle.as_ref(), Some(&trust)),
            )),
            None => None,
        };
        let rules = Self {
            scheme_from_connection: config.scheme.is_none() && !policy.as_ref().is_some_and(pins_every_scheme),
            scheme_configured: config.scheme.is_some(),
            verifier: Verifier::new(config.settings(), policy, trust),
            store,
            hold: config.hold,
            audit: config.audit,
            keys: config.key_cache(),
        };
        Ok((rules, follower))
    }

    /// The same rules over other documents.
    pub fn over(&self, policy: Checked<Policy>, trust: Checked<Trust>) -> Self {
        Self {
            scheme_from_connection: !self.scheme_configured && !pins_every_scheme(&policy),
            scheme_configured: self.scheme_configured,
            verifier: self.verifier.over(policy, trust),
            store: self.store.clone(),
            hold: self.hold,
            audit: self.audit,
            keys: self.keys,
        }
    }
}

fn pins_every_scheme(policy: &Checked<Policy>) -> bool {
    policy.document().routes().all(|route| route.base().is_some())
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("the host told no time"),
            Self::Config(error) => write!(f, "configuration: {error}"),
            Self::Truncated => f.write_str("the host did not hand over the whole configuration"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixture::{NOW, configuration};

    fn fault(members: &str) -> String {
        Rules::read(configuration(members).as_bytes(), Some(NOW)).unwrap_err().to_string()
    }

    #[test]
    fn a_sound_configuration_judges() {
        let (rules, _) = Rules::read(configuration("").as_bytes(), Some(NOW)).unwrap();
        assert_eq!((rules.hold, rules.audit, rules.scheme_from_connection), (Hold::StopIteration, true, true));
        assert_eq!(rules.store, Store::Shared(SharedStore { cold_margin_seconds: 2, bucket_bytes: 16_384 }));
        let members = r#","hold":"trailing_buffer","audit":false,"scheme":"https",
            "replay":{"store":"shared_data","cold_margin_seconds":7,"bucket_bytes":1024}"#;
        let (rules, _) = Rules::read(configuration(members).as_bytes(), Some(NOW)).unwrap();
        assert_eq!((rules.hold, rules.audit, rules.scheme_from_connection), (Hold::TrailingBuffer, false, false));
        assert_eq!(rules.store, Store::Shared(SharedStore { cold_margin_seconds: 7, bucket_bytes: 1024 }));
    }

    #[test]
    fn a_policy_that_pins_every_scheme_needs_none_from_the_connection() {
        let pinned = configuration("")
            .replace(r#""audience": "orders"}"#, r#""audience": "orders", "base_url": "https://a.example"}"#);
        let (rules, _) = Rules::read(pinned.as_bytes(), Some(NOW)).unwrap();
        assert!(!rules.scheme_from_connection);
    }

    #[test]
    fn a_fault_names_its_place() {
        for (members, place) in [
            (
                r#","hold":"hidden""#,
                "/hold: expected \"stop_iteration\" or \"trailing_buffer\", found \"hidden\" (line ",
            ),
            (r#","replay":{"store":"shared_data","replicas":2}"#, "/replay: shared_data is the memory of one Envoy"),
        ] {
            let fault = fault(members);
            assert!(fault.starts_with(&format!("configuration: {place}")), "{fault}");
        }
        let broken = configuration("").replace("\"method\": \"POST\"", "\"method\": 7");
        let fault = Rules::read(broken.as_bytes(), Some(NOW)).unwrap_err().to_string();
        assert!(fault.starts_with("configuration: /policy_bundle/route_groups/0/routes/0/method: "), "{fault}");
    }

    #[test]
    fn a_missing_clock_is_told_from_a_broken_configuration() {
        assert_eq!(Rules::read(configuration("").as_bytes(), None).unwrap_err(), Fault::Clock);
        assert!(matches!(Rules::read(b"{}", None).unwrap_err(), Fault::Config(_)));
    }

    #[test]
    fn the_store_is_the_one_that_is_configured() {
        let callout = r#","replay":{"store":"callout","cluster":"c","authority":"a","timeout_ms":70}"#;
        let (rules, _) = Rules::read(configuration(callout).as_bytes(), Some(NOW)).unwrap();
        let expected =
            Callout { cluster: "c".into(), authority: "a".into(), path: "/v1/replay/consume".into(), timeout_ms: 70 };
        assert_eq!(rules.store, Store::Callout(expected));
    }
}
