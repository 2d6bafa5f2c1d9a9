//! Hostcalls that fail: a request is denied, or unharmed; never admitted wrongly, never left hanging.

use trustplane_wasm_tests::case::{Case, Cases};
use trustplane_wasm_tests::filter_subject::{answer, input};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{BufferKind, Guest, Host, Outcome, Profile, SharedStore, Times};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::verdict::mismatches;

use crate::site::{Site, VM, named, sound};

/// All that the ABI lists, and two numbers that it does not.
const STATUSES: [u32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, u32::MAX];

/// What is asked under each fault: two that are sound, four that are not.
const REQUESTS: [&str; 6] = [
    "get_with_query",
    "post_body_in_pieces",
    "body_changed",
    "body_last_byte_changed",
    "trailers_on_write",
    "replayed_post",
];

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases, label: &str, hold: Hold, profile: &Profile) {
    let calls = guest.imports().into_iter().filter_map(|import| Some(import.strip_prefix("env.")?.to_owned()));
    for call in calls {
        let mut site = Site::start(guest, cases, hold, profile.clone());
        let made = most(&mut site, cases, &call);
        let configures = Site::start(guest, cases, hold, profile.clone()).host.calls(&call) > 0;
        for times in [Times::Once, Times::Nth(2), Times::Nth(3), Times::Always] {
            // A fault that never strikes tests nothing.
            if matches!(times, Times::Nth(nth) if nth > made) {
                continue;
            }
            run.holds(&format!("{label} {call} fails {times:?}"), "A request is denied or unharmed.", || {
                let mut found = Vec::new();
                for status in STATUSES {
                    found.extend(while_serving(&mut site, hold, cases, &call, status, times));
                    if configures {
                        found.extend(while_configuring(guest, hold, profile, cases, &call, status, times));
                    }
                    // A store that lied about its beginning is cold for good, as it should be.
                    let cold = call.ends_with("shared_data");
                    if !cold {
                        found.extend(site.alive(cases).err());
                    }
                    if cold || site.host.failed().is_some() {
                        site = Site::start(guest, cases, hold, profile.clone());
                    }
                }
                if found.is_empty() { Ok(()) } else { Err(found.join("\n    ")) }
            });
        }
    }
    short_buffers(run, guest, hold, label, profile, cases);
    clocks(run, guest, hold, label, profile, cases);
}

/// How often one request of the list makes that hostcall, at the most.
fn most(site: &mut Site, cases: &Cases, call: &str) -> u32 {
    let count = |name: &&str| {
        site.forget();
        let before = site.host.calls(call);
        let _outcome = site.host.request(&input(named(cases, name)));
        site.host.calls(call) - before
    };
    REQUESTS.iter().map(count).max().unwrap_or(0)
}

/// Every request of the list, under one fault.
fn while_serving(site: &mut Site, hold: Hold, cases: &Cases, call: &str, status: u32, times: Times) -> Vec<String> {
    let mut found = Vec::new();
    for name in REQUESTS {
        let case = named(cases, name);
        site.forget();
        if name == "replayed_post" {
            let _first = site.host.request(&input(case));
        }
        site.host.fail_call(call, status, times);
        let outcome = site.host.request(&input(case));
        site.host.heal();
        let verdict = unharmed(&outcome, hold, case);
        found.extend(verdict.err().map(|why| format!("status {status}, {name}: {why}")));
    }
    found
}

/// The fault strikes while the filter is configured, and then is over.
fn while_configuring(
    guest: &Guest,
    hold: Hold,
    profile: &Profile,
    cases: &Cases,
    call: &str,
    status: u32,
    times: Times,
) -> Option<String> {
    let shared = SharedStore::default();
    let mut host = Host::start_sharing(guest, profile.clone(), &shared, VM).expect("the module loads");
    let (config, _) = hold.configure(&small(cases));
    let now = named(cases, "get_with_query").now;
    host.set_now_secs(now - 24 * 60 * 60);
    host.fail_call(call, status, times);
    let configured = host.configure(config.as_bytes());
    host.heal();
    host.set_now_secs(now);
    if !configured.ok {
        return Some(format!("status {status}, configuring: not taken: {:?}", configured.trapped));
    }
    for name in ["get_with_query", "post_json", "body_changed"] {
        let case = named(cases, name);
        if let Err(why) = unharmed(&host.request(&input(case)), hold, case) {
            return Some(format!("status {status}, configured under it, {name}: {why}"));
        }
    }
    None
}

/// Denied; or, if the request was sound, allowed with all that belongs to it.
fn unharmed(outcome: &Outcome, hold: Hold, case: &Case) -> Result<(), String> {
    sound(outcome, hold)?;
    if !outcome.allowed() {
        return Ok(());
    }
    if !case.allowed() {
        return Err("allowed".into());
    }
    // Filter state may have failed to be set; what the upstream is told must be whole.
    match answer(outcome, hold) {
        Ok(answer) => {
            let about_upstream = |line: &String| line.starts_with("upstream") || line.starts_with("the upstream");
            let found: Vec<String> = mismatches(case, &answer).into_iter().filter(about_upstream).collect();
            if found.is_empty() { Ok(()) } else { Err(found.join("; ")) }
        }
        Err(why) if why.starts_with("no property") => Ok(()),
        Err(why) => Err(why),
    }
}

/// A sound configuration with few routes, which is read quickly.
fn small(cases: &Cases) -> String {
    let (_, hold) = Hold::StopIteration.configure(&cases.profiles["trailing_buffer"].config);
    assert_eq!(hold, Hold::TrailingBuffer, "that is what the profile is for");
    cases.profiles["trailing_buffer"].config.replace("trailing_buffer", "stop_iteration")
}

fn short_buffers(run: &mut Run, guest: &Guest, hold: Hold, label: &str, profile: &Profile, cases: &Cases) {
    let post = input(named(cases, "post_json"));
    for by in [1, 7, usize::MAX] {
        let name = format!("{label} body {by} bytes short");
        run.holds(&name, "A body callback that yields fewer bytes than announced is no body.", || {
            let mut site = Site::start(guest, cases, hold, profile.clone());
            site.host.shorten_buffer(BufferKind::RequestBody, by);
            site.expect(&post, "verifier_unavailable")
        });
        let name = format!("{label} configuration {by} bytes short");
        run.holds(&name, "A configuration that did not come whole lets nothing pass.", || {
            let mut host = Host::start(guest, profile.clone()).expect("the module loads");
            host.shorten_buffer(BufferKind::PluginConfiguration, by);
            let configured = host.configure(small(cases).as_bytes());
            let outcome = host.request(&post);
            let denied = answer(&outcome, hold).map(|answer| answer.reason);
            let told = configured.logs.iter().any(|line| line.level >= 4);
            match denied {
                Ok(reason) if reason == "verifier_unavailable" && configured.ok && told => Ok(()),
                other => Err(format!("configured {}, told {told}, {other:?}", configured.ok)),
            }
        });
    }
}

fn clocks(run: &mut Run, guest: &Guest, hold: Hold, label: &str, profile: &Profile, cases: &Cases) {
    const CLOCK: &str = "proxy_get_current_time_nanoseconds";
    for (name, reason) in [
        ("get_with_query", "verifier_unavailable"),
        ("post_json", "verifier_unavailable"),
        // Nothing else is asked of a filter that does not know the time.
        ("body_changed", "verifier_unavailable"),
    ] {
        run.holds(&format!("{label} no clock, {name}"), "Without a clock nothing is judged.", || {
            let mut site = Site::start(guest, cases, hold, profile.clone());
            site.host.fail_call(CLOCK, 12_u32, Times::Always);
            site.expect(&input(named(cases, name)), reason)
        });
    }
    run.holds(&format!("{label} clock at zero"), "A clock that was never set is no clock.", || {
        let mut site = Site::start(guest, cases, hold, profile.clone());
        site.host.set_now_secs(0);
        site.expect(&input(named(cases, "get_with_query")), "verifier_unavailable")
    });
    run.holds(&format!("{label} no clock at configuration"), "What was never current denies.", || {
        let case = named(cases, "get_with_query");
        let mut host = Host::start(guest, profile.clone()).expect("the module loads");
        host.fail_call(CLOCK, 12_u32, Times::Once);
        let (config, _) = hold.configure(&small(cases));
        let configured = host.configure(config.as_bytes());
        host.set_now_secs(case.now);
        let outcome = host.request(&input(case));
        if configured.ok { sound(&outcome, hold) } else { Err(format!("{configured:?}")) }
    });
}
