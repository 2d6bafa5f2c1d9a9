//! The two examples of how others put the verification into their own programs.

#[path = "../../../cli/examples/axum.rs"]
#[allow(dead_code, reason = "its main is for whoever runs it")]
mod axum_service;
#[path = "../../../cli/examples/embed.rs"]
#[allow(dead_code, reason = "its main is for whoever runs it")]
mod embed;

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use trustplane::clock;
use trustplane::host::{Host, Memory};
use trustplane_core::{Consumed, Head, Reason, UnixTime};
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::load::{Callers, Flaw, HOST, Lane, Order, anonymous};
use trustplane_wasm_tests::run::Run;

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Both.
pub fn all(run: &mut Run, cases: &Cases) {
    run.holds("example embed", "Three calls decide as every host does.", || embedded(cases));
    run.holds("example embed length", "The example is as short as it is told.", || {
        let lines = include_str!("../../../cli/examples/embed.rs").lines().count();
        if lines < 60 { Ok(()) } else { Err(format!("{lines} lines")) }
    });
    run.holds("example axum", "An axum service answers whom it knows, once.", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let served = runtime.map_err(|error| error.to_string())?.block_on(served());
        served.map_err(|error| error.to_string())
    });
}

/// Every case without trailers, whose passport the store has not seen.
fn embedded(cases: &Cases) -> Result<(), String> {
    let mut decided = 0;
    for case in &cases.cases {
        let profile = cases.profile(case);
        let Ok(verifier) = embed::verifier(profile.config.as_bytes(), UnixTime::from_secs(profile.fetched_at)) else {
            continue;
        };
        if !case.trailers.is_empty() || case.store != trustplane_wasm_tests::case::Store::Fresh {
            continue;
        }
        let headers: Vec<_> = case.headers.iter().map(|(name, value)| (name.as_bytes(), value.0.as_slice())).collect();
        let (method, target, authority) = (&case.method.0, &case.target.0, &case.authority.0);
        let head = Head { method, target, authority, tls: case.tls, headers: &headers };
        let body = case.body_chunks.iter().map(|chunk| chunk.0.as_slice());
        let seen = Mutex::new(HashSet::new());
        let consume = |key: &trustplane_core::ReplayKey| match seen.lock().is_ok_and(|mut it| it.insert(*key.id())) {
            true => Consumed::Fresh,
            false => Consumed::Replayed,
        };
        let verdict = embed::decide(&verifier, &head, body, consume, || UnixTime::from_secs(case.now));
        let reason = verdict.map_or_else(|denied| denied.reason(), |_| Reason::RequestAllowed);
        if reason.as_str() != case.expect.reason {
            return Err(format!("{}: expected {}, got {reason}", case.name, case.expect.reason));
        }
        decided += 1;
    }
    if decided > 600 { Ok(()) } else { Err(format!("{decided} cases")) }
}

async fn served() -> Fallible<()> {
    let callers = Callers::new()?;
    let now = clock::now();
    let config = callers.configuration(now).to_string();
    let verifier = embed::verifier(config.as_bytes(), now).map_err(|error| error.to_string())?;
    let host = Arc::new(Host::new(Some(verifier), Memory::new(64, now.minus(60), 2)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, axum_service::app(host)).await });

    let body: Arc<[u8]> = Arc::from(&b"two books"[..]);
    let order = Order::new(callers.number(), &body, now);
    let signed = callers.sign(&order)?;
    let turn = order.number % 64;
    let mut lane = Lane::open(address).await?;
    let answer = lane.send(&signed).await?;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    let expected = format!("order {} of service:caller-{turn}: two books", order.number);
    if (answer.status, &told) != (200, &expected) {
        return Err(format!("expected {expected:?}, got {} {told:?}", answer.status).into());
    }
    let flawed = Order { flaw: Flaw::Proof, ..Order::new(callers.number(), &body, now) };
    for (wire, expected) in [
        (signed, "403 jti_replay"),
        (callers.sign(&flawed)?, "403 invalid_request_proof"),
        (anonymous(&body), "401 missing_passport"),
    ] {
        let answer = Lane::open(address).await?.send(&wire).await?.word();
        if answer != expected {
            return Err(format!("at {HOST}: expected {expected}, got {answer}").into());
        }
    }
    Ok(())
}
