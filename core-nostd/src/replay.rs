use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::encoding::hex;
use crate::time::UnixTime;

/// What the replay store must consume before a request may pass.
///
/// A `jti` is unique only for its issuer, so the id is a digest over both.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ReplayKey {
    id: [u8; 32],
    issued_at: UnixTime,
    keep_until: UnixTime,
}

/// A replay store's answer.
///
/// `Fresh` for a passport that was seen before admits a request twice: the one thing this system
/// promises not to do. Any other answer for a new passport costs its caller a retry with a new
/// one. So a store that is in doubt never says `Fresh`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Consumed {
    /// The store began to remember only after the passport was issued.
    Cold,
    /// Never seen before, and remembered from now on.
    Fresh,
    /// No room is left among live entries.
    Full,
    /// Seen before.
    Replayed,
    /// No usable answer.
    Unavailable,
}

impl ReplayKey {
    pub(crate) fn new(issuer: &str, jti: &str, issued_at: UnixTime, keep_until: UnixTime) -> Self {
        let digest = Sha256::new().chain_update(issuer).chain_update("\n").chain_update(jti);
        Self { id: digest.finalize().into(), issued_at, keep_until }
    }

    /// SHA-256 of `iss LF jti`.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// When the passport was issued.
    pub const fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// Until when the store must remember: `exp + 2 × skew`, for verifiers' clocks differ.
    pub const fn keep_until(&self) -> UnixTime {
        self.keep_until
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", hex(&self.id), self.keep_until.as_secs())
    }
}
