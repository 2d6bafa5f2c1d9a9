use alloc::string::String;

use crate::proof::CoveredHeaders;

/// The deployment's settings for verification.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How far clocks may differ, in seconds.
    pub skew: u64,
    /// The longest life of a passport, in seconds.
    pub max_ttl: u64,
    /// How old a bundle may be on a `realtime` route, in seconds.
    pub realtime_window: u64,
    /// The largest body to hash, where a route names no limit.
    pub max_body_bytes: u64,
    /// The scheme that callers dial, where the policy's API names none.
    pub scheme: Option<String>,
    /// The authority that callers dial, where a proxy in front rewrites it.
    pub authority: Option<String>,
    /// Which headers a proof must cover.
    pub covered: CoveredHeaders,
    /// Whether the upstream sees passport and proof.
    pub forward_credentials: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Clocks under NTP agree within a second; half a minute forgives one that is adrift.
            skew: 30,
            // The official caller signs for 600 s.
            max_ttl: 900,
            // The published window for a file-backed view of policy.
            realtime_window: 5,
            // Envoy's default connection buffer.
            max_body_bytes: 1 << 20,
            scheme: None,
            authority: None,
            covered: CoveredHeaders::default(),
            forward_credentials: false,
        }
    }
}
