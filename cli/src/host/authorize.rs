use hyper::Method;
use hyper::body::Body;
use hyper::http::request::Parts;
use tokio::time::timeout;
use trustplane_core::{Allowed, Denied, Proven, Reason, Trail};

use super::head::{Heading, join_cookies, upgrades};
use super::{Held, Host, Refused, edit, held};

impl Host {
    /// Takes a request from its head to its decision: the head is judged, the body read and hashed, the
    /// passport consumed. Then the head is edited as the service behind must see it.
    pub async fn authorize<B: Body + Unpin>(&self, parts: &mut Parts, mut body: B) -> Result<Held<B>, Refused<B>> {
        join_cookies(parts);
        let decided = self.decide(parts, &mut body).await.and_then(|(allowed, whole)| {
            let edited = edit::edit(&mut parts.headers, allowed.upstream());
            edited.map(|()| (allowed, whole)).ok_or_else(|| Denied::unavailable(self.now()))
        });
        let written = match &decided {
            Ok((allowed, _)) => self.record(allowed.event()),
            Err(denied) => self.record(denied.event()),
        };
        match (decided, written) {
            (Ok((allowed, whole)), Ok(())) => Ok(Held::new(&allowed, whole, body)),
            (Err(denied), _) | (Ok(_), Err(denied)) => {
                Err(Refused { denied, rest: body, bodyless: parts.method == Method::HEAD })
            }
        }
    }

    async fn decide<B: Body + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
    ) -> Result<(Allowed, Option<hyper::body::Bytes>), Denied> {
        let mut proven = self.prove(parts)?;
        if upgrades(&parts.headers) {
            return Err(proven.deny(Reason::RequestNotCanonical, self.now()));
        }
        let read = timeout(self.body_time, held::read(&mut proven, body)).await;
        let whole = match read.unwrap_or(Err(Reason::VerifierUnavailable)) {
            Ok(whole) => whole,
            Err(reason) => return Err(proven.deny(reason, self.now())),
        };
        let now = self.now();
        let admission = proven.settle(now)?;
        let consumed = self.store.consume(admission.replay_key(), now).await;
        Ok((admission.conclude(consumed, self.now())?, whole))
    }

    fn prove(&self, parts: &Parts) -> Result<Proven, Denied> {
        let now = self.now();
        let verifier = self.verifier().ok_or_else(|| Denied::unavailable(now))?;
        let heading = Heading::of(parts);
        let judged = self.keys.with(|keys| verifier.prove_with(&heading.head(), keys, now));
        let Some(own) = self.route.as_deref() else { return judged };
        // The route comes before all that else may be wrong with a request for another one.
        match judged {
            Ok(proven) if proven.upstream().route_id() != own => {
                Err(elsewhere(&proven.deny(Reason::BundleRouteMissing, now)))
            }
            Err(denied) if denied.event().trail.route_id.as_deref().is_some_and(|route| route != own) => {
                Err(elsewhere(&denied))
            }
            judged => judged,
        }
    }
}

/// What was known of the request before its route was.
fn elsewhere(denied: &Denied) -> Denied {
    let event = denied.event();
    let trail = Trail {
        policy_id: event.trail.policy_id.clone(),
        policy_version: event.trail.policy_version.clone(),
        ..Trail::default()
    };
    Denied::by_host(Reason::BundleRouteMissing, event.occurred_at, trail)
}
