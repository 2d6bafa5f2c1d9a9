//! A broker that vouches for a workload: real SPIRE, real Envoy, and what each of them does when something breaks.

mod grants;
mod outages;
mod rotation;
mod site;

use std::process::ExitCode;

use trustplane_core::KeyBinding;
use trustplane_wasm_tests::report::Report;
use trustplane_wasm_tests::store::Fallible;

use crate::site::Site;

fn main() -> ExitCode {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut report = Report::new(only);
    let mut site = match Site::start() {
        Ok(site) => site,
        Err(err) => {
            report.row("SPIRE, Envoy and the broker start", |_| Err(err));
            return report.finish();
        }
    };
    report.row("an attested passport on a route that is for workloads alone", |row| grants::attested(row, &mut site));
    report.row("a software passport on the same route", |row| grants::software(row, &site));
    report.row("a class that a caller gave itself", |row| grants::boast(row, &site));
    report.row("a class that nobody here can vouch for", |row| grants::above(row, &site));
    report.row("another workload's user asks this broker", |row| grants::stranger(row, &site));
    report.row("SPIRE gives an ID that nobody allowed", |row| grants::other_id(row, &site));
    report.row("SPIRE's trust domain is not the broker's", |row| grants::other_domain(row, &site));
    report.row("SVIDs rotate under load", |row| rotation::under_load(row, &site));
    report.row("the agent is killed, and started again", |row| outages::killed(row, &mut site));
    report.row("the agent is frozen for longer than an SVID lives", |row| outages::frozen(row, &site));
    report.row("the entry is deleted, and made again", |row| outages::deleted(row, &mut site));
    report.row("all of it left its events in the log", |row| grants::audit(row, &site));
    report.finish()
}

/// What an outage must not be answered with.
pub fn must_be_attested(class: Option<KeyBinding>) -> Fallible<()> {
    if class == Some(KeyBinding::AttestedWorkload) { Ok(()) } else { Err(format!("issued as {class:?}").into()) }
}
