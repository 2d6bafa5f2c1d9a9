//! The host in this process, where no case reaches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use trustplane::clock;
use trustplane::host::{Host, Memory};
use trustplane_core::{Reason, UnixTime};
use trustplane_wasm_tests::core_subject::verifier_of;
use trustplane_wasm_tests::load::{Callers, Order, Wire};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::store::Fallible;

/// How many present one passport at once.
const PRESENTERS: usize = 64;

/// Everything.
pub fn all(run: &mut Run) {
    let mut holds = |name: &str, comment: &str, test: fn() -> Fallible<()>| {
        run.holds(&format!("host {name}"), comment, || test().map_err(|error| error.to_string()));
    };
    holds("without a record", "A decision that cannot be recorded lets nothing pass.", unrecorded);
    holds("without documents", "Without documents everything is refused.", empty);
    holds("at once", "Of many presentations of one passport, one passes.", at_once);
    holds("full", "A memory that is full of live passports takes no more.", full);
}

fn unrecorded() -> Fallible<()> {
    let (callers, now) = (Callers::new()?, clock::now());
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let host = host(&callers, now, 8)?.with_audit(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Err(std::io::ErrorKind::StorageFull.into())
    });
    let wire = signed(&callers, now)?;
    expect(Reason::VerifierUnavailable, decide(&host, &wire)?)?;
    // Its passport is spent: the caller comes back with a new one.
    expect(Reason::JtiReplay, decide(&host, &wire)?)?;
    match told.load(Ordering::SeqCst) {
        2 => Ok(()),
        other => Err(format!("{other} events").into()),
    }
}

fn empty() -> Fallible<()> {
    let (callers, now) = (Callers::new()?, clock::now());
    let host = Host::new(None, Memory::new(8, now.minus(60), 2));
    let wire = signed(&callers, now)?;
    expect(Reason::VerifierUnavailable, decide(&host, &wire)?)?;
    host.replace(verifier_of(&callers.configuration(now).to_string(), now).map_err(|error| error.to_string())?);
    expect(Reason::RequestAllowed, decide(&host, &wire)?)
}

fn at_once() -> Fallible<()> {
    let (callers, now) = (Callers::new()?, clock::now());
    let host = Arc::new(host(&callers, now, 1024)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    for _ in 0..20 {
        let wire = signed(&callers, now)?;
        let request = || request(&wire);
        let passed = runtime.block_on(async {
            let mut presenters = JoinSet::new();
            for _ in 0..PRESENTERS {
                let (host, request) = (Arc::clone(&host), request()?);
                presenters.spawn(async move {
                    let (mut parts, body) = request.into_parts();
                    host.authorize(&mut parts, body).await.is_ok()
                });
            }
            Fallible::Ok(presenters.join_all().await.into_iter().filter(|passed| *passed).count())
        })?;
        if passed != 1 {
            return Err(format!("{passed} of {PRESENTERS} passed").into());
        }
    }
    let shares = host.shares();
    match shares.iter().filter(|share| **share > 0).count() {
        0 | 1 => Err(format!("no race: {shares:?}").into()),
        _ => Ok(()),
    }
}

fn full() -> Fallible<()> {
    let (callers, now) = (Callers::new()?, clock::now());
    let host = host(&callers, now, 1)?;
    expect(Reason::RequestAllowed, decide(&host, &signed(&callers, now)?)?)?;
    expect(Reason::ReplayStoreFull, decide(&host, &signed(&callers, now)?)?)?;
    let counted = [Reason::RequestAllowed, Reason::ReplayStoreFull].map(|reason| host.decisions().of(reason));
    if counted == [1, 1] { Ok(()) } else { Err(format!("counted {counted:?}").into()) }
}

fn host(callers: &Callers, now: UnixTime, capacity: usize) -> Fallible<Host> {
    let verifier = verifier_of(&callers.configuration(now).to_string(), now).map_err(|error| error.to_string())?;
    Ok(Host::new(Some(verifier), Memory::new(capacity, now.minus(60), 2)))
}

fn signed(callers: &Callers, now: UnixTime) -> Fallible<Wire> {
    Ok(callers.sign(&Order::new(callers.number(), &Arc::from([]), now))?)
}

fn request(wire: &Wire) -> Fallible<Request<Full<Bytes>>> {
    let text = String::from_utf8(wire.head.clone())?;
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    Ok(request.body(Full::from(wire.body.to_vec()))?)
}

/// What becomes of it; what passes has the body that was sent.
fn decide(host: &Host, wire: &Wire) -> Fallible<Reason> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut parts, body) = request(wire)?.into_parts();
    runtime.block_on(async {
        match host.authorize(&mut parts, body).await {
            Ok(held) => {
                let same = held.collect().await?.to_bytes() == *wire.body;
                if same { Ok(Reason::RequestAllowed) } else { Err("another body".into()) }
            }
            Err(refused) => Ok(refused.denied.reason()),
        }
    })
}

fn expect(expected: Reason, found: Reason) -> Fallible<()> {
    if expected == found { Ok(()) } else { Err(format!("expected {expected}, got {found}").into()) }
}
