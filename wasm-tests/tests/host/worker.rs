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
                run.holds(&name, "Of two workers with one passport, exactly one lets it pass.", {
                    race(guest, cases, rule, call, nth)
                });
            }
        }
    }
    let (replayed, good) = (named(cases, "get_with_query"), named(cases, "get_without_query"));
    let shared = SharedStore::default();
    let start = || Site::start_sharing(guest, cases, Hold::StopIteration, Profile::envoy_hold(), &shared);
    run.holds("worker second", "What one worker consumed another one knows.", {
        let (mut first, mut second) = (start(), start());
        let once = first.expect(&input(replayed), "request_allowed");
        once.and_then(|()| second.expect(&input(replayed), "jti_replay"))
    });
    run.holds("worker reload", "A new VM knows what the one before it consumed.", {
        let mut site = start();
        site.forget();
        let once = site.expect(&input(replayed), "request_allowed");
        let reloaded = site.host.reload().expect("the module loads").is_some_and(|configured| configured.ok);
        once.and_then(|()| if reloaded { Ok(()) } else { Err("not reloaded".into()) })
            .and_then(|()| site.expect(&input(replayed), "jti_replay"))
            .and_then(|()| site.expect(&input(good), "request_allowed"))
    });
    run.holds("worker restart", "A process that starts anew refuses passports from before.", {
        let mut site = start();
        site.forget();
        let once = site.expect(&input(replayed), "request_allowed");
        shared.clear();
        let _reloaded = site.host.reload().expect("the module loads");
        once.and_then(|()| site.expect(&input(replayed), "replay_store_cold"))
    });
    run.holds("worker store emptied", "A store that was emptied under a running filter admits nothing old.", {
        let mut site = start();
        shared.clear();
        let first = site.reason(&input(replayed)).unwrap_or_else(|why| why);
        let second = site.reason(&input(replayed)).unwrap_or_else(|why| why);
        let refused = ["replay_store_unavailable", "replay_store_cold"];
        if refused.contains(&first.as_str()) && refused.contains(&second.as_str()) {
            Ok(())
        } else {
            Err(format!("{first}, then {second}"))
        }
    });
    run.holds("worker configured again", "A new configuration keeps the memory of the one before.", {
        let mut site = start();
        site.forget();
        let once = site.expect(&input(replayed), "request_allowed");
        let config = cases.profiles["default"].config.as_bytes();
        let taken = site.host.configure(config).ok;
        once.and_then(|()| if taken { Ok(()) } else { Err("not taken".into()) })
            .and_then(|()| site.expect(&input(replayed), "jti_replay"))
    });
    run.holds("worker configured worse", "A broken configuration denies; the one before it is not used on.", {
        let mut site = start();
        site.forget();
        let taken = site.host.configure(b"{").ok;
        let denied = site.expect(&input(good), "verifier_unavailable");
        if taken { denied } else { Err("on_configure refused: on a worker Envoy would let everything pass".into()) }
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
