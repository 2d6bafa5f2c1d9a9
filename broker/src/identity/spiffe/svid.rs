use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime as ChainTime};
use spiffe::SpiffeId;
use trustplane_core::{UnixTime, sha256};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;
use x509_parser::prelude::FromDer as _;

use super::fault::SvidFault;
use super::rules::SvidRules;

/// An X.509-SVID that its own trust domain's bundle vouches for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Svid {
    /// The workload.
    pub id: String,
    /// SHA-256 of the leaf.
    pub fingerprint: [u8; 32],
    /// Every certificate of the chain, the root's too, is valid from here…
    pub not_before: UnixTime,
    /// … to here.
    pub not_after: UnixTime,
}

/// When a certificate is valid, in seconds.
#[derive(Clone, Copy)]
struct Window(u64, u64);

impl Svid {
    /// Verifies a chain of DER certificates, leaf first, by X509-SVID sections 2 to 5; what `now` has to do
    /// with it is [`SvidRules::current`]'s.
    ///
    /// `authorities` are those of the leaf's own trust domain: a federated bundle proves nothing here.
    pub fn verify(chain: &[&[u8]], authorities: &[&[u8]], rules: &SvidRules, now: UnixTime) -> Result<Self, SvidFault> {
        let Some((leaf_der, between)) = chain.split_first() else { return Err(SvidFault::Absent) };
        let leaf = parse(leaf_der)?;
        check_leaf(&leaf)?;
        let id = spiffe_id(&leaf)?;
        rules.admit(&id)?;
        let mut window = Window::of(&leaf);
        for der in between {
            let certificate = parse(der)?;
            check_authority(&certificate)?;
            window = window.and(Window::of(&certificate));
        }
        let window = trusted(leaf_der, between, authorities, window, now)?;
        Ok(Self {
            id: id.to_string(),
            fingerprint: sha256(leaf_der),
            not_before: UnixTime::from_secs(window.0),
            not_after: UnixTime::from_secs(window.1),
        })
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, SvidFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(SvidFault::TrailingData),
        Err(_) => Err(SvidFault::Malformed),
    }
}

/// Whether the basic constraints make it an authority; ones that cannot be read are no answer.
fn is_authority(certificate: &X509Certificate<'_>) -> Result<bool, SvidFault> {
    let stated = certificate.get_extension_unique(&OID_X509_EXT_BASIC_CONSTRAINTS).map_err(|_| SvidFault::Malformed)?;
    let read = certificate.basic_constraints().map_err(|_| SvidFault::Malformed)?;
    match (stated, read) {
        (None, _) => Ok(false),
        (Some(_), Some(constraints)) => Ok(constraints.value.ca),
        (Some(_), None) => Err(SvidFault::Malformed),
    }
}

/// X509-SVID sections 4.1 and 4.3.
fn check_leaf(leaf: &X509Certificate<'_>) -> Result<(), SvidFault> {
    if is_authority(leaf)? {
        return Err(SvidFault::LeafIsAuthority);
    }
    let usage = leaf.key_usage().map_err(|_| SvidFault::Malformed)?.ok_or(SvidFault::NoDigitalSignature)?;
    if usage.value.key_cert_sign() || usage.value.crl_sign() {
        return Err(SvidFault::LeafSigns);
    }
    if !usage.value.digital_signature() {
        return Err(SvidFault::NoDigitalSignature);
    }
    if usage.critical { Ok(()) } else { Err(SvidFault::KeyUsageNotCritical) }
}

/// Path building does not look at key usage.
fn check_authority(certificate: &X509Certificate<'_>) -> Result<(), SvidFault> {
    let usage = certificate.key_usage().map_err(|_| SvidFault::Malformed)?;
    let signs = usage.is_some_and(|usage| usage.value.key_cert_sign());
    if is_authority(certificate)? && signs { Ok(()) } else { Err(SvidFault::BadIntermediate) }
}

/// Exactly one URI name, whatever other names there are: X509-SVID section 2.
fn spiffe_id(leaf: &X509Certificate<'_>) -> Result<SpiffeId, SvidFault> {
    let names = leaf.subject_alternative_name().map_err(|_| SvidFault::Malformed)?;
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uri = uris.next().ok_or(SvidFault::NoUri)?;
    if uris.next().is_some() {
        return Err(SvidFault::SeveralUris);
    }
    // A name that could be written in two ways would be compared in one of them.
    let id = SpiffeId::new(uri).ok().filter(|id| !id.path().is_empty() && id.to_string() == uri);
    id.ok_or(SvidFault::NotSpiffeId)
}

/// The window in which the chain and one of the authorities hold; the one that holds longest, of several.
fn trusted(
    leaf: &[u8],
    between: &[&[u8]],
    authorities: &[&[u8]],
    window: Window,
    now: UnixTime,
) -> Result<Window, SvidFault> {
    if authorities.is_empty() {
        return Err(SvidFault::NoBundle);
    }
    let leaf = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&leaf).map_err(|_| SvidFault::Malformed)?;
    let between: Vec<_> = between.iter().map(|der| CertificateDer::from(*der)).collect();
    let windows = authorities.iter().filter_map(|der| {
        let own = window.and(Window::of(&parse(der).ok()?));
        let der = CertificateDer::from(*der);
        let anchor = anchor_from_trusted_cert(&der).ok()?;
        signs(&anchor, &leaf, &between, own.clamp(now)?).then_some(own)
    });
    windows.max_by_key(|window| window.1).ok_or(SvidFault::Untrusted)
}

/// An extended key usage, where there is one, must let the SVID be used by a client.
fn signs(anchor: &TrustAnchor<'_>, leaf: &EndEntityCert<'_>, between: &[CertificateDer<'_>], at: u64) -> bool {
    let at = ChainTime::since_unix_epoch(std::time::Duration::from_secs(at));
    let (anchors, usage) = (std::slice::from_ref(anchor), KeyUsage::client_auth());
    leaf.verify_for_usage(ALL_VERIFICATION_ALGS, anchors, between, at, usage, None, None).is_ok()
}

impl Window {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        let seconds = |time: i64| u64::try_from(time).unwrap_or_default();
        Self(seconds(validity.not_before.timestamp()), seconds(validity.not_after.timestamp()))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.min(other.1))
    }

    /// The moment in it that is nearest to `now`: signatures hold as well before the window as in it, and
    /// whether now is in it is asked again at each use.
    fn clamp(self, now: UnixTime) -> Option<u64> {
        (self.0 <= self.1).then(|| now.as_secs().clamp(self.0, self.1))
    }
}
