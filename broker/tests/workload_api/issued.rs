use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::api::{Say, field};

/// An authority and its certificate.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: Vec<u8>,
}

/// One SVID as the Workload API gives it.
pub struct Given {
    id: String,
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// For an ID, until this second since 1970.
    pub fn issue(&self, id: &str, not_after: u64) -> Given {
        self.issue_as(id, not_after, IsCa::ExplicitNoCa)
    }

    pub fn issue_as(&self, id: &str, not_after: u64, is_ca: IsCa) -> Given {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(not_after);
        params.is_ca = is_ca;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Given { id: id.into(), chain, key: key.serialize_der() }
    }
}

impl Given {
    /// The message, with this bundle.
    pub fn message(&self, bundle: &[u8]) -> Vec<u8> {
        let parts = [(1, self.id.as_bytes()), (2, &self.chain), (3, &self.key), (4, bundle)];
        let present = parts.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        field(1, &present.flat_map(|(number, bytes)| field(number, bytes)).collect::<Vec<_>>())
    }

    /// What is said with it alone.
    pub fn under(&self, authority: &Authority) -> Say {
        say(&[self.message(&authority.certificate)])
    }
}

/// A response of these parts.
pub fn say(parts: &[Vec<u8>]) -> Say {
    Say::Response(Arc::new(parts.concat()))
}

/// A federated trust domain's bundle.
pub fn federated(domain: &str, bundle: &[u8]) -> Vec<u8> {
    field(3, &[field(1, domain.as_bytes()), field(2, bundle)].concat())
}
