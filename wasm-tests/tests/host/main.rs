//! The built filter in the in-process host: all cases, then everything a host can do to it.

mod arrival;
mod configuration;
mod fault;
mod junk;
mod other_hosts;
mod site;
mod worker;

use std::process::ExitCode;

use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::FilterSubject;
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::Guest;
use trustplane_wasm_tests::run::Run;

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    match artefact::read().and_then(|wasm| Guest::compile(&wasm).map_err(|error| error.to_string())) {
        Ok(guest) => suite(&mut run, &guest, &Cases::committed()),
        Err(why) => run.check("the artefact", "The filter is built and loads.", &[why]),
    }
    run.finish()
}

fn suite(run: &mut Run, guest: &Guest, cases: &Cases) {
    for (label, hold) in [("envoy_hold", Hold::StopIteration), ("envoy_default", Hold::TrailingBuffer)] {
        run.all(label, cases, &mut FilterSubject::new(guest, cases, hold));
    }
    arrival::all(run, guest, cases);
    configuration::all(run, guest, cases);
    fault::all(run, guest, cases);
    junk::all(run, guest, cases);
    other_hosts::all(run, guest, cases);
    worker::all(run, guest, cases);
}
