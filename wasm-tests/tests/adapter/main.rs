//! All cases against the adapter and the tower layer: the answers of Envoy with the filter.

#[path = "../envoy/http2.rs"]
mod http2;
mod over_http;
mod script;
mod site;
#[path = "../envoy/tls.rs"]
mod tls;
#[path = "../envoy/upstream.rs"]
mod upstream;
#[path = "../envoy/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::process::ExitCode;

use trustplane_wasm_tests::case::{Case, Cases, InEnvoy};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::subject::Subject;
use trustplane_wasm_tests::verdict::mismatches;

use crate::over_http::{OverHttp, Protocol};
use crate::site::Site;

/// What cannot be sent, or is answered before the adapter decides, by protocol and name.
const NOTES: &str = include_str!("notes.json");

type Notes = BTreeMap<String, BTreeMap<String, InEnvoy>>;

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    let cases = Cases::committed();
    if let Err(why) = suite(&mut run, &cases) {
        run.check("the suite", "The adapter and Python are at hand.", &[why]);
    }
    run.finish()
}

fn suite(run: &mut Run, cases: &Cases) -> Result<(), String> {
    let notes: Notes = serde_json::from_str(NOTES).map_err(|error| format!("notes.json: {error}"))?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let site = Site::start(cases)?;
        let label = match protocol {
            Protocol::Http1 => "adapter http1",
            Protocol::Http2 => "adapter http2",
        };
        let noted = notes.get(label).ok_or_else(|| format!("notes.json: no {label}"))?;
        let mut subject = OverHttp { site: &site, protocol };
        for case in &cases.cases {
            over_http(run, label, case, noted.get(&case.name), &mut subject);
        }
    }
    Ok(())
}

fn over_http(run: &mut Run, label: &str, case: &Case, note: Option<&InEnvoy>, subject: &mut OverHttp<'_>) {
    let name = format!("{label} {}", case.name);
    if !run.wants(&name) {
        return;
    }
    let why = note.and_then(|note| note.why.as_deref()).unwrap_or_default();
    match note {
        Some(InEnvoy { skip: Some(skip), .. }) => run.note(&format!("cannot be sent: {name}: {skip}")),
        Some(InEnvoy { status: Some(status), .. }) => {
            run.note(&format!("answered by hyper with {status}: {name}: {why}"));
            let found = match subject.present(case) {
                Ok(outcome) => {
                    let told = outcome.reply.map(|reply| reply.status);
                    let expected = told == Ok(*status) && outcome.event.is_none() && outcome.seen.is_empty();
                    if expected { Vec::new() } else { vec![format!("status {told:?}, {:?}", outcome.event)] }
                }
                Err(error) => vec![error],
            };
            run.check(&name, &case.comment, &found);
        }
        _ => {
            let found = match subject.decide(case) {
                Ok(answer) => mismatches(case, &answer),
                Err(why) => vec![why],
            };
            run.check(&name, &case.comment, &found);
        }
    }
}
