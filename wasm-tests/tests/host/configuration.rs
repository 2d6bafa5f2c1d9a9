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
    run.holds("configuration of the key cache", "Its size changes no answer, also when it changes.", || {
        sized(guest, cases)
    });
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

/// Each replaces the one before it in the same worker.
const SIZES: [&str; 4] = [
    r#"{"max_bytes":0}"#,
    r#"{"max_bytes":2097152,"key_width":4,"base_width":4,"busy_width":4}"#,
    r#"{"max_bytes":1073741824,"key_width":14,"base_width":14,"busy_width":14}"#,
    "{}",
];

/// Answers do not depend on what is remembered of keys: a sound request passes, a bad proof does not.
fn sized(guest: &Guest, cases: &Cases) -> Result<(), String> {
    let (sound, broken) = (named(cases, "get_with_query"), named(cases, "proof_flipped_bit"));
    for first in 0..SIZES.len() {
        let mut host = Host::start(guest, Profile::envoy_hold()).expect("the module loads");
        // Only the first has the passport to consume.
        for (place, size) in SIZES.iter().cycle().skip(first).take(SIZES.len()).enumerate() {
            let config = &cases.profile(sound).config;
            let config = config.replacen('{', &format!(r#"{{"key_cache":{size},"#), 1);
            host.set_now_secs(sound.now - 60);
            if !host.configure(config.as_bytes()).ok {
                return Err(format!("{size} is refused"));
            }
            host.set_now_secs(sound.now);
            for (case, reason) in
                [(sound, if place == 0 { "request_allowed" } else { "jti_replay" }), (broken, "invalid_request_proof")]
            {
                let answer = answer(&host.request(&input(case)), Hold::StopIteration)?;
                if answer.reason != reason {
                    return Err(format!("{size}: {} for {}", answer.reason, case.name));
                }
            }
        }
    }
    Ok(())
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
