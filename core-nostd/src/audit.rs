use alloc::string::String;
use alloc::sync::Arc;

use serde::Serialize;

use crate::binding::KeyBinding;
use crate::encoding::hex;
use crate::reason::Reason;
use crate::time::UnixTime;

const VERSION: &str = "trustplane-auth-audit-event-v0.1";

/// The part that decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The reverse proxy.
    Adapter,
    /// The local issuer.
    Broker,
    /// The filter, the tower layer, the command line.
    Verifier,
}

/// What is known of a request when its decision falls.
///
/// Claims enter only after the passport's signature verified. There is no field for a key, a
/// passport, a proof or a header value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trail {
    /// The broker's request id, or the host's.
    pub request_id: Option<Arc<str>>,
    /// The route that policy matched.
    pub route_id: Option<Arc<str>>,
    /// That route's audience.
    pub audience: Option<Arc<str>>,
    /// `iss`.
    pub issuer: Option<Arc<str>>,
    /// `sub`.
    pub subject: Option<Arc<str>>,
    /// `jti`.
    pub jti: Option<Arc<str>>,
    /// `cnf.key_binding`.
    pub key_binding: Option<KeyBinding>,
    /// The lowest class the route takes.
    pub required_key_binding: Option<KeyBinding>,
    /// The transcript that was rebuilt from the request.
    pub transcript_sha256: Option<[u8; 32]>,
    /// The policy bundle's name for itself.
    pub policy_id: Option<Arc<str>>,
    /// The policy bundle's version of itself.
    pub policy_version: Option<Arc<str>>,
    /// `provenance.profile`.
    pub source_profile: Option<Arc<str>>,
    /// `provenance.spiffe_id`.
    pub source_spiffe_id: Option<Arc<str>>,
    /// The process that asked a broker.
    pub peer: Option<PeerClaim>,
}

/// A process that asked a broker; each member is a value, `unknown` or `unsupported`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeerClaim {
    /// User id.
    pub uid: String,
    /// Group id.
    pub gid: String,
    /// Process id.
    pub pid: String,
    /// Path of the executable.
    pub process: String,
}

/// One decision, as `trustplane-auth-audit-event-v0.1`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEvent {
    /// When it fell.
    pub occurred_at: UnixTime,
    /// Why.
    pub reason: Reason,
    /// About what.
    pub trail: Trail,
}

/// The event's members in the order they are written.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AuditEvent", deny_unknown_fields, transform = crate::schema::outcome))]
pub(crate) struct Wire<'a> {
    /// `trustplane-auth-audit-event-v0.1`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    version: &'static str,
    /// RFC 3339, UTC.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    occurred_at: String,
    /// The part that decided.
    component: Component,
    /// `allow` or `deny`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["allow", "deny"])))]
    outcome: &'static str,
    /// The same, for machines.
    accepted: bool,
    /// Why: a stable code.
    #[cfg_attr(feature = "schema", schemars(with = "Reason"))]
    reason_code: &'static str,
    /// Why, in a sentence.
    detail_reason: &'static str,
    /// The broker's request id, or the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// The route that policy matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    route_id: Option<&'a str>,
    /// That route's audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    /// `iss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    /// `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    /// `cnf.key_binding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<KeyBinding>"))]
    key_binding: Option<&'static str>,
    /// The lowest class the route takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<KeyBinding>"))]
    required_key_binding: Option<&'static str>,
    /// The transcript that was rebuilt from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Digest>"))]
    transcript_sha256: Option<String>,
    /// The policy's name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_id: Option<&'a str>,
    /// The policy's version of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version: Option<&'a str>,
    /// `provenance.profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_profile: Option<&'a str>,
    /// `provenance.spiffe_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_spiffe_id: Option<&'a str>,
    /// The process that asked a broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a PeerClaim>,
}

impl AuditEvent {
    /// Whether the decision was to allow.
    pub const fn accepted(&self) -> bool {
        matches!(self.reason, Reason::RequestAllowed | Reason::BrokerPassportIssued)
    }

    /// One line of JSON.
    pub fn to_json(&self, component: Component) -> String {
        let accepted = self.accepted();
        let trail = &self.trail;
        let wire = Wire {
            version: VERSION,
            occurred_at: self.occurred_at.rfc3339(),
            component,
            outcome: if accepted { "allow" } else { "deny" },
            accepted,
            reason_code: self.reason.as_str(),
            detail_reason: self.reason.explain(),
            request_id: trail.request_id.as_deref(),
            route_id: trail.route_id.as_deref(),
            audience: trail.audience.as_deref(),
            issuer: trail.issuer.as_deref(),
            subject: trail.subject.as_deref(),
            jti: trail.jti.as_deref(),
            key_binding: trail.key_binding.map(KeyBinding::as_str),
            required_key_binding: trail.required_key_binding.map(KeyBinding::as_str),
            transcript_sha256: trail.transcript_sha256.as_ref().map(hex),
            policy_id: trail.policy_id.as_deref(),
            policy_version: trail.policy_version.as_deref(),
            source_profile: trail.source_profile.as_deref(),
            source_spiffe_id: trail.source_spiffe_id.as_deref(),
            peer: trail.peer.as_ref(),
        };
        // Strings, booleans and an enum always serialise.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_what_is_known_and_nothing_else() {
        let event = AuditEvent {
            occurred_at: UnixTime::from_secs(1_740_000_000),
            reason: Reason::JtiReplay,
            trail: Trail { jti: Some("j-1".into()), key_binding: Some(KeyBinding::Software), ..Trail::default() },
        };
        assert_eq!(
            event.to_json(Component::Verifier),
            r#"{"version":"trustplane-auth-audit-event-v0.1","occurred_at":"2025-02-19T21:20:00Z","component":"verifier","outcome":"deny","accepted":false,"reason_code":"jti_replay","detail_reason":"The passport was presented before.","jti":"j-1","key_binding":"software"}"#
        );
    }

    #[test]
    fn the_facts_about_a_peer_stand_last() {
        let peer = PeerClaim { uid: "7".into(), gid: "8".into(), pid: "9".into(), process: "unknown".into() };
        let event = AuditEvent {
            occurred_at: UnixTime::from_secs(1_740_000_000),
            reason: Reason::BrokerPeerDenied,
            trail: Trail { peer: Some(peer), ..Trail::default() },
        };
        assert_eq!(
            event.to_json(Component::Broker),
            r#"{"version":"trustplane-auth-audit-event-v0.1","occurred_at":"2025-02-19T21:20:00Z","component":"broker","outcome":"deny","accepted":false,"reason_code":"broker_peer_denied","detail_reason":"No rule of the broker's policy names this peer.","peer":{"uid":"7","gid":"8","pid":"9","process":"unknown"}}"#
        );
    }
}
