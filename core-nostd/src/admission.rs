use crate::audit::{AuditEvent, Trail};
use crate::decision::{Allowed, Denied, Upstream};
use crate::reason::Reason;
use crate::replay::{Consumed, ReplayKey};
use crate::time::UnixTime;

/// A request with but one question left: was its passport consumed before?
///
/// ```compile_fail,E0382
/// # use trustplane_core::{Admission, Consumed, UnixTime};
/// fn twice(admission: Admission, now: UnixTime) {
///     let _ = admission.conclude(Consumed::Fresh, now);
///     let _ = admission.conclude(Consumed::Fresh, now);
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Admission {
    /// The last moment, skew included, is the one before.
    expires_at: UnixTime,
    replay_key: ReplayKey,
    upstream: Upstream,
    trail: Trail,
}

impl Admission {
    pub(crate) const fn new(replay_key: ReplayKey, expires_at: UnixTime, upstream: Upstream, trail: Trail) -> Self {
        Self { expires_at, replay_key, upstream, trail }
    }

    pub(crate) const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What the replay store must consume.
    pub const fn replay_key(&self) -> &ReplayKey {
        &self.replay_key
    }

    /// Check 13: the store's answer decides.
    pub fn conclude(self, consumed: Consumed, now: UnixTime) -> Result<Allowed, Denied> {
        let reason = match consumed {
            Consumed::Fresh => match self.check_expiry(now) {
                Ok(()) => {
                    let event = AuditEvent { occurred_at: now, reason: Reason::RequestAllowed, trail: self.trail };
                    return Ok(Allowed { event, upstream: self.upstream });
                }
                Err(reason) => reason,
            },
            Consumed::Cold => Reason::ReplayStoreCold,
            Consumed::Full => Reason::ReplayStoreFull,
            Consumed::Replayed => Reason::JtiReplay,
            Consumed::Unavailable => Reason::ReplayStoreUnavailable,
        };
        Err(Denied::new(reason, now, self.trail))
    }

    /// Gives the request up for a fault of the host.
    pub fn deny(self, reason: Reason, now: UnixTime) -> Denied {
        Denied::new(reason, now, self.trail)
    }

    pub(crate) fn check_expiry(&self, now: UnixTime) -> Result<(), Reason> {
        if now >= self.expires_at {
            return Err(Reason::PassportExpired);
        }
        Ok(())
    }
}
