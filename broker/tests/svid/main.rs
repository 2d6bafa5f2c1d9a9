//! X.509-SVIDs that break one rule each, and what is said of each.

mod authority;

use authority::{Change, ID, NOW, below, judge, leaf, root, seconds, verify, with_ids};
use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType, date_time_ymd,
};
use trustplane_broker::{Svid, SvidFault};
use trustplane_core::{Reason, UnixTime, sha256};

#[test]
fn a_sound_svid_names_its_workload_and_its_time() {
    let (by, certificate) = root(|_| ());
    let leaf = leaf(&by, |_| ());
    let svid = verify(&[&leaf], &[&certificate], NOW).unwrap();
    assert_eq!(
        svid,
        Svid {
            id: ID.into(),
            fingerprint: sha256(&leaf),
            not_before: UnixTime::from_secs(seconds(2030, 5, 31)),
            not_after: UnixTime::from_secs(seconds(2030, 6, 3)),
        }
    );
}

#[test]
fn other_names_beside_the_one_uri_are_no_fault() {
    let names: Change = |leaf| leaf.subject_alt_names.push(SanType::DnsName("orders.test".try_into().unwrap()));
    assert_eq!(judge(names).unwrap().id, ID);
}

#[test]
fn a_leaf_without_basic_constraints_or_extended_usage_is_none_of_an_authority() {
    assert_eq!(with_ids(&["spiffe://td.test/ns/stock/sa/any"]).unwrap().id, "spiffe://td.test/ns/stock/sa/any");
}

#[test]
fn a_leaf_that_breaks_a_rule_is_refused_for_that_rule() {
    let rows: [(&str, Change, SvidFault); 10] = [
        ("an authority's", |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), SvidFault::LeafIsAuthority),
        ("may sign certificates", |leaf| leaf.key_usages.push(KeyUsagePurpose::KeyCertSign), SvidFault::LeafSigns),
        ("may sign revocation lists", |leaf| leaf.key_usages.push(KeyUsagePurpose::CrlSign), SvidFault::LeafSigns),
        (
            "without digitalSignature",
            |leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
            SvidFault::NoDigitalSignature,
        ),
        ("without a key usage", |leaf| leaf.key_usages.clear(), SvidFault::NoDigitalSignature),
        (
            "key usage not critical",
            |leaf| {
                leaf.key_usages.clear();
                // BIT STRING, digitalSignature.
                leaf.custom_extensions =
                    vec![CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x03, 0x02, 0x07, 0x80])];
            },
            SvidFault::KeyUsageNotCritical,
        ),
        (
            "key usage that is none",
            |leaf| {
                leaf.key_usages.clear();
                leaf.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x05, 0x00])];
            },
            SvidFault::Malformed,
        ),
        (
            "for servers alone",
            |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            SvidFault::Untrusted,
        ),
        (
            "an unknown critical extension",
            |leaf| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 5], vec![0x05, 0x00]);
                unknown.set_criticality(true);
                leaf.custom_extensions = vec![unknown];
            },
            SvidFault::Malformed,
        ),
        ("no name at all", |leaf| leaf.subject_alt_names.clear(), SvidFault::NoUri),
    ];
    for (what, change, fault) in rows {
        assert_eq!(judge(change), Err(fault), "{what}");
    }
}

#[test]
fn exactly_one_uri_is_a_name() {
    let dns: Change = |leaf| leaf.subject_alt_names = vec![SanType::DnsName("orders.test".try_into().unwrap())];
    assert_eq!(judge(dns), Err(SvidFault::NoUri));
    assert_eq!(with_ids(&[ID, "spiffe://td.test/ns/stock/sa/other"]), Err(SvidFault::SeveralUris));
    assert_eq!(with_ids(&[ID, ID]), Err(SvidFault::SeveralUris));
    assert_eq!(with_ids(&[ID, "https://orders.test"]), Err(SvidFault::SeveralUris));
}

#[test]
fn a_uri_that_is_not_the_spiffe_id_of_a_workload_in_its_one_form_is_refused() {
    for id in [
        "https://td.test/ns/shop/sa/orders",
        "spiffe:td.test/ns/shop/sa/orders",
        "spiffe://td.test",
        "spiffe://td.test/",
        "spiffe:///ns/shop/sa/orders",
        "spiffe://TD.test/ns/shop/sa/orders",
        "SPIFFE://td.test/ns/shop/sa/orders",
        "spiffe://td.test:443/ns/shop/sa/orders",
        "spiffe://user@td.test/ns/shop/sa/orders",
        "spiffe://td.test/ns/shop/sa/orders/",
        "spiffe://td.test//ns/shop/sa/orders",
        "spiffe://td.test/ns/./shop/sa/orders",
        "spiffe://td.test/ns/../shop/sa/orders",
        "spiffe://td.test/ns/shop/sa/order%73",
        "spiffe://td.test/ns/shop/sa/orders?x=1",
        "spiffe://td.test/ns/shop/sa/orders#x",
        "spiffe://td.test/ns/shop/sa/or ders",
    ] {
        assert_eq!(with_ids(&[id]), Err(SvidFault::NotSpiffeId), "{id}");
    }
}

#[test]
fn an_id_of_another_domain_or_one_that_nobody_allowed_is_refused() {
    for (id, domain) in
        [("spiffe://other.test/ns/shop/sa/orders", "other.test"), ("spiffe://a.td.test/ns/shop/sa/orders", "a.td.test")]
    {
        assert_eq!(with_ids(&[id]), Err(SvidFault::WrongTrustDomain(domain.into())));
    }
    for id in ["spiffe://td.test/ns/shop/sa/orders-admin", "spiffe://td.test/ns/shop", "spiffe://td.test/ns/stock"] {
        assert_eq!(with_ids(&[id]), Err(SvidFault::NotAllowed(id.into())));
    }
}

#[test]
fn an_svid_counts_within_its_time_and_not_in_its_last_seconds() {
    let (by, certificate) = root(|_| ());
    let leaf = leaf(&by, |_| ());
    let at = |seconds| verify(&[&leaf], &[&certificate], UnixTime::from_secs(seconds)).map(drop);
    let (begin, end) = (seconds(2030, 5, 31), seconds(2030, 6, 3));
    assert_eq!(at(begin - 1), Err(SvidFault::NotYetValid(begin)));
    assert_eq!(at(begin), Ok(()));
    assert_eq!(at(end - 6), Ok(()));
    for late in [end - 5, end, end + 1, u64::MAX] {
        assert_eq!(at(late), Err(SvidFault::Expired(end)));
    }
}

#[test]
fn what_is_not_one_whole_certificate_is_refused() {
    let (by, certificate) = root(|_| ());
    let sound = leaf(&by, |_| ());
    let judge = |leaf: &[u8]| verify(&[leaf], &[&certificate], NOW).map(drop);
    assert_eq!(verify(&[], &[&certificate], NOW), Err(SvidFault::Absent));
    assert_eq!(judge(&[&sound[..], &[0]].concat()), Err(SvidFault::TrailingData));
    assert_eq!(judge(&[&sound[..], &sound].concat()), Err(SvidFault::TrailingData));
    for cut in [0, 1, sound.len() / 2, sound.len() - 1] {
        assert_eq!(judge(&sound[..cut]), Err(SvidFault::Malformed), "{cut}");
    }
    assert_eq!(verify(&[&sound, &[0x30]], &[&certificate], NOW), Err(SvidFault::Malformed));
}

#[test]
fn one_bit_of_a_certificate_makes_it_another_one() {
    let (by, certificate) = root(|_| ());
    let sound = leaf(&by, |_| ());
    for index in 0..sound.len() {
        let mut other = sound.clone();
        other[index] ^= 1;
        assert!(verify(&[&other], &[&certificate], NOW).is_err(), "byte {index} of {}", sound.len());
    }
}

#[test]
fn only_an_authority_of_the_bundle_counts() {
    let (by, certificate) = root(|_| ());
    let (_, namesake) = root(|_| ());
    let leaf = leaf(&by, |_| ());
    assert_eq!(verify(&[&leaf], &[], NOW), Err(SvidFault::NoBundle));
    assert_eq!(verify(&[&leaf], &[&namesake], NOW), Err(SvidFault::Untrusted));
    assert_eq!(verify(&[&leaf, &certificate], &[&namesake], NOW), Err(SvidFault::Untrusted));
    assert_eq!(verify(&[&leaf], &[&leaf], NOW), Err(SvidFault::Untrusted));
    assert_eq!(verify(&[&leaf], &[&namesake, &[0x30], &certificate], NOW).unwrap().id, ID);
}

#[test]
fn an_svid_lives_no_longer_than_any_of_those_above_it() {
    let (by, certificate) = root(|root| root.not_after = date_time_ymd(2030, 6, 2));
    let own = leaf(&by, |_| ());
    assert_eq!(verify(&[&own], &[&certificate], NOW).unwrap().not_after.as_secs(), seconds(2030, 6, 2));
    let ended = UnixTime::from_secs(seconds(2030, 6, 2));
    assert_eq!(verify(&[&own], &[&certificate], ended), Err(SvidFault::Expired(ended.as_secs())));
    let (by, certificate) = root(|root| root.not_after = date_time_ymd(2030, 5, 30));
    assert_eq!(verify(&[&leaf(&by, |_| ())], &[&certificate], NOW), Err(SvidFault::Untrusted));
}

#[test]
fn intermediates_are_authorities_that_may_sign_certificates() {
    let (top, certificate) = root(|_| ());
    let (middle, between) = below(&top, |_| ());
    let own = leaf(&middle, |_| ());
    assert_eq!(verify(&[&own, &between], &[&certificate], NOW).unwrap().id, ID);
    assert_eq!(verify(&[&own], &[&certificate], NOW), Err(SvidFault::Untrusted));
    let rows: [(&str, Change, SvidFault); 3] = [
        ("no authority", |between| between.is_ca = IsCa::ExplicitNoCa, SvidFault::BadIntermediate),
        (
            "must not sign certificates",
            |between| between.key_usages = vec![KeyUsagePurpose::CrlSign],
            SvidFault::BadIntermediate,
        ),
        ("expired", |between| between.not_after = date_time_ymd(2030, 6, 1), SvidFault::Expired(1_906_502_400)),
    ];
    for (what, change, fault) in rows {
        let (middle, between) = below(&top, change);
        assert_eq!(verify(&[&leaf(&middle, |_| ()), &between], &[&certificate], NOW), Err(fault), "{what}");
    }
}

#[test]
fn every_fault_has_its_own_words_and_the_contracts_code() {
    let faults = [
        (SvidFault::WrongTrustDomain("d".into()), Reason::SpiffeTrustDomainMismatch),
        (SvidFault::NotAllowed("i".into()), Reason::SpiffeIdNotAllowed),
        (SvidFault::Expired(1), Reason::SvidExpired),
        (SvidFault::NotYetValid(1), Reason::WorkloadIdentityUnavailable),
        (SvidFault::Absent, Reason::WorkloadIdentityUnavailable),
        (SvidFault::TrailingData, Reason::WorkloadIdentityUnavailable),
        (SvidFault::Malformed, Reason::WorkloadIdentityUnavailable),
        (SvidFault::LeafIsAuthority, Reason::WorkloadIdentityUnavailable),
        (SvidFault::LeafSigns, Reason::WorkloadIdentityUnavailable),
        (SvidFault::NoDigitalSignature, Reason::WorkloadIdentityUnavailable),
        (SvidFault::KeyUsageNotCritical, Reason::WorkloadIdentityUnavailable),
        (SvidFault::NoUri, Reason::WorkloadIdentityUnavailable),
        (SvidFault::SeveralUris, Reason::WorkloadIdentityUnavailable),
        (SvidFault::NotSpiffeId, Reason::WorkloadIdentityUnavailable),
        (SvidFault::BadIntermediate, Reason::WorkloadIdentityUnavailable),
        (SvidFault::NoBundle, Reason::WorkloadIdentityUnavailable),
        (SvidFault::Untrusted, Reason::WorkloadIdentityUnavailable),
    ];
    let words: std::collections::BTreeSet<_> = faults.iter().map(|(fault, _)| fault.to_string()).collect();
    assert_eq!(words.len(), faults.len());
    for (fault, reason) in faults {
        assert_eq!(fault.reason(), reason, "{fault}");
    }
}
