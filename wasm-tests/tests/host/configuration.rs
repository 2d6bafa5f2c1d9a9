//! Configurations that are broken: taken, denying everything, and saying where.

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::{answer, input};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, Host, Profile};
use trustplane_wasm_tests::run::Run;

use crate::site::named;

const ERROR: u32 = 4;

/// A profile of the cases, and the place that an operator must be told.
const PLACES: [(&str, &str); 14] = [
    ("fault_config_array", "expected an object"),
    ("fault_config_hold", "/hold"),
    ("fault_config_negative_skew", "/skew_seconds"),
    ("fault_config_unknown_member", "/max_bdy_bytes"),
    ("fault_replicas_count", "/replay"),
    ("fault_policy_no_pin", "/policy_bundle_signature_public_key"),
    ("fault_trust_missing", "/trust_bundle"),
    ("fault_policy_tampered", "/policy_bundle"),
    ("fault_trust_tampered", "/trust_bundle"),
    ("fault_policy_unknown_member", "/policy_bundle/route_groups/0/routes/0/required_region"),
    ("fault_prefix_no_separator", "/policy_bundle/route_groups/0/routes/0/allowed_sources/0/subject_prefix"),
    ("fault_issuer_key_small_order", "/trust_bundle/issuers/0/keys/1/public_key_b64url"),
    ("fault_policy_duplicate", "policy_id"),
    ("fault_policy_version", "/policy_bundle/version"),
];

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases) {
    for (profile, place) in PLACES {
        run.holds(
            &format!("configuration {profile}"),
            "A broken configuration denies, and its fault is in the log.",
            || shut(guest, cases, cases.profiles[profile].config.as_bytes(), place),
        );
    }
    let good = &cases.profiles["trailing_buffer"].config;
    let texts: [(&str, Vec<u8>, &str); 6] = [
        ("of bytes", vec![0xff; 64], "configuration"),
        ("of zeros", vec![0; 64], "configuration"),
        ("cut in the middle", good.as_bytes()[..good.len() / 2].to_vec(), "configuration"),
        ("with something after it", [good.as_bytes(), b"{}"].concat(), "configuration"),
        ("of a mebibyte of brackets", vec![b'['; 1 << 20], "configuration"),
        (
            "with a byte that is no UTF-8",
            good.replace("acceptance", "\u{0}").replace('\u{0}', "\u{fffd}").into_bytes(),
            "configuration",
        ),
    ];
    for (name, text, place) in texts {
        run.holds(&format!("configuration {name}"), "Whatever the bytes, the filter starts and denies.", || {
            shut(guest, cases, &text, place)
        });
    }
}

fn shut(guest: &Guest, cases: &Cases, config: &[u8], place: &str) -> Result<(), String> {
    let case = named(cases, "get_with_query");
    let mut host = Host::start(guest, Profile::envoy_hold()).expect("the module loads");
    host.set_now_secs(case.now - 60);
    let configured = host.configure(config);
    host.set_now_secs(case.now);
    if !configured.ok {
        return Err(format!("refused; on a worker Envoy would then let everything pass: {:?}", configured.trapped));
    }
    let told = configured.logs.iter().filter(|line| line.level >= ERROR).map(|line| line.message.as_str());
    let told: Vec<&str> = told.collect();
    if !told.iter().any(|line| line.contains(place)) {
        return Err(format!("nothing about {place} in {told:?}"));
    }
    let outcome = host.request(&input(case));
    let answer = answer(&outcome, Hold::StopIteration)?;
    if (answer.reason.as_str(), answer.status) == ("verifier_unavailable", 503) && answer.upstream.is_none() {
        Ok(())
    } else {
        Err(format!("{} with {}", answer.reason, answer.status))
    }
}
