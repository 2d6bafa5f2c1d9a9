use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::row::{Row, outcome};
use crate::client::Connection;
use crate::clock;
use crate::envoy::admin;
use crate::exit::Fault;
use crate::local::{Draft, Up};

/// How many present the same passport at once.
const PRESENTERS: usize = 32;

/// One passport, presented on as many connections at once: exactly one must pass.
///
/// On a single worker nothing races, so the row fails unless two workers each took a tenth.
pub(super) async fn race(up: &Up) -> Result<Row, Fault> {
    let broken = |err: crate::client::ClientError| Fault::new(format!("the race could not be run: {err}"));
    let admin = up.envoy().admin();
    let message = Arc::new(up.caller().sign(&Draft::get("/orders/7"), up.listener(), clock::now())?);
    let shares_before = admin::worker_connections(admin, up.stat_prefix()).await.map_err(broken)?;
    let seen_before = up.upstream().count();
    let mut connections = Vec::new();
    for _ in 0..PRESENTERS {
        connections.push(Connection::open(up.listener()).await.map_err(broken)?);
    }
    let line = Arc::new(Barrier::new(PRESENTERS));
    let start = Instant::now();
    let mut presenters = JoinSet::new();
    for mut connection in connections {
        let (message, line) = (Arc::clone(&message), Arc::clone(&line));
        presenters.spawn(async move {
            line.wait().await;
            connection.send(&message).await
        });
    }
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(answer) = presenters.join_next().await {
        let outcome = match answer {
            Ok(Ok(answer)) => outcome(&answer),
            Ok(Err(err)) => err.to_string(),
            Err(err) => err.to_string(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let took = start.elapsed();
    // A connection is one request here, so connections are shares.
    let shares_after = admin::worker_connections(admin, up.stat_prefix()).await.map_err(broken)?;
    let shares: Vec<u64> = shares_after.iter().zip(shares_before).map(|(after, before)| after - before).collect();
    let took_part = shares.iter().filter(|share| **share * 10 >= PRESENTERS as u64).count();
    let expected = format!("1 x 200, {} x 403 jti_replay", PRESENTERS - 1);
    let actual = outcomes.iter().map(|(outcome, count)| format!("{count} x {outcome}")).collect::<Vec<_>>().join(", ");
    let upstream_actual = up.upstream().count() - seen_before;
    let passed = actual == expected && upstream_actual == 1 && took_part >= 2;
    let shares = shares.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ");
    Ok(Row {
        case: format!("one passport, {PRESENTERS} times at once"),
        expected,
        actual,
        upstream_expected: 1,
        upstream_actual,
        micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        passed,
        note: format!("workers took {shares}{}", if took_part >= 2 { "" } else { ": no race" }),
    })
}
