use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use spiffe::transport::TransportError;
use spiffe::{WorkloadApiClient, WorkloadApiError, X509Context};
use trustplane_core::UnixTime;

use super::fault::SvidFault;
use super::rules::SvidRules;
use super::source::SpiffeSource;
use super::state::State;
use super::svid::Svid;
use crate::clock;

/// The Workload API answers at once, or it is not there.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// The first pause before it is asked again; each is twice the last, and half of it is chance, so that the
/// brokers of a node do not all come back at once.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl SpiffeSource {
    /// Follows the Workload API for as long as it is polled: what it gives is in force at once, and nothing is
    /// from the moment its stream ends.
    pub async fn follow(self) -> Infallible {
        let mut failures = 0;
        loop {
            let problem = self.stream(&mut failures).await;
            self.failed();
            self.put(State::Unavailable(problem));
            tokio::time::sleep(pause(failures)).await;
            failures += 1;
        }
    }

    /// One connection, up to its end; says what ended it.
    async fn stream(&self, failures: &mut u32) -> String {
        let opened = async {
            let client = WorkloadApiClient::connect(self.endpoint().clone()).await?;
            let mut contexts = client.stream_x509_contexts().await?;
            let first = contexts.next().await.unwrap_or(Err(WorkloadApiError::EmptyResponse))?;
            Ok::<_, WorkloadApiError>((first, contexts))
        };
        let (first, contexts) = match tokio::time::timeout(FIRST_ANSWER, opened).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(err)) => return said(&err),
            Err(_) => return "the Workload API does not answer".into(),
        };
        *failures = 0;
        self.put(judge(&first, self.rules(), clock::now()));
        let mut contexts = pin!(contexts);
        loop {
            match contexts.next().await {
                Some(Ok(context)) => self.put(judge(&context, self.rules(), clock::now())),
                Some(Err(err)) => return said(&err),
                None => return "the Workload API ended its stream".into(),
            }
        }
    }
}

/// The first SVID that counts, or what is wrong with the first. Its private key is not kept.
fn judge(context: &X509Context, rules: &SvidRules, now: UnixTime) -> State {
    let mut refused = None;
    for svid in context.svids() {
        let chain: Vec<_> = svid.cert_chain().iter().map(|certificate| certificate.as_bytes()).collect();
        // Those of the ID's own trust domain.
        let bundle = context.bundle_set().get(svid.spiffe_id().trust_domain());
        let authorities = bundle.iter().flat_map(|bundle| bundle.authorities());
        let authorities: Vec<_> = authorities.map(|certificate| certificate.as_bytes()).collect();
        match Svid::verify(&chain, &authorities, rules, now) {
            Ok(svid) => return State::Verified(svid.into()),
            Err(fault) => drop(refused.get_or_insert(fault)),
        }
    }
    State::Refused(refused.unwrap_or(SvidFault::Absent))
}

/// In words that a caller may read. A transport's own words name its layers; the innermost names the cause.
fn said(err: &WorkloadApiError) -> String {
    match err {
        WorkloadApiError::Transport(TransportError::Status(_)) => "the Workload API broke off its stream".into(),
        WorkloadApiError::Transport(err) => {
            let mut cause: &dyn Error = err;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            format!("the Workload API cannot be reached: {cause}")
        }
        err => format!("the Workload API: {err}"),
    }
}

fn pause(failures: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    let mut random = [0; 1];
    // Without entropy all pauses are the longest.
    let share = getrandom::fill(&mut random).map_or(u8::MAX, |()| random[0]);
    longest / 2 + (longest / 2).mul_f64(f64::from(share) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_are_never_short() {
        for failures in [0, 1, 2, 3, 10, 31, 32, u32::MAX] {
            let longest = (FIRST_PAUSE.as_millis() << failures.min(10)).min(LONGEST_PAUSE.as_millis());
            let pause = pause(failures).as_millis();
            assert!((longest / 2..=longest).contains(&pause), "{failures}: {pause}");
        }
    }
}
