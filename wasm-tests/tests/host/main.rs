//! The built filter in the in-process host: all cases, then everything a host can do to it.

mod arrival;
mod bundles;
mod callout;
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
use trustplane_wasm_tests::host::Guest;
use trustplane_wasm_tests::run::{Job, Run};

use crate::site::HOLDS;

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    match artefact::read().and_then(|wasm| Guest::compile(&wasm).map_err(|error| error.to_string())) {
        Ok(guest) => suite(&mut run, &guest, &Cases::committed()),
        Err(why) => run.check("the artefact", "The filter is built and loads.", &[why]),
    }
    run.finish()
}

fn suite(run: &mut Run, guest: &Guest, cases: &Cases) {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (label, hold, profile) in HOLDS {
        let (for_faults, for_junk, for_callouts) = (profile.clone(), profile.clone(), profile.clone());
        jobs.push(Box::new(move |run| fault::all(run, guest, cases, label, hold, &for_faults)));
        jobs.push(Box::new(move |run| run.all(label, cases, &mut FilterSubject::new(guest, cases, hold))));
        jobs.push(Box::new(move |run| junk::all(run, guest, cases, label, hold, &for_junk)));
        jobs.push(Box::new(move |run| callout::all(run, guest, cases, label, hold, &for_callouts)));
        jobs.push(Box::new(move |run| arrival::all(run, guest, cases, label, hold, &profile)));
    }
    for profile in other_hosts::PROFILES {
        jobs.push(Box::new(move |run| other_hosts::all(run, guest, cases, profile)));
    }
    jobs.push(Box::new(|run| configuration::all(run, guest, cases)));
    jobs.push(Box::new(|run| worker::all(run, guest, cases)));
    jobs.push(Box::new(|run| bundles::all(run, guest, cases)));
    run.side_by_side(jobs);
}
