/// Writes the enum, its codes, statuses and sentences from one list, so that none can drift.
macro_rules! reasons {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $explain:literal; )+) => {
        /// Why a request was allowed or denied: the one list, for every host and the broker.
        ///
        /// Exhaustive on purpose: a new reason must be handled wherever reasons are. Codes are
        /// never renamed and never reused.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Reason { $( $(#[$doc])* #[doc = $explain] $name, )+ }

        impl Reason {
            /// Every reason, in the order of checks.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $code, )+ }
            }

            /// The HTTP status a verifier answers with.
            pub const fn status(self) -> u16 {
                match self { $( Self::$name => $status, )+ }
            }

            /// One sentence for the audit log; the caller sees the code alone.
            pub const fn explain(self) -> &'static str {
                match self { $( Self::$name => $explain, )+ }
            }
        }
    };
}

reasons! {
    VerifierUnavailable = "verifier_unavailable", 503,
        "The verifier's configuration, clock or host did not answer soundly.";
    BundlePolicyMissing = "bundle_policy_missing", 403,
        "No policy bundle is loaded.";
    MissingPassport = "missing_passport", 401,
        "The request carries no bearer passport.";
    InvalidRequest = "invalid_request", 403,
        "A credential header is missing, repeated or malformed.";
    RequestNotCanonical = "request_not_canonical", 403,
        "The method, path, query, authority, body or trailers are not in the one form a proof can bind.";
    BundleRouteMissing = "bundle_route_missing", 403,
        "No route of the policy bundle matches the method and path.";
    StaleBundleFailClosed = "stale_bundle_fail_closed", 403,
        "The bundles are older than the route's freshness class allows.";
    BundleFreshnessUnknown = "bundle_freshness_unknown", 403,
        "The route's freshness class is not known.";
    InvalidPassport = "invalid_passport", 401,
        "The passport is not a well-formed passport-v1 token.";
    UnknownIssuerKey = "unknown_issuer_key", 401,
        "No key in force is known for the passport's issuer and kid.";
    InvalidPassportSignature = "invalid_passport_signature", 401,
        "The passport's signature is not its issuer's.";
    PassportExpired = "passport_expired", 401,
        "The passport has expired.";
    PassportNotYetValid = "passport_not_yet_valid", 401,
        "The passport is not valid yet.";
    PassportTtlExceeded = "passport_ttl_exceeded", 401,
        "The passport lives longer than the verifier accepts.";
    AudienceMismatch = "audience_mismatch", 403,
        "The passport is for another audience than the route's.";
    TrustDomainMismatch = "trust_domain_mismatch", 403,
        "The passport's trust domain is not its issuer's.";
    SourceIssuerMismatch = "source_issuer_mismatch", 403,
        "No source rule of the route names the passport's issuer.";
    SourceTrustDomainMismatch = "source_trust_domain_mismatch", 403,
        "No source rule of the route names the passport's trust domain.";
    SourceSubjectMismatch = "source_subject_mismatch", 403,
        "No source rule of the route selects the passport's subject.";
    InsufficientKeyBinding = "insufficient_key_binding", 403,
        "The key-binding class is below what is required, or above what its signer may grant.";
    MissingProvenance = "missing_provenance", 403,
        "The route wants provenance and the passport states none.";
    ProvenanceMismatch = "provenance_mismatch", 403,
        "The passport's provenance is not what the route wants.";
    MissingContext = "missing_context", 403,
        "The route wants context and the passport states none.";
    ContextMismatch = "context_mismatch", 403,
        "The passport's context is not what the route wants.";
    PassportRevoked = "passport_revoked", 403,
        "The passport, its key, subject, issuer or source is revoked.";
    RequestBindingMismatch = "request_binding_mismatch", 403,
        "The request is not the one that was signed.";
    InvalidRequestProof = "invalid_request_proof", 403,
        "The proof does not verify under the passport's key.";
    BodyTooLarge = "body_too_large", 413,
        "The body is larger than the route accepts.";
    JtiReplay = "jti_replay", 403,
        "The passport was presented before.";
    ReplayStoreUnavailable = "replay_store_unavailable", 503,
        "The replay store gave no usable answer.";
    ReplayStoreFull = "replay_store_full", 503,
        "The replay store is full of live entries.";
    ReplayStoreCold = "replay_store_cold", 503,
        "The passport was issued before the replay store began to remember.";
    RequestAllowed = "request_allowed", 200,
        "Every check passed and the passport was consumed.";
    BrokerRequestInvalid = "broker_request_invalid", 400,
        "The broker could not read the request, or its parts contradict each other.";
    BrokerUnsupportedOperation = "broker_unsupported_operation", 400,
        "The broker does not know the operation.";
    BrokerPeerDenied = "broker_peer_denied", 403,
        "No rule of the broker's policy names this peer.";
    BrokerRouteDenied = "broker_route_denied", 403,
        "The broker's policy does not allow this peer this request.";
    BrokerNonceStale = "broker_nonce_stale", 403,
        "The nonce was used before.";
    BrokerOverloaded = "broker_overloaded", 503,
        "The broker is at its limit; try again.";
    WorkloadIdentityUnavailable = "workload_identity_unavailable", 503,
        "No current, verified workload identity is at hand; try again.";
    SpiffeIdNotAllowed = "spiffe_id_not_allowed", 403,
        "The workload's SPIFFE ID is not among those allowed.";
    SpiffeTrustDomainMismatch = "spiffe_trust_domain_mismatch", 403,
        "The workload's trust domain is not the one configured.";
    SvidExpired = "svid_expired", 403,
        "The workload's SVID has expired.";
    BrokerPassportIssued = "broker_passport_issued", 200,
        "The broker issued a passport and a proof for this request.";
}

impl Reason {
    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code)
    }
}

impl core::fmt::Display for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.as_str()), Some(*reason));
        }
        assert_eq!(Reason::from_code("reserved_rls_deny"), None, "reserved, never emitted");
    }

    #[test]
    fn documented_statuses_are_fixed() {
        assert_eq!(Reason::MissingPassport.status(), 401);
        assert_eq!(Reason::AudienceMismatch.status(), 403);
        assert_eq!(Reason::BodyTooLarge.status(), 413);
        assert_eq!(Reason::ReplayStoreUnavailable.status(), 503);
    }
}
