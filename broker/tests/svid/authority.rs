use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use trustplane_broker::{Svid, SvidFault, SvidRules};
use trustplane_core::UnixTime;

pub const ID: &str = "spiffe://td.test/ns/shop/sa/orders";
/// Noon of 1 June 2030.
pub const NOW: UnixTime = UnixTime::from_secs(1_906_545_600);

pub type Authority = Issuer<'static, KeyPair>;

/// A change that breaks a rule.
pub type Change = fn(&mut CertificateParams);

pub fn rules() -> SvidRules {
    SvidRules {
        trust_domain: "td.test".parse().unwrap(),
        allowed: vec![ID.parse().unwrap(), "spiffe://td.test/ns/stock/".parse().unwrap()],
        margin_seconds: 5,
    }
}

pub fn authority_params(change: Change) -> CertificateParams {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2030, 1, 1), date_time_ymd(2031, 1, 1));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, "td.test");
    change(&mut params);
    params
}

/// An authority under itself, and its certificate.
pub fn root(change: Change) -> (Authority, Vec<u8>) {
    let (params, key) = (authority_params(change), KeyPair::generate().unwrap());
    let certificate = params.self_signed(&key).unwrap().der().to_vec();
    (Issuer::new(params, key), certificate)
}

/// An authority under another one.
pub fn below(root: &Authority, change: Change) -> (Authority, Vec<u8>) {
    let mut params = authority_params(change);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "between");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, root).unwrap().der().to_vec();
    (Issuer::new(params, key), certificate)
}

pub fn leaf(by: &Authority, change: Change) -> Vec<u8> {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2030, 5, 31), date_time_ymd(2030, 6, 3));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![uri(ID)];
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().to_vec()
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub fn verify(chain: &[&[u8]], authorities: &[&[u8]], now: UnixTime) -> Result<Svid, SvidFault> {
    let rules = rules();
    let svid = Svid::verify(chain, authorities, &rules, now)?;
    rules.current(&svid, now).map(|()| svid)
}

/// What comes of a leaf under a sound root.
pub fn judge(change: Change) -> Result<Svid, SvidFault> {
    let (by, certificate) = root(|_| ());
    verify(&[&leaf(&by, change)], &[&certificate], NOW)
}

pub fn with_ids(ids: &[&str]) -> Result<Svid, SvidFault> {
    let (by, certificate) = root(|_| ());
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2030, 5, 31), date_time_ymd(2030, 6, 3));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = ids.iter().map(|id| uri(id)).collect();
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &by).unwrap();
    verify(&[leaf.der()], &[&certificate], NOW)
}

pub fn seconds(year: i32, month: u8, day: u8) -> u64 {
    date_time_ymd(year, month, day).unix_timestamp().unsigned_abs()
}
