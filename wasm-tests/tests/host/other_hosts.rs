//! Hosts that are not Envoy: as safe, even where they cannot serve.

use trustplane_wasm_tests::case::{Cases, Store};
use trustplane_wasm_tests::filter_subject::{FilterSubject, present};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, Host, Profile};
use trustplane_wasm_tests::run::Run;

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases) {
    // Only its shared data differs from Envoy's, so it must answer alike.
    let mut mosn = FilterSubject::new(guest, cases, Hold::StopIteration);
    mosn.profile = Some(Profile::mosn());
    run.all("mosn", cases, &mut mosn);
    for profile in [Profile::ngx(), Profile::apisix()] {
        harmless(run, guest, cases, &profile);
    }
}

/// What it denies elsewhere it denies here, and nothing passes twice.
fn harmless(run: &mut Run, guest: &Guest, cases: &Cases, profile: &Profile) {
    let (mut passed, mut hung) = (0, 0);
    let mut subject = FilterSubject::new(guest, cases, Hold::StopIteration);
    subject.profile = Some(profile.clone());
    let mut host: Option<(&str, Host)> = None;
    for case in cases.cases.iter().filter(|case| case.store == Store::Fresh) {
        let name = format!("{} {}", profile.name, case.name);
        if !run.wants(&name) {
            continue;
        }
        if host.as_ref().is_none_or(|(held, _)| *held != case.profile) {
            host = subject.host(case).ok().map(|host| (case.profile.as_str(), host));
        }
        let mut found = Vec::new();
        match &mut host {
            None => found.push("the configuration was not taken".to_owned()),
            Some((_, host)) => {
                let times: Vec<_> = (0..2).map(|_| present(host, case)).collect();
                let allowed = times.iter().filter(|outcome| outcome.allowed()).count();
                found.extend(times.iter().filter_map(|outcome| Some(format!("trapped: {}", outcome.trapped.as_ref()?))));
                found.extend(times.iter().filter(|outcome| outcome.bypassed).map(|_| "went past the filter".into()));
                found.extend(times.iter().filter(|outcome| outcome.leaked()).map(|_| "leaked".into()));
                if allowed > usize::from(case.allowed()) {
                    found.push(format!("allowed {allowed} times"));
                }
                passed += allowed;
                hung += times.iter().filter(|outcome| outcome.paused_forever).count();
            }
        }
        run.check(&name, &case.comment, &found);
    }
    run.note(&format!("{}: {passed} requests passed, {hung} waited for ever, none wrongly", profile.name));
}
