use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::row::{Row, outcome};
use crate::client::{ClientError, Connection, Message};
use crate::clock;
use crate::exit::Fault;
use crate::local::{Draft, Up};

/// How many present the same passport at once.
pub(super) const PRESENTERS: usize = 32;

/// One passport, presented on as many connections at once: exactly one must pass.
///
/// On a single worker nothing races, so the row fails unless two workers each took a tenth.
pub(super) async fn race(up: &Up) -> Result<Row, Fault> {
    let message = up.caller().sign(&Draft::get("/orders/7"), up.listener(), clock::now())?;
    let shares_before = up.gate().shares().await.map_err(broken)?;
    let seen_before = up.upstream().count();
    let connections = connect(&[up.listener(); PRESENTERS]).await.map_err(broken)?;
    let (answers, took) = at_once(connections, message).await;
    // A connection is one request here, so connections are shares.
    let shares_after = up.gate().shares().await.map_err(broken)?;
    let shares: Vec<u64> = shares_after.iter().zip(shares_before).map(|(after, before)| after - before).collect();
    let row = Row::of(
        &format!("one passport, {PRESENTERS} times at once"),
        (expected(), 1),
        (outcomes(&answers), up.upstream().count() - seen_before),
        took,
    );
    Ok(row.raced("workers", &shares))
}

/// What a race must come to.
pub(super) fn expected() -> String {
    format!("1 x 200, {} x 403 jti_replay", PRESENTERS - 1)
}

pub(super) fn broken(err: ClientError) -> Fault {
    Fault::new(format!("the race could not be run: {err}"))
}

/// A connection to each.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<Vec<Connection>, ClientError> {
    let mut connections = Vec::new();
    for address in addresses {
        connections.push(Connection::open(*address).await?);
    }
    Ok(connections)
}

/// Sends the message through all of them at once: what came of each, and how long all took.
pub(super) async fn at_once(connections: Vec<Connection>, message: Message) -> (Vec<String>, Duration) {
    let (message, line) = (Arc::new(message), Arc::new(Barrier::new(connections.len())));
    let start = Instant::now();
    let mut presenters = JoinSet::new();
    for mut connection in connections {
        let (message, line) = (Arc::clone(&message), Arc::clone(&line));
        presenters.spawn(async move {
            line.wait().await;
            connection.send(&message).await
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = presenters.join_next().await {
        answers.push(match answer {
            Ok(Ok(answer)) => outcome(&answer),
            Ok(Err(err)) => err.to_string(),
            Err(err) => err.to_string(),
        });
    }
    (answers, start.elapsed())
}

/// How often what came.
pub(super) fn outcomes(answers: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer).or_default() += 1;
    }
    counts.iter().map(|(outcome, count)| format!("{count} x {outcome}")).collect::<Vec<_>>().join(", ")
}
