//! Workers that share a replay store, and stores that outlive or lose their workers.

use std::sync::{Arc, Mutex};

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::input;
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{CasRule, Guest, Profile, SharedStore};
use trustplane_wasm_tests::run::Run;

use crate::site::{Site, named};

const RULES: [CasRule; 3] = [CasRule::Overwrite, CasRule::InsertOrUpdate, CasRule::Insert];

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases) {
    for rule in RULES {
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            for nth in 1..=4 {
                let name = format!("worker race {rule:?} before {call} {nth}");
                run.holds(&name, "Of two workers with one passport, exactly one lets it pass.", || {
                    race(guest, cases, rule, call, nth)
                });
            }
        }
    }
    let (replayed, good) = (input(named(cases, "get_with_query")), input(named(cases, "get_without_query")));
    let start =
        |shared: &SharedStore| Site::start_sharing(guest, cases, Hold::StopIteration, Profile::envoy_hold(), shared);
    run.holds("worker second", "What one worker consumed another one knows.", || {
        let shared = SharedStore::default();
        let (mut first, mut second) = (start(&shared), start(&shared));
        first.expect(&replayed, "request_allowed")?;
        second.expect(&replayed, "jti_replay")
    });
    run.holds("worker reload", "A new VM knows what the one before it consumed.", || {
        let mut site = start(&SharedStore::default());
        site.expect(&replayed, "request_allowed")?;
        let configured = site.host.reload().map_err(|error| error.to_string())?;
        if !configured.is_some_and(|configured| configured.ok) {
            return Err("the configuration was not taken again".into());
        }
        site.expect(&replayed, "jti_replay")?;
        site.expect(&good, "request_allowed")
    });
    run.holds("worker restart", "A process that starts anew refuses passports from before.", || {
        let shared = SharedStore::default();
        let mut site = start(&shared);
        site.expect(&replayed, "request_allowed")?;
        shared.clear();
        let _configured = site.host.reload().map_err(|error| error.to_string())?;
        site.expect(&replayed, "replay_store_cold")?;
        site.expect(&good, "replay_store_cold")
    });
    run.holds("worker store emptied", "A store that was emptied under a running filter admits nothing old.", || {
        let shared = SharedStore::default();
        let mut site = start(&shared);
        site.expect(&replayed, "request_allowed")?;
        shared.clear();
        site.expect(&replayed, "replay_store_unavailable")?;
        site.expect(&replayed, "replay_store_cold")
    });
    run.holds("worker configured again", "A new configuration keeps the memory of the one before.", || {
        let mut site = start(&SharedStore::default());
        site.expect(&replayed, "request_allowed")?;
        if !site.host.configure(cases.profiles["default"].config.as_bytes()).ok {
            return Err("the configuration was not taken again".into());
        }
        site.expect(&replayed, "jti_replay")?;
        site.expect(&good, "request_allowed")
    });
    run.holds("worker configured worse", "A broken configuration denies; the one before it is not used on.", || {
        let mut site = start(&SharedStore::default());
        site.expect(&replayed, "request_allowed")?;
        if !site.host.configure(b"{").ok {
            return Err("on_configure refused: on a worker Envoy would let everything pass".into());
        }
        site.expect(&good, "verifier_unavailable")
    });
}

/// The other worker's whole request happens right before that hostcall of the first one's.
fn race(guest: &Guest, cases: &Cases, rule: CasRule, call: &str, nth: u32) -> Result<(), String> {
    let shared = SharedStore::default();
    let profile = Profile { shared_data: rule, ..Profile::envoy_hold() };
    let start = || Site::start_sharing(guest, cases, Hold::StopIteration, profile.clone(), &shared);
    let (mut first, mut second) = (start(), start());
    let request = input(named(cases, "get_with_query"));
    let other = Arc::new(Mutex::new(None));
    let (slot, same) = (Arc::clone(&other), request.clone());
    first.host.before_call(call, nth, move || {
        *slot.lock().expect("nobody panics with it") = Some(second.reason(&same));
    });
    let mine = first.reason(&request)?;
    let theirs = other.lock().expect("nobody panics with it").take().transpose()?;
    let verdicts: Vec<&str> = [Some(mine.as_str()), theirs.as_deref()].into_iter().flatten().collect();
    let allowed = verdicts.iter().filter(|reason| **reason == "request_allowed").count();
    let known = verdicts.iter().all(|reason| ["request_allowed", "jti_replay"].contains(reason));
    if allowed == 1 && known { Ok(()) } else { Err(format!("{verdicts:?}")) }
}
