use sha2::{Digest as _, Sha256};

use crate::admission::Admission;
use crate::decision::{Denied, Upstream};
use crate::encoding::SHA256_OF_NOTHING;
use crate::policy::BodyMode;
use crate::reason::Reason;
use crate::time::UnixTime;

/// A request whose proof covers its head and the body digest it claims.
///
/// The body itself goes through [`Proven::feed`]; no host can bring a digest of its own.
///
/// ```compile_fail,E0599
/// fn skip(proven: trustplane_core::Proven) { proven.conclude(); }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Proven {
    admission: Admission,
    body: Body,
}

/// What is known of the body so far.
#[derive(Debug)]
struct Body {
    mode: BodyMode,
    claimed: [u8; 32],
    /// Nothing before the first byte.
    state: Option<Sha256>,
    /// Bytes that may still come.
    room: u64,
    /// The first fault; nothing that comes later mends it.
    fault: Option<Reason>,
}

impl Proven {
    pub(crate) fn new(admission: Admission, mode: BodyMode, claimed: [u8; 32], room: u64) -> Self {
        Self { admission, body: Body { mode, claimed, state: None, room, fault: None } }
    }

    /// How the route binds the body; a `claimed` one is settled before it comes.
    pub const fn body_mode(&self) -> BodyMode {
        self.body.mode
    }

    /// The edits that a host whose header map closes with the head must make now. The upstream may
    /// see them only after [`Admission::conclude`].
    pub const fn upstream(&self) -> &Upstream {
        self.admission.upstream()
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        let body = &mut self.body;
        match body.mode {
            BodyMode::Claimed => {}
            BodyMode::None if chunk.is_empty() => {}
            BodyMode::None => body.fault(Reason::RequestNotCanonical),
            BodyMode::Hashed => match u64::try_from(chunk.len()).ok().and_then(|len| body.room.checked_sub(len)) {
                Some(room) => {
                    body.room = room;
                    body.state.get_or_insert_default().update(chunk);
                }
                None => body.fault(Reason::BodyTooLarge),
            },
        }
        body.fault.map_or(Ok(()), Err)
    }

    /// Takes note of trailers; no proof covers them.
    pub fn trailers(&mut self) -> Result<(), Reason> {
        if self.body.mode != BodyMode::Claimed {
            self.body.fault(Reason::RequestNotCanonical);
        }
        self.body.fault.map_or(Ok(()), Err)
    }

    /// Gives the request up for a fault of the host.
    pub fn deny(self, reason: Reason, now: UnixTime) -> Denied {
        self.admission.deny(reason, now)
    }

    /// Check 12, after the body's end: it is the one that was signed.
    pub fn settle(self, now: UnixTime) -> Result<Admission, Denied> {
        let Self { admission, body } = self;
        let verdict = match (body.fault, body.mode) {
            (Some(reason), _) => Err(reason),
            (None, BodyMode::Claimed) => Ok(()),
            (None, BodyMode::Hashed | BodyMode::None) => {
                let digest = body.state.map_or(SHA256_OF_NOTHING, |state| state.finalize().into());
                let same = digest == body.claimed;
                if same { Ok(()) } else { Err(Reason::RequestBindingMismatch) }
            }
        };
        // A body held open past the passport's end would outlive the store's memory of it.
        match verdict.and_then(|()| admission.check_expiry(now)) {
            Ok(()) => Ok(admission),
            Err(reason) => Err(admission.deny(reason, now)),
        }
    }
}

impl Body {
    fn fault(&mut self, reason: Reason) {
        self.fault.get_or_insert(reason);
    }
}
