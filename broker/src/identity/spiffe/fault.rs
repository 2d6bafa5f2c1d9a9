use std::fmt;

use trustplane_core::Reason;

/// Why an SVID vouches for nobody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SvidFault {
    /// The Workload API gave no certificate.
    Absent,
    /// Bytes follow the certificate.
    TrailingData,
    /// Not an X.509 certificate, or one with a broken or repeated extension.
    Malformed,
    /// The leaf may sign certificates: it is an authority's, not a workload's.
    LeafIsAuthority,
    /// The leaf's key usage lets it sign certificates or revocation lists.
    LeafSigns,
    /// The leaf names no key usage, or one without `digitalSignature`.
    NoDigitalSignature,
    /// The leaf's key usage is not critical.
    KeyUsageNotCritical,
    /// The leaf has no URI among its names.
    NoUri,
    /// The leaf has several.
    SeveralUris,
    /// Its URI is not a SPIFFE ID of a workload, in its one form.
    NotSpiffeId,
    /// The ID is of another trust domain.
    WrongTrustDomain(String),
    /// Nobody allowed this ID.
    NotAllowed(String),
    /// A certificate between leaf and root is not an authority's.
    BadIntermediate,
    /// There is no authority for the trust domain.
    NoBundle,
    /// No authority of the trust domain signed this chain.
    Untrusted,
    /// It is not valid before this second.
    NotYetValid(u64),
    /// It is not valid after this second, or is so near to it that it counts for nothing.
    Expired(u64),
}

impl SvidFault {
    /// The contract's code for it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::WrongTrustDomain(_) => Reason::SpiffeTrustDomainMismatch,
            Self::NotAllowed(_) => Reason::SpiffeIdNotAllowed,
            Self::Expired(_) => Reason::SvidExpired,
            _ => Reason::WorkloadIdentityUnavailable,
        }
    }
}

impl fmt::Display for SvidFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Absent => "the SVID holds no certificate",
            Self::TrailingData => "bytes follow a certificate of the SVID",
            Self::Malformed => "the SVID's leaf is not an X.509 certificate with sound extensions",
            Self::LeafIsAuthority => "the SVID's leaf is an authority's certificate",
            Self::LeafSigns => "the SVID's leaf may sign certificates or revocation lists",
            Self::NoDigitalSignature => "the SVID's leaf lacks the key usage digitalSignature",
            Self::KeyUsageNotCritical => "the key usage of the SVID's leaf is not critical",
            Self::NoUri => "the SVID's leaf has no URI name",
            Self::SeveralUris => "the SVID's leaf has several URI names",
            Self::NotSpiffeId => "the URI name of the SVID's leaf is not the SPIFFE ID of a workload",
            Self::BadIntermediate => "an intermediate certificate of the SVID is not an authority's",
            Self::NoBundle => "there is no bundle of the SVID's trust domain",
            Self::Untrusted => "no authority of the SVID's trust domain signed it",
            Self::WrongTrustDomain(domain) => return write!(f, "the SVID is of the trust domain {domain}"),
            Self::NotAllowed(id) => return write!(f, "{id} is not among the SPIFFE IDs allowed"),
            Self::NotYetValid(at) => return write!(f, "the SVID is not valid before {at}"),
            Self::Expired(at) => return write!(f, "the SVID expires at {at}"),
        };
        f.write_str(text)
    }
}

impl std::error::Error for SvidFault {}
