use trustplane_core::{
    AuditEvent, BodyMode, Denied, Head, Header, KeyCache, Opened, Proven, Reason, UnixTime, Verifier, hex_array, sha256,
};

use super::answer::Answer;
use super::explanation::Explanation;
use super::lines::Lines;
use super::store::Store;

/// A request as it would come over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// What the caller dialled, where the policy does not say.
    pub(crate) scheme: String,
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) store: Store,
    /// Whether the answer shows the transcript.
    pub(crate) explain: bool,
    /// The signer's own transcript, to be held against the verifier's.
    pub(crate) signer: Option<Lines>,
}

/// A body, or all that is known of it: it is no longer than the route takes then.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    Digest([u8; 32]),
}

impl Request {
    /// The verifier's own decision. No replay key is consumed.
    pub(crate) fn judge(&self, verifier: &Verifier, now: UnixTime) -> Answer {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let head = Head {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            authority: self.authority.as_bytes(),
            tls: self.scheme == "https",
            headers: &headers,
        };
        let opened = match verifier.open(&head, now) {
            Ok(opened) => opened,
            Err(denied) => return Answer { event: denied.event().clone(), explanation: None },
        };
        let explanation = if self.explain { self.explain(&opened) } else { None };
        let event = match self.conclude(opened, now) {
            Ok(event) => event,
            Err(denied) => denied.event().clone(),
        };
        Answer { event, explanation }
    }

    fn explain(&self, opened: &Opened<'_>) -> Option<Explanation> {
        let covered = self.signer.as_ref().and_then(Lines::covered);
        let text = opened.transcript(covered, self.body.sha256());
        let claimed = self.digest_header("x-trustplane-transcript-sha256")?;
        Some(Explanation { verifier: Lines::of_text(&text), claimed, signer: self.signer.clone() })
    }

    fn conclude(&self, opened: Opened<'_>, now: UnixTime) -> Result<AuditEvent, Denied> {
        let mut proven = opened.prove(&mut KeyCache::none(), now)?;
        let bytes = match &self.body {
            Body::Bytes(bytes) => bytes.as_slice(),
            Body::Digest(digest) if *digest == sha256(b"") => b"",
            // The caller's word is all that such a route asks for.
            Body::Digest(_) if proven.body_mode() == BodyMode::Claimed => b"",
            Body::Digest(digest) => return Ok(self.conclude_unseen(proven, digest, now)),
        };
        if let Err(reason) = proven.feed(bytes) {
            return Err(proven.deny(reason, now));
        }
        let allowed = proven.settle(now)?.conclude(self.store.into(), now)?;
        Ok(allowed.event().clone())
    }

    /// What would become of a body that is not empty and not here. The core admits nothing without
    /// having seen it, so this makes an event and no admission.
    fn conclude_unseen(&self, proven: Proven, digest: &[u8; 32], now: UnixTime) -> AuditEvent {
        let reason = match proven.body_mode() {
            BodyMode::None => Reason::RequestNotCanonical,
            _ if self.digest_header("x-trustplane-body-sha256") != Some(*digest) => Reason::RequestBindingMismatch,
            _ => self.store.reason(),
        };
        proven.deny(reason, now).event().clone()
    }

    fn digest_header(&self, name: &str) -> Option<[u8; 32]> {
        let (_, value) = self.headers.iter().find(|(own, _)| own == name)?;
        hex_array(value.trim_matches([' ', '\t']).as_bytes())
    }
}

impl Body {
    fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Bytes(bytes) => sha256(bytes),
            Self::Digest(digest) => *digest,
        }
    }
}
