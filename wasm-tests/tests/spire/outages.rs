use std::time::Duration;

use nix::sys::signal::Signal;
use trustplane::local::WORKLOAD;
use trustplane_core::KeyBinding;
use trustplane_wasm_tests::report::Row;
use trustplane_wasm_tests::store::Fallible;

use crate::site::{LIFE, Site, uid};

const ATTESTED: KeyBinding = KeyBinding::AttestedWorkload;

/// Nothing is vouched for without the Workload API; who allowed `software` gets that, and says so to the verifier.
pub fn killed(row: &mut Row, site: &mut Site) -> Fallible<()> {
    site.spire.kill_agent()?;
    let refused = site.until("workload_identity_unavailable")?;
    row.fact("refused after", seconds(refused));
    row.must(refused < Duration::from_secs(LIFE / 2), || "it went on with the SVID that it had".into());
    let asked = site.ask(ATTESTED, false)?;
    row.fact("because", asked.problem());
    row.expect("may be tried again", &asked.response.error.is_some_and(|error| error.retryable), &true);
    let fallback = site.ask(ATTESTED, true)?;
    row.expect("where software would do", &fallback.word()?, &"software".to_owned());
    row.expect("that, through Envoy", &site.present(&fallback)?, &"403 insufficient_key_binding".to_owned());
    site.spire.restart_agent()?;
    row.fact("agent started again; vouched for after", seconds(site.until("attested_workload")?));
    row.expect("through Envoy", &site.present(&site.ask(ATTESTED, false)?)?, &"200".to_owned());
    Ok(())
}

/// A stream that stays open and says nothing is no reason to use an SVID past its life.
pub fn frozen(row: &mut Row, site: &Site) -> Fallible<()> {
    site.spire.signal_agent(Signal::SIGSTOP)?;
    let last = site.ask(ATTESTED, false);
    let refused = site.until("svid_expired");
    let asked = site.ask(ATTESTED, false);
    // It is woken whatever came of it.
    site.spire.signal_agent(Signal::SIGCONT)?;
    let (last, refused, asked) = (last?, refused?, asked?);
    row.expect("at first", &last.word()?, &"attested_workload".to_owned());
    row.fact("expired after", seconds(refused));
    row.must(refused <= Duration::from_secs(LIFE), || format!("an SVID of {LIFE} s was used for longer"));
    row.fact("because", asked.problem());
    row.fact("agent woken; vouched for after", seconds(site.until("attested_workload")?));
    Ok(())
}

/// An identity that SPIRE withdraws is gone.
pub fn deleted(row: &mut Row, site: &mut Site) -> Fallible<()> {
    site.spire.delete(&site.entry)?;
    let refused = site.until("workload_identity_unavailable")?;
    row.fact("refused after", seconds(refused));
    row.must(refused < Duration::from_secs(LIFE), || format!("an SVID of {LIFE} s outlived its entry"));
    row.fact("because", site.ask(ATTESTED, false)?.problem());
    site.entry = site.spire.register(WORKLOAD, uid(), LIFE)?;
    row.fact("made again; vouched for after", seconds(site.until("attested_workload")?));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
