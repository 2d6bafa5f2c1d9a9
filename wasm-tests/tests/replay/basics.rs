use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::runtime::Runtime;
use trustplane::clock;
use trustplane_wasm_tests::load::{Lane, Order, Wire};
use trustplane_wasm_tests::store::{Fallible, Service};

use crate::report::Row;
use crate::site::{CALLOUT, Site};

/// Longer than the service keeps a silent connection.
const SILENCE: Duration = Duration::from_secs(6);

/// Goes out on its own, behind its head.
const LARGE: usize = 300 * 1024;

const UNAVAILABLE: &str = "503 replay_store_unavailable";

/// Reads and writes pass once; what was changed burns nothing; a silent connection is no fault.
pub fn once(row: &mut Row, site: &Site, runtime: &Runtime) -> Fallible<()> {
    site.await_open(runtime)?;
    let before = site.upstream.count();
    let (_, get) = site.read()?;
    row.expect("read, again", &told(site, runtime, &[&get, &get])?, &"200, 403 jti_replay".into());
    let post = write(site, br#"{"item":1}"#)?;
    row.expect("write, again", &told(site, runtime, &[&post, &post])?, &"200, 403 jti_replay".into());
    let sound = write(site, br#"{"item":1}"#)?;
    let changed = Wire { body: Arc::from(*br#"{"item":2}"#), ..sound.clone() };
    let answers = told(site, runtime, &[&changed, &sound, &sound])?;
    row.expect("changed, sound, again", &answers, &"403 request_binding_mismatch, 200, 403 jti_replay".into());
    std::thread::sleep(SILENCE);
    let (_, get) = site.read()?;
    row.expect("read after 6 s of silence", &told(site, runtime, &[&get])?, &"200".into());
    row.expect("upstream saw", &(site.upstream.count() - before), &4);
    Ok(())
}

/// Neither reads nor writes reach the upstream while the service is away, in whichever way.
pub fn without_service(row: &mut Row, site: &Site, runtime: &Runtime, service: &mut Service) -> Fallible<()> {
    site.await_open(runtime)?;
    // Envoy now keeps a connection to the service.
    let before = site.upstream.count();
    row.expect("served", &each(site, runtime)?, &thrice("200"));

    service.signal(Signal::SIGSTOP)?;
    row.expect("frozen", &each(site, runtime)?, &thrice(UNAVAILABLE));
    service.signal(Signal::SIGCONT)?;
    // What was frozen answers what it was asked, and nobody waits for that any more.
    std::thread::sleep(CALLOUT);
    service.kill()?;
    row.expect("killed, its socket left behind", &each(site, runtime)?, &thrice(UNAVAILABLE));
    std::fs::remove_file(service.socket())?;
    row.expect("killed, its socket removed", &each(site, runtime)?, &thrice(UNAVAILABLE));
    row.expect("upstream saw of all of that", &(site.upstream.count() - before), &3);

    service.restart()?;
    row.expect("served again", &each(site, runtime)?, &thrice("200"));
    row.expect("upstream saw", &(site.upstream.count() - before), &6);
    Ok(())
}

/// The answers to a new read, to a new write, and to one whose body comes in many pieces.
fn each(site: &Site, runtime: &Runtime) -> Fallible<String> {
    let (_, get) = site.read()?;
    told(site, runtime, &[&get, &write(site, br#"{"item":1}"#)?, &write(site, &[b' '; LARGE])?])
}

fn thrice(word: &str) -> String {
    [word; 3].join(", ")
}

/// The answers to these, each on a connection of its own.
fn told(site: &Site, runtime: &Runtime, wires: &[&Wire]) -> Fallible<String> {
    let address = site.address(0)?;
    let mut words = Vec::new();
    for wire in wires {
        let answer = runtime.block_on(async { Lane::open(address).await?.send(wire).await })?;
        words.push(answer.word());
    }
    Ok(words.join(", "))
}

fn write(site: &Site, body: &[u8]) -> Fallible<Wire> {
    Ok(site.callers.sign(&Order::new(site.callers.number(), &Arc::from(body), clock::now()))?)
}
