use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// An issuer's clock may run this far ahead of ours.
const COLD_MARGIN_SECONDS: u64 = 2;
/// Every consume moves one bucket through the host and back.
const BUCKET_BYTES: u32 = 16 << 10;

/// Where consumed passports are remembered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "store")]
pub enum Replay {
    /// In the memory of this one Envoy, across its workers.
    SharedData {
        /// Passports issued up to this long after a start are refused: the memory began empty.
        cold_margin_seconds: u64,
        /// The size of one of the buckets that entries are spread over.
        bucket_bytes: u32,
        /// Whether several Envoys serve the same routes; refused with this store.
        multi_replica: bool,
        /// How many Envoys serve the same routes; more than one is refused with this store.
        replicas: u64,
    },
    /// In a service that an Envoy cluster reaches.
    Callout {
        /// The Envoy cluster.
        cluster: String,
        /// The authority to ask for.
        authority: String,
        /// The path to ask for.
        path: String,
        /// How long an answer may take; then the request is denied.
        timeout_ms: u32,
    },
}

/// The members of every store, as documents write them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Replay", transform = crate::schema::by_store))]
struct Members {
    /// Which store.
    store: Store,
    /// `shared_data`: passports issued up to this long after a start are refused; 2 where this is silent.
    cold_margin_seconds: Option<u64>,
    /// `shared_data`: the size of one of the buckets that entries are spread over; 16384 where this is silent.
    #[cfg_attr(feature = "schema", schemars(range(min = 1024, max = 65536)))]
    bucket_bytes: Option<u32>,
    /// Whether several Envoys serve the same routes.
    multi_replica: Option<bool>,
    /// How many Envoys serve the same routes.
    replicas: Option<u64>,
    /// `callout`: the Envoy cluster.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::ClusterName>"))]
    cluster: Option<String>,
    /// `callout`: the authority to ask for.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Authority>"))]
    authority: Option<String>,
    /// `callout`: the path to ask for; `/v1/replay/consume` where this is silent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PlainPath>"))]
    path: Option<String>,
    /// `callout`: how long an answer may take; 250 where this is silent.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 60000)))]
    timeout_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Store {
    /// The memory of this one Envoy, across its workers.
    SharedData,
    /// A service that an Envoy cluster reaches.
    Callout,
}

impl Default for Replay {
    fn default() -> Self {
        Self::SharedData {
            cold_margin_seconds: COLD_MARGIN_SECONDS,
            bucket_bytes: BUCKET_BYTES,
            multi_replica: false,
            replicas: 1,
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Replay {
    fn inline_schema() -> bool {
        Members::inline_schema()
    }

    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        Members::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Members::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for Replay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Members {
            store,
            cold_margin_seconds,
            bucket_bytes,
            multi_replica,
            replicas,
            cluster,
            authority,
            path,
            timeout_ms,
        } = Members::deserialize(deserializer)?;
        let foreign: Vec<(&str, bool)> = match store {
            Store::SharedData => [
                ("cluster", cluster.is_some()),
                ("authority", authority.is_some()),
                ("path", path.is_some()),
                ("timeout_ms", timeout_ms.is_some()),
            ]
            .into(),
            Store::Callout => {
                [("cold_margin_seconds", cold_margin_seconds.is_some()), ("bucket_bytes", bucket_bytes.is_some())]
                    .into()
            }
        };
        if let Some((name, _)) = foreign.into_iter().find(|(_, present)| *present) {
            return Err(D::Error::unknown_field(name, &[]));
        }
        Ok(match store {
            Store::SharedData => Self::SharedData {
                cold_margin_seconds: cold_margin_seconds.unwrap_or(COLD_MARGIN_SECONDS),
                bucket_bytes: bucket_bytes.unwrap_or(BUCKET_BYTES),
                multi_replica: multi_replica.unwrap_or(false),
                replicas: replicas.unwrap_or(1),
            },
            Store::Callout => Self::Callout {
                cluster: cluster.ok_or_else(|| D::Error::missing_field("cluster"))?,
                authority: authority.ok_or_else(|| D::Error::missing_field("authority"))?,
                path: path.unwrap_or_else(|| String::from("/v1/replay/consume")),
                timeout_ms: timeout_ms.unwrap_or(250),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::FilterConfig;
    use super::super::tests::{refusal, text};
    use super::*;

    #[test]
    fn faults_of_the_replay_store_are_named_with_their_place() {
        let alone = "shared_data is the memory of one Envoy: each replica would admit a passport once; use callout";
        let callout = r#""store":"callout","cluster":"c","authority":"a""#;
        for (members, error) in [
            (
                r#""store":"redis""#.into(),
                "/replay/store: expected \"shared_data\" or \"callout\", found \"redis\"".into(),
            ),
            (r#""replicas":1"#.into(), "/replay/store: missing member".into()),
            (r#""store":"shared_data","replicas":2"#.into(), format!("/replay: {alone}")),
            (r#""store":"shared_data","multi_replica":true"#.into(), format!("/replay: {alone}")),
            (
                r#""store":"shared_data","replicas":0"#.into(),
                "/replay/replicas: expected an integer of at least 1, found 0".into(),
            ),
            (
                r#""store":"shared_data","bucket_bytes":1023"#.into(),
                "/replay/bucket_bytes: expected an integer from 1024 to 65536, found 1023".into(),
            ),
            (
                r#""store":"shared_data","bucket_bytes":65537"#.into(),
                "/replay/bucket_bytes: expected an integer from 1024 to 65536, found 65537".into(),
            ),
            (r#""store":"shared_data","timeout_ms":5"#.into(), "/replay/timeout_ms: unknown member".into()),
            (r#""store":"callout","authority":"a""#.into(), "/replay/cluster: missing member".into()),
            (r#""store":"callout","cluster":"c""#.into(), "/replay/authority: missing member".into()),
            (
                format!(r#"{callout},"timeout_ms":0"#),
                "/replay/timeout_ms: expected an integer from 1 to 60000, found 0".into(),
            ),
            (
                format!(r#"{callout},"timeout_ms":60001"#),
                "/replay/timeout_ms: expected an integer from 1 to 60000, found 60001".into(),
            ),
            (format!(r#"{callout},"path":"x"#) + "\"", "/replay/path: expected a plain path".into()),
            (format!(r#"{callout},"bucket_bytes":2048"#), "/replay/bucket_bytes: unknown member".into()),
            (callout.replace("\"c\"", "\"a b\""), "/replay/cluster: expected the name of an Envoy cluster".into()),
            (
                callout.replace("\"a\"", "\"A\""),
                "/replay/authority: expected host or host:port in lower case, found \"A\"".into(),
            ),
        ] as [(String, String); 16]
        {
            assert_eq!(refusal(&text(&format!(r#","replay":{{{members}}}"#))), error);
        }
        let many = text(&format!(r#","replay":{{{callout},"multi_replica":true,"replicas":9}}"#));
        assert!(FilterConfig::parse(many.as_bytes()).is_ok());
    }
}
