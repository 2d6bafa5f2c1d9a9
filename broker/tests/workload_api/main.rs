//! What a broker makes of what the Workload API says, in every order.

mod api;
#[path = "../common/mod.rs"]
mod common;
mod issued;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use api::{Api, Say};
use common::{Folder, PATIENCE, Running, ask_with, policy, wait_for};
use issued::{Authority, federated, say};
use rcgen::{BasicConstraints, IsCa};
use serde_json::Value;
use trustplane_core::{KeyBinding, base64url_bytes};

const ID: &str = "spiffe://example.test/ns/shop/sa/orders";
const OTHER: &str = "spiffe://example.test/ns/shop/sa/payments";

/// A broker beside a Workload API.
struct Pair {
    broker: Running,
    api: Option<Api>,
    folder: Folder,
}

impl Pair {
    fn start(first: Say) -> Self {
        let folder = Folder::new();
        let api = Some(Api::start(&folder.join("api.sock"), first));
        let bind = format!("uid={}", nix::unistd::geteuid());
        let endpoint = format!("unix:{}", folder.join("api.sock").display());
        let flags = [
            ("--spiffe-profile", "trustplane-spiffe-spire-k8s-v1"),
            ("--spiffe-endpoint-socket", &endpoint),
            ("--spiffe-trust-domain", "example.test"),
            ("--spiffe-allowed-id", ID),
            ("--spiffe-bind", &bind),
        ];
        let flags: Vec<_> = flags.into_iter().flat_map(|(flag, value)| [flag, value]).collect();
        Self { broker: Running::start_with(&policy(), &flags), api, folder }
    }

    fn say(&self, said: Say) {
        self.api.as_ref().unwrap().say(said);
    }

    fn ask(&self) -> Value {
        self.broker.ask(&ask_with(|ask| ask.key_binding = KeyBinding::AttestedWorkload).request().unwrap())
    }

    /// Waits for a reason, and what stands in the way.
    fn until(&self, reason: &str, problem: &str) -> Value {
        let mut last = Value::Null;
        let began = std::time::Instant::now();
        while last["reason_code"] != reason || !shown(&last).contains(problem) {
            assert!(began.elapsed() < PATIENCE, "{last}, not {reason} {problem:?}; {}", self.broker.stderr());
            last = self.ask();
        }
        last
    }

    fn until_issued(&self) -> Value {
        claims(&self.until("broker_passport_issued", ""))
    }
}

/// Ends a loop when a test does, however it does.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn shown(response: &Value) -> String {
    response["error"]["details"]["problem"].as_str().unwrap_or_default().to_owned()
}

fn claims(response: &Value) -> Value {
    let token = response["artifacts"]["passport"]["value"].as_str().unwrap();
    serde_json::from_slice(&base64url_bytes(token.split('.').nth(1).unwrap().as_bytes()).unwrap()).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn later() -> u64 {
    now() + 3600
}

#[test]
fn a_passport_lives_as_long_as_policy_says_and_no_longer_than_its_svid() {
    let authority = Authority::new();
    let pair = Pair::start(authority.issue(ID, later()).under(&authority));
    let claims = pair.until_issued();
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 120);
    assert_eq!((&claims["sub"], &claims["cnf"]["key_binding"]), (&ID.into(), &"attested_workload".into()));
    let end = now() + 60;
    pair.say(authority.issue(ID, end).under(&authority));
    wait_for("the shorter one", || pair.until_issued()["exp"].as_u64() == Some(end));
    assert!(pair.broker.stderr().contains(&format!("workload identity {ID} verified, valid until {end}")));
}

#[test]
fn nothing_is_vouched_for_from_the_moment_a_stream_ends_and_again_when_one_begins() {
    let authority = Authority::new();
    let good = || authority.issue(ID, later()).under(&authority);
    let mut pair = Pair::start(good());
    for (end, problem) in [(Say::Denied, "the Workload API: no identity issued"), (Say::End, "the Workload API")] {
        pair.until_issued();
        pair.say(end);
        pair.until("workload_identity_unavailable", problem);
        pair.say(good());
    }
    pair.until_issued();
    pair.api = None;
    pair.until("workload_identity_unavailable", "the Workload API");
    pair.api = Some(Api::start(&pair.folder.join("api.sock"), good()));
    pair.until_issued();
}

#[test]
fn an_svid_that_breaks_a_rule_ends_what_the_one_before_it_vouched_for() {
    let [authority, stranger] = [Authority::new(), Authority::new()];
    let pair = Pair::start(Say::Nothing);
    pair.until("workload_identity_unavailable", "the Workload API was not asked yet");
    let sound = authority.issue(ID, later());
    let elsewhere = authority.issue("spiffe://other.test/ns/shop/sa/orders", later());
    let signs = authority.issue_as(ID, later(), IsCa::Ca(BasicConstraints::Unconstrained));
    let foreign = stranger.issue(ID, later());
    let unavailable = "workload_identity_unavailable";
    for (bad, reason, problem) in [
        (say(&[sound.message(&[])]), unavailable, "missing required field: X509SVID.bundle"),
        (say(&[]), unavailable, "missing required field: X509SVIDResponse.svids"),
        (sound.under(&stranger), unavailable, "no authority of the SVID's trust domain signed it"),
        (signs.under(&authority), unavailable, "leaf certificate must not have CA flag"),
        (elsewhere.under(&authority), "spiffe_trust_domain_mismatch", "of the trust domain other.test"),
        (authority.issue(OTHER, later()).under(&authority), "spiffe_id_not_allowed", OTHER),
        (authority.issue(ID, now() - 1).under(&authority), "svid_expired", "the SVID expires at"),
        (authority.issue(ID, now() + 4).under(&authority), "svid_expired", "the SVID expires at"),
        (
            say(&[foreign.message(&authority.certificate), federated("other.test", &stranger.certificate)]),
            unavailable,
            "no authority of the SVID's trust domain signed it",
        ),
    ] {
        pair.say(authority.issue(ID, later()).under(&authority));
        pair.until_issued();
        pair.say(bad);
        pair.until(reason, problem);
    }
    pair.say(sound.under(&authority));
    pair.until_issued();
}

#[test]
fn of_several_svids_the_one_that_is_allowed_counts() {
    let authority = Authority::new();
    let given =
        [OTHER, ID, "spiffe://example.test/a"].map(|id| authority.issue(id, later()).message(&authority.certificate));
    let pair = Pair::start(say(&given));
    assert_eq!(pair.until_issued()["sub"], ID);
}

#[test]
fn a_rotation_refuses_nobody() {
    let authority = Authority::new();
    let pair = Pair::start(authority.issue(ID, later()).under(&authority));
    pair.until_issued();
    let rotated = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let end = End(&rotated);
        let asking = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !rotated.load(Ordering::Relaxed) {
                let response = pair.ask();
                assert_eq!(response["reason_code"], "broker_passport_issued", "{response}");
                seen.insert(claims(&response)["provenance"]["attestation_id"].to_string());
            }
            seen
        });
        for round in 1..=20 {
            let said = pair.broker.stderr().matches(" verified, ").count();
            pair.say(authority.issue(ID, later() + 60 * round).under(&authority));
            wait_for("the next SVID", || pair.broker.stderr().matches(" verified, ").count() > said);
        }
        drop(end);
        asking.join().unwrap()
    });
    assert!(seen.len() > 1, "{seen:?}");
}
