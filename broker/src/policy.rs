mod file;
mod wire;

use std::collections::BTreeSet;

use trustplane_core::json::{JsonError, Limits, check_present, decode, parse};

use crate::peer::Peer;

pub use file::PolicyFileError;
pub use wire::{WireCaller, WirePeer, WirePolicy, WireRequest};

/// What the broker may issue, and to whom. Nothing that it does not list is signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// `iss` of every passport.
    pub issuer: String,
    /// The issuer key's id, as verifiers know it.
    pub kid: String,
    /// `trust_domain` of every passport.
    pub trust_domain: String,
    /// The policy's own name, for audit events.
    pub policy_id: Option<String>,
    /// Its version, for audit events.
    pub policy_version: Option<String>,
    callers: Vec<Caller>,
}

/// One kind of peer and what it may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    uid: Option<u32>,
    gid: Option<u32>,
    executable: Option<String>,
    /// `sub` of its passports.
    pub subject: String,
    /// How long they live.
    pub ttl_seconds: u64,
    context_fields: BTreeSet<String>,
    requests: Vec<Allowed>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Allowed {
    audience: String,
    route_id: String,
    methods: BTreeSet<String>,
}

/// What a peer asks for, as far as policy looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Tuple<'a> {
    /// The audience.
    pub audience: &'a str,
    /// The route.
    pub route_id: &'a str,
    /// The method.
    pub method: &'a str,
    /// Context that is to enter the passport.
    pub context: &'a [(String, String)],
}

impl Policy {
    /// Reads and checks a policy document.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let document = parse(bytes, Limits::DOCUMENT)?;
        check_present(&document)?;
        let wire: WirePolicy = decode(&document)?;
        wire.compile()
    }

    /// Whether any caller is this peer.
    pub fn knows(&self, peer: &Peer) -> bool {
        self.callers.iter().any(|caller| caller.is(peer))
    }

    /// The first caller that is this peer and may have all of this.
    pub fn permit(&self, peer: &Peer, tuple: &Tuple<'_>) -> Option<&Caller> {
        self.callers.iter().find(|caller| caller.is(peer) && caller.may_have(tuple))
    }

    /// The longest life any passport can have: nonces are remembered that long.
    pub fn longest_ttl_seconds(&self) -> u64 {
        self.callers.iter().map(|caller| caller.ttl_seconds).max().unwrap_or_default()
    }

    /// How many kinds of callers are listed.
    pub const fn callers(&self) -> usize {
        self.callers.len()
    }
}

/// The JSON Schema of the policy.
#[cfg(feature = "schema")]
pub fn policy_schema() -> serde_json::Value {
    trustplane_core::schema::read::<WirePolicy>(
        "TrustPlane broker policy",
        "What the broker may issue, and to whom. Nothing that it does not list is signed.",
    )
}

impl Caller {
    /// Every selector that is set must be a known fact of the peer: what is unknown matches none.
    fn is(&self, peer: &Peer) -> bool {
        self.uid.is_none_or(|uid| peer.uid.known() == Some(&uid))
            && self.gid.is_none_or(|gid| peer.gid.known() == Some(&gid))
            && self.executable.as_ref().is_none_or(|path| peer.process.known() == Some(path))
    }

    fn may_have(&self, tuple: &Tuple<'_>) -> bool {
        self.requests.iter().any(|allowed| {
            allowed.audience == tuple.audience
                && allowed.route_id == tuple.route_id
                && allowed.methods.contains(tuple.method)
        }) && tuple.context.iter().all(|(name, _)| self.context_fields.contains(name))
    }
}
