//! The cases, as `cases/materialise.py` writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// All cases, and the configurations they run under.
#[derive(Debug, Deserialize)]
pub struct Cases {
    /// Configurations by name.
    pub profiles: BTreeMap<String, Profile>,
    /// In the order of the files.
    pub cases: Vec<Case>,
}

/// A configuration of the filter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What is particular about it.
    pub comment: String,
    /// When the host was given it.
    pub fetched_at: u64,
    /// The exact text. Some are broken on purpose.
    pub config: String,
}

/// One request and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique.
    pub name: String,
    /// The file it stands in.
    pub topic: String,
    /// The rule it tests.
    pub comment: String,
    /// The configuration it runs under.
    pub profile: String,
    /// The verifier's clock.
    pub now: u64,
    /// Whether the caller's connection is TLS.
    pub tls: bool,
    /// `:method`.
    pub method: Bytes,
    /// `:path`, with the query.
    pub target: Bytes,
    /// `:authority`.
    pub authority: Bytes,
    /// All other headers, in order, repeats included.
    pub headers: Vec<(String, Bytes)>,
    /// The body, in the parts it arrives in.
    pub body_chunks: Vec<Bytes>,
    /// Empty when there are none.
    pub trailers: Vec<(String, Bytes)>,
    /// What the replay store says.
    pub store: Store,
    /// What must come out.
    pub expect: Expect,
    /// What is different in a real Envoy.
    pub envoy: Option<InEnvoy>,
}

/// The state of the replay store.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// It began after the passport was issued.
    Cold,
    /// It has never seen the passport.
    Fresh,
    /// It has no room.
    Full,
    /// It consumed the passport before.
    Replayed,
    /// It does not answer.
    Unavailable,
}

/// The verdict, and what follows from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `allow` or `deny`.
    pub decision: String,
    /// The reason code.
    pub reason: String,
    /// The status that the caller gets; 200 for an allow.
    pub status: u16,
    /// The digest in the audit event; absent when it may not be known.
    pub transcript_sha256: Option<String>,
    /// The claims in the audit event; absent when they may not be there.
    pub claims: Option<BTreeMap<String, String>>,
    /// What the upstream is told; absent when it sees nothing.
    pub upstream: Option<UpstreamHeaders>,
}

/// What an allowed request tells the upstream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeaders {
    /// Each exactly once, with this value.
    pub set: BTreeMap<String, String>,
    /// Not there at all.
    pub absent: Vec<String>,
}

/// What is different in a real Envoy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InEnvoy {
    /// Why its state cannot be brought about there.
    pub skip: Option<String>,
    /// The version of HTTP that it takes.
    pub http: Option<u8>,
    /// What the caller gets instead.
    pub status: Option<u16>,
    /// The filter's reason for that; without one, Envoy answers before the filter.
    pub reason: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// A string in JSON where the bytes are UTF-8, else `{"hex": "…"}`.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Bytes(pub Vec<u8>);

impl Cases {
    /// Reads the file's text.
    pub fn read(text: &str) -> Result<Self, String> {
        let cases: Self = serde_json::from_str(text).map_err(|error| format!("the cases: {error}"))?;
        for case in &cases.cases {
            if !cases.profiles.contains_key(&case.profile) {
                return Err(format!("{}: no profile is named {}", case.name, case.profile));
            }
        }
        Ok(cases)
    }

    /// The committed cases.
    pub fn committed() -> Self {
        Self::read(include_str!("../cases/materialised.json")).expect("the committed cases are well formed")
    }

    /// The configuration of a case.
    pub fn profile(&self, case: &Case) -> &Profile {
        // `read` has seen that it is there.
        &self.profiles[&case.profile]
    }
}

impl Case {
    /// Whether the request passes.
    pub fn allowed(&self) -> bool {
        self.expect.decision == "allow"
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.body_chunks.iter().flat_map(|chunk| &chunk.0).copied().collect()
    }

    /// Whether the verdict falls before the replay store is asked.
    pub fn settled_before_replay(&self) -> bool {
        let asked = ["jti_replay", "replay_store_unavailable", "replay_store_full", "replay_store_cold"];
        !self.allowed() && !asked.contains(&self.expect.reason.as_str())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Hex { hex: String },
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text.into_bytes())),
            Written::Hex { hex } => decoded(&hex).map(Self).ok_or_else(|| de::Error::custom("not hex digits")),
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_hex() {
        let read = |json| serde_json::from_str::<Bytes>(json).map(|bytes| bytes.0).ok();
        assert_eq!(read(r#""aé""#), Some("aé".into()));
        assert_eq!(read(r#"{"hex": "00ff"}"#), Some(vec![0, 255]));
        for bad in [r#"{"hex": "0"}"#, r#"{"hex": "0g"}"#, r#"{"hex": "éa"}"#, "1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn committed_cases_have_unique_names() {
        let cases = Cases::committed();
        let mut names: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
