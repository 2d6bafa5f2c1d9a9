//! Hosts that are not Envoy: as safe, even where they cannot serve.

use trustplane_wasm_tests::case::{Case, Cases, Store};
use trustplane_wasm_tests::filter_subject::{FilterSubject, present};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, HeadView, Host, Profile};
use trustplane_wasm_tests::run::Run;

/// MOSN differs from Envoy in its shared data alone; nginx is given the name that callers dial.
pub const PROFILES: [Profile; 3] = [
    Profile::mosn(),
    Profile { head: HeadView::Nginx { server_name: "orders.example" }, ..Profile::ngx() },
    Profile::apisix(),
];

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases, profile: Profile) {
    let alike = profile.name == Profile::mosn().name;
    let mut subject = FilterSubject::new(guest, cases, Hold::StopIteration);
    let label = profile.name;
    subject.profile = Some(profile);
    if alike {
        run.all(label, cases, &mut subject);
        return;
    }

    let (mut passed, mut waited) = (0, 0);
    let mut host: Option<(&str, Host)> = None;
    // They hold requests by themselves, whatever the configuration says.
    for case in cases.cases.iter().filter(|case| case.store == Store::Fresh && case.profile != "trailing_buffer") {
        let name = format!("{label} {}", case.name);
        if !run.wants(&name) {
            continue;
        }
        if host.as_ref().is_none_or(|(held, _)| *held != case.profile) {
            host = subject.host(case).ok().map(|host| (case.profile.as_str(), host));
        }
        let found = match &mut host {
            None => vec!["the configuration was not taken".to_owned()],
            Some((_, host)) => harmless(host, case, &mut passed, &mut waited),
        };
        run.check(&name, &case.comment, &found);
    }
    run.note(&format!("{label}: {passed} requests passed, {waited} waited for ever, none wrongly"));
}

/// What is denied elsewhere is denied here, and nothing passes twice.
fn harmless(host: &mut Host, case: &Case, passed: &mut usize, waited: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut allowed = 0;
    for _ in 0..2 {
        let outcome = present(host, case);
        allowed += usize::from(outcome.allowed());
        *waited += usize::from(outcome.paused_forever);
        found.extend(outcome.trapped.as_ref().map(|why| format!("trapped: {why}")));
        if outcome.bypassed || outcome.leaked() {
            found.push("something went past the filter".into());
        }
    }
    if allowed > usize::from(case.allowed()) {
        found.push(format!("allowed {allowed} times"));
    }
    *passed += allowed;
    found
}
