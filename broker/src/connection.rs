use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};
use trustplane_core::Reason;

use crate::broker::Broker;
use crate::ipc::MAX_LINE_BYTES;
use crate::issue::Outcome;
use crate::peer::Peer;
use crate::slots::Slot;

/// How long a peer may take to read its answer.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// How much of what a refused peer still sends is read and thrown away, and for how long: a close
/// before that would break its write and hide the answer.
const LINGER_BYTES: usize = 4 << 20;
const LINGER_TIME: Duration = Duration::from_secs(1);

/// How reading the one line ended.
enum Line {
    /// With all of it.
    Full(Vec<u8>),
    /// With the peer gone before it sent anything.
    Gone,
    /// With less than a line, or too much of one.
    Refused(Refusal),
}

/// Why a connection is answered without a decision.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    Cut,
    Late,
    Long,
    Overloaded,
}

impl Refusal {
    /// The recorded answer.
    pub(crate) fn answer(self, broker: &Broker, peer: &Peer) -> Vec<u8> {
        broker.refuse(self.outcome(), peer)
    }

    fn outcome(self) -> Outcome {
        let problem = match self {
            Self::Cut => "the connection ended before the line did",
            Self::Late => "no full line within the time allowed",
            Self::Long => "the line is longer than 64 KiB",
            Self::Overloaded => return Outcome::denied(Reason::BrokerOverloaded, BTreeMap::new()),
        };
        Outcome::denied(Reason::BrokerRequestInvalid, BTreeMap::from([("problem".into(), problem.into())]))
    }
}

/// Serves one connection: one line, one answer, close.
pub(crate) async fn serve(broker: Arc<Broker>, mut stream: UnixStream, peer: Peer, mut slot: Slot) {
    let deadline = Instant::now() + broker.limits().first_line;
    let line = tokio::select! {
        biased;
        line = timeout_at(deadline, read_line(&mut stream)) => line,
        () = slot.evicted() => Ok(Line::Refused(Refusal::Overloaded)),
    };
    let line = match line {
        Ok(Line::Full(_)) if !slot.serve() => Line::Refused(Refusal::Overloaded),
        Ok(line) => line,
        Err(_) => Line::Refused(Refusal::Late),
    };
    match line {
        Line::Full(line) => {
            let answer = broker.answer(&line, &peer);
            let _ = timeout(WRITE_TIME, stream.write_all(&answer)).await;
        }
        Line::Gone => {}
        Line::Refused(refusal) => refuse(&broker, stream, &peer, refusal).await,
    }
}

/// Answers a connection whose line is not read to its end.
pub(crate) async fn refuse(broker: &Broker, mut stream: UnixStream, peer: &Peer, refusal: Refusal) {
    let answer = refusal.answer(broker, peer);
    let farewell = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        let mut rest = vec![0; 16 << 10];
        let mut thrown_away = 0usize;
        while thrown_away < LINGER_BYTES {
            match stream.read(&mut rest).await? {
                0 => break,
                count => thrown_away = thrown_away.saturating_add(count),
            }
        }
        io::Result::Ok(())
    };
    let _ = timeout(LINGER_TIME, farewell).await;
}

async fn read_line(stream: &mut UnixStream) -> Line {
    let mut line = Vec::with_capacity(4096);
    loop {
        let before = line.len();
        match stream.read_buf(&mut line).await {
            Ok(0) if before == 0 => return Line::Gone,
            Ok(0) => return Line::Refused(Refusal::Cut),
            Ok(_) => {}
            Err(_) => return Line::Gone,
        }
        let found = line.iter().skip(before).position(|byte| *byte == b'\n');
        if let Some(end) = found.map(|offset| before.saturating_add(offset)) {
            if end > MAX_LINE_BYTES {
                return Line::Refused(Refusal::Long);
            }
            line.truncate(end);
            return Line::Full(line);
        }
        if line.len() > MAX_LINE_BYTES {
            return Line::Refused(Refusal::Long);
        }
    }
}
