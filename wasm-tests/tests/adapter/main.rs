//! All cases against the adapter and the tower layer: the answers and the audit events of the filter.

mod alpn;
mod behind;
mod examples;
mod exchange;
mod filter;
mod host;
#[path = "../envoy/http2.rs"]
mod http2;
mod in_process;
mod ledger;
mod load;
mod over_http;
mod process;
mod proxy;
mod reply;
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

use serde_json::Value;

use trustplane_wasm_tests::case::{Case, Cases, InEnvoy};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::subject::Subject;
use trustplane_wasm_tests::verdict::mismatches;

use crate::in_process::InProcess;
use crate::over_http::{OverHttp, Protocol};
use crate::site::Site;

/// What cannot be sent, or is answered before the adapter decides, by protocol and name.
const NOTES: &str = include_str!("notes.json");

type Notes = BTreeMap<String, BTreeMap<String, InEnvoy>>;

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    let cases = Cases::committed();
    if let Err(why) = suite(&mut run, &cases) {
        run.check("the suite", "The adapter, the filter and Python are at hand.", &[why]);
    }
    run.finish()
}

fn suite(run: &mut Run, cases: &Cases) -> Result<(), String> {
    let labels = ["adapter http1", "adapter http2", "layer"];
    if labels.iter().any(|label| cases.cases.iter().any(|case| run.wants(&format!("{label} {}", case.name)))) {
        acceptance(run, cases)?;
    }
    examples::all(run, cases);
    host::all(run);
    proxy::all(run);
    load::all(run);
    Ok(())
}

fn acceptance(run: &mut Run, cases: &Cases) -> Result<(), String> {
    let notes: Notes = serde_json::from_str(NOTES).map_err(|error| format!("notes.json: {error}"))?;
    let events = filter::events(cases)?;
    for (label, protocol) in [("adapter http1", Protocol::Http1), ("adapter http2", Protocol::Http2)] {
        let site = Site::start(cases)?;
        let noted = notes.get(label).ok_or_else(|| format!("notes.json: no {label}"))?;
        let mut subject = OverHttp { site: &site, protocol };
        for case in &cases.cases {
            let name = format!("{label} {}", case.name);
            if run.wants(&name) {
                match noted.get(&case.name) {
                    Some(note) => instead(run, &name, case, note, &subject),
                    None => like_the_filter(run, &name, case, &mut subject, &events),
                }
            }
        }
    }
    let mut layer = InProcess::new(cases)?;
    for case in &cases.cases {
        let name = format!("layer {}", case.name);
        match InProcess::cannot_be(case) {
            Some(why) => run.note(&format!("no such request: {name}: {why}")),
            None if run.wants(&name) => like_the_filter(run, &name, case, &mut layer, &events),
            None => {}
        }
    }
    Ok(())
}

/// Status, reason, what passes, and every member of the audit event.
fn like_the_filter<'c>(
    run: &mut Run,
    name: &str,
    case: &'c Case,
    subject: &mut impl Subject<'c>,
    events: &BTreeMap<String, Value>,
) {
    let found = match subject.decide(case) {
        Ok(answer) => {
            let mut found = mismatches(case, &answer);
            let filter = events.get(&case.name);
            if filter != Some(&answer.audit) {
                found.push(format!("the filter's audit event is {filter:?}, this one {}", answer.audit));
            }
            found
        }
        Err(why) => vec![why],
    };
    run.check(name, &case.comment, &found);
}

/// What becomes of a case that does not get to the decision.
fn instead(run: &mut Run, name: &str, case: &Case, note: &InEnvoy, subject: &OverHttp<'_>) {
    let why = note.why.as_deref().unwrap_or_default();
    match (&note.skip, note.status) {
        (Some(skip), _) => run.note(&format!("cannot be sent: {name}: {skip}")),
        (None, Some(status)) => {
            run.note(&format!("answered by hyper with {status}: {name}: {why}"));
            let found = match subject.present(case) {
                Ok(outcome) => {
                    let told = outcome.reply.map(|reply| reply.status);
                    let expected = told == Ok(status) && outcome.event.is_none() && outcome.seen.is_empty();
                    if expected { Vec::new() } else { vec![format!("status {told:?}, {:?}", outcome.event)] }
                }
                Err(error) => vec![error],
            };
            run.check(name, &case.comment, &found);
        }
        (None, None) => run.check(name, &case.comment, &["a note that says nothing".into()]),
    }
}
