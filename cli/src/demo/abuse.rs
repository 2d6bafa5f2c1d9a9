use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, block_in_place, spawn_blocking};
use tokio::time::sleep;
use trustplane_broker::ipc::Response;
use trustplane_core::Reason;

use super::broker::{exchange, line, order};
use super::row::Row;
use crate::exit::Fault;
use crate::local::{Broker, Up};

/// Longer than the broker waits for a line.
const PATIENCE: Duration = Duration::from_secs(10);
/// How slowly a slow writer writes.
const DRIP: Duration = Duration::from_millis(100);
/// The connections that the broker takes at once.
const CONNECTIONS: usize = 512;

/// What a caller can do by who it is or how it writes: each has its reason, and others are served on.
pub(super) async fn rows(
    up: &Up,
    broker: &Broker,
    mut done: impl FnMut(Row) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let socket = broker.socket();
    let lines = || line(&order(up, "GET")?.request);
    let row = async |case: &str, expected: Reason, actual: String, start: Instant| -> Result<Row, Fault> {
        let took = start.elapsed();
        let served = served(socket, &lines()?).await;
        let row = Row::of(case, (expected.as_str().into(), 0), (actual, 0), took);
        let issued = Reason::BrokerPassportIssued.as_str();
        Ok(row.unless((served != issued).then(|| format!("others were then answered {served}"))))
    };

    let strangers = block_in_place(|| broker.of_strangers())?;
    let start = Instant::now();
    let answer = code(exchange(strangers.socket(), &lines()?).await);
    done(row("broker: wrong peer", Reason::BrokerPeerDenied, answer, start).await?)?;
    drop(strangers);

    let start = Instant::now();
    let idle = patient(socket, |mut stream| answer_of(&mut stream));
    let slowly = lines()?;
    let slow = patient(socket, move |stream| drip(stream, &slowly));
    // Both hold a connection until the broker has waited long enough; others go before them.
    let served = row("", Reason::BrokerPassportIssued, Reason::BrokerPassportIssued.to_string(), start).await?;
    for (case, answer) in [("broker: slow writer", slow), ("broker: idle connection", idle)] {
        let answer = joined(answer.await);
        let row = row(case, Reason::BrokerRequestInvalid, answer, start).await?;
        done(row.unless((!served.passed).then(|| format!("meanwhile, {}", served.note))))?;
    }

    let start = Instant::now();
    let (one, path) = (lines()?, socket.to_owned());
    let (beyond, within) = joined_pair(spawn_blocking(move || crowd(&path, &one)).await);
    let row = row("broker: more than 512 connections", Reason::BrokerOverloaded, beyond, start).await?;
    let issued = Reason::BrokerPassportIssued.as_str();
    done(row.unless((within != issued).then(|| format!("one of the 512 was answered {within}"))))
}

/// What another is answered, who comes back for as long as it is told to.
async fn served(socket: &Path, line: &[u8]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match exchange(socket, line).await {
            Ok(Response { error: Some(error), .. }) if error.retryable && Instant::now() < deadline => {
                sleep(DRIP).await
            }
            answer => return code(answer),
        }
    }
}

/// Talks on a connection of its own, on a thread of its own.
fn patient(
    socket: &Path,
    talk: impl FnOnce(UnixStream) -> io::Result<Response> + Send + 'static,
) -> tokio::task::JoinHandle<io::Result<Response>> {
    let socket = socket.to_owned();
    spawn_blocking(move || talk(connect(&socket)?))
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn answer_of(stream: &mut UnixStream) -> io::Result<Response> {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A broker that refuses a line does not read the rest of it: the answer comes, then a reset.
    if answer.is_empty() {
        read?;
    }
    Ok(serde_json::from_slice(&answer)?)
}

/// One byte after the other, for longer than the broker waits.
fn drip(mut stream: UnixStream, line: &[u8]) -> io::Result<Response> {
    let mut reader = stream.try_clone()?;
    let answer = std::thread::spawn(move || answer_of(&mut reader));
    for byte in line {
        if answer.is_finished() || stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(DRIP);
    }
    answer.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// Every connection there is, then one more: what that one and one of the others were told.
fn crowd(socket: &Path, line: &[u8]) -> io::Result<(Response, Response)> {
    let mut held = (0..CONNECTIONS).map(|_| connect(socket)).collect::<io::Result<Vec<_>>>()?;
    let beyond = answer_of(&mut connect(socket)?)?;
    let mut within = held.pop().ok_or(io::ErrorKind::NotFound)?;
    within.write_all(line)?;
    let within = answer_of(&mut within)?;
    Ok((beyond, within))
}

fn code(answer: io::Result<Response>) -> String {
    answer.map_or_else(|err| err.to_string(), |response| response.reason_code)
}

fn joined(answer: Result<io::Result<Response>, JoinError>) -> String {
    code(answer.unwrap_or_else(|err| Err(io::Error::other(err))))
}

fn joined_pair(answers: Result<io::Result<(Response, Response)>, JoinError>) -> (String, String) {
    match answers.unwrap_or_else(|err| Err(io::Error::other(err))) {
        Ok((beyond, within)) => (beyond.reason_code, within.reason_code),
        Err(err) => (err.to_string(), err.to_string()),
    }
}
