use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};
use tokio::sync::{mpsc, oneshot};
use trustplane_core::hex;

use super::answer::Answer;
use super::fault::Fault;
use super::link::Terms;
use super::marker::{self, Marker};
use super::question::Question;

/// Questions that go out together at most.
const MOST: usize = 256;

/// Questions to a server whose replicas are waited for.
///
/// `WAIT` holds up the connection it is sent on, and speaks for everything that was written there
/// before. So whoever asks meanwhile goes out together afterwards, behind one `WAIT` for all.
#[derive(Clone, Debug)]
pub(super) struct Batches(mpsc::Sender<Asked>);

#[derive(Debug)]
struct Asked {
    question: Question,
    answer: oneshot::Sender<Result<Answer, Fault>>,
}

impl Batches {
    /// Asks on this connection until the last copy of this value is gone.
    pub(super) fn start(mut wire: MultiplexedConnection, marker: Marker, terms: Terms) -> Self {
        let (sender, mut asked) = mpsc::channel(MOST);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while asked.recv_many(&mut batch, MOST).await > 0 {
                // Nobody waits for these any more: let them not be consumed.
                batch.retain(|asked: &Asked| !asked.answer.is_closed());
                let (questions, waiting): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|Asked { question, answer }| (question, answer)).unzip();
                if questions.is_empty() {
                    continue;
                }
                let told = consume(&mut wire, &marker, &questions, &terms).await;
                for (index, waiting) in waiting.into_iter().enumerate() {
                    let answer = match &told {
                        Ok(answers) => answers.get(index).cloned().unwrap_or(Err(Fault::Strange("SET"))),
                        Err(fault) => Err(fault.clone()),
                    };
                    // Whoever has left does not want it.
                    let _ = waiting.send(answer);
                }
            }
        });
        Self(sender)
    }

    pub(super) async fn ask(&self, question: Question) -> Result<Answer, Fault> {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Asked { question, answer }).await.is_err() {
            return Err(Fault::Silent);
        }
        answered.await.unwrap_or(Err(Fault::Silent))
    }
}

/// The one step for each that decides, and behind all of them, in the same breath, whether the server
/// still is the one that was looked at: had it been emptied in between, they could say nothing.
pub(super) async fn consume(
    wire: &mut MultiplexedConnection,
    marker: &Marker,
    questions: &[Question],
    terms: &Terms,
) -> Result<Vec<Result<Answer, Fault>>, Fault> {
    let mut pipe = redis::pipe();
    for question in questions {
        pipe.add_command(set(question));
    }
    pipe.cmd("GET").arg(marker::KEY);
    if terms.replicas > 0 {
        let time = terms.answer.mul_f32(0.5).as_millis();
        pipe.cmd("WAIT").arg(terms.replicas).arg(u64::try_from(time).unwrap_or(u64::MAX));
    }
    let mut told: Vec<Value> = pipe.ignore_errors().query_async(wire).await?;
    let mut rest = told.drain(questions.len().min(told.len())..);
    let (written, copies, more) = (rest.next(), rest.next(), rest.next());
    drop(rest);
    if told.len() != questions.len() || more.is_some() {
        return Err(Fault::Strange("SET"));
    }
    match written {
        Some(Value::BulkString(text)) if text == marker.text().as_bytes() => {}
        Some(Value::ServerError(err)) => return Err(RedisError::from(err).into()),
        _ => return Err(Fault::Changed),
    }
    let copied = match copies {
        None if terms.replicas == 0 => Ok(()),
        Some(Value::Int(have)) if terms.replicas > 0 && have >= i64::from(terms.replicas) => Ok(()),
        Some(Value::Int(have)) if terms.replicas > 0 => Err(Fault::Copies { have, want: terms.replicas }),
        Some(Value::ServerError(err)) => Err(RedisError::from(err).into()),
        _ => Err(Fault::Strange("WAIT")),
    };
    // What is refused anyway needs no copies.
    let answer = |set| match (outcome(set), &copied) {
        (Ok(Answer::Fresh), Err(fault)) => Err(fault.clone()),
        (answer, _) => answer,
    };
    Ok(told.into_iter().map(answer).collect())
}

pub(super) fn set(question: &Question) -> redis::Cmd {
    let mut set = redis::cmd("SET");
    let key = format!("trustplane:replay:v1:{}", hex(&question.id));
    set.arg(key).arg(1).arg("NX").arg("PX").arg(question.ttl_ms);
    set
}

pub(super) fn outcome(set: Value) -> Result<Answer, Fault> {
    match set {
        Value::Okay => Ok(Answer::Fresh),
        Value::Nil => Ok(Answer::Replayed),
        Value::ServerError(err) => Err(RedisError::from(err).into()),
        _ => Err(Fault::Strange("SET")),
    }
}
