//! A host of the verification in this process: what the adapter and the tower layer are shells over.
//!
//! [`Host::authorize`] takes a request from its head to its decision. Whatever may reach a service
//! comes out of it as a [`Held`] body, and only an [`Allowed`](trustplane_core::Allowed) makes one:
//! no request gets by without its passport being consumed.

mod authorize;
mod bundles;
mod edit;
mod head;
mod held;
mod keys;
mod metrics;
mod refused;
mod store;

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use trustplane_core::{AuditEvent, Component, Denied, UnixTime, Verifier};

use crate::clock;
use keys::Keys;

pub(crate) use bundles::LOOK_EVERY;
pub use bundles::{BundleFiles, Pins};
pub use head::Secured;
pub(crate) use head::authority;
pub use held::Held;
pub use metrics::Decisions;
pub use refused::{DenyBody, Refused};
pub use store::{Consuming, Memory, ReplayStore};
pub use trustplane_broker::{AuditLog, Log, Replay, ReplayArgs};

/// Writes one event; whoever cannot lets nothing pass.
type Audit = Box<dyn Fn(&AuditEvent, Component) -> io::Result<()> + Send + Sync>;

/// How long a body may take, where nothing else is said.
const BODY_TIME: Duration = Duration::from_secs(15);

/// Judges requests by what is in force now.
pub struct Host {
    /// Without one everything is refused.
    verifier: RwLock<Option<Arc<Verifier>>>,
    keys: Keys,
    store: Box<dyn ReplayStore>,
    audit: Audit,
    clock: Box<dyn Fn() -> UnixTime + Send + Sync>,
    component: Component,
    /// The one route that is served here.
    route: Option<String>,
    body_time: Duration,
    decisions: Decisions,
}

impl Host {
    /// A host that judges by this verifier, or refuses everything until there is one.
    pub fn new(verifier: Option<Verifier>, store: impl ReplayStore + 'static) -> Self {
        Self {
            verifier: RwLock::new(verifier.map(Arc::new)),
            keys: Keys::default(),
            store: Box::new(store),
            audit: Box::new(|_, _| Ok(())),
            clock: Box::new(clock::now),
            component: Component::Verifier,
            route: None,
            body_time: BODY_TIME,
            decisions: Decisions::default(),
        }
    }

    /// Records every decision there; one that cannot be recorded lets nothing pass.
    #[must_use]
    pub fn with_audit(
        mut self,
        audit: impl Fn(&AuditEvent, Component) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.audit = Box::new(audit);
        self
    }

    /// Another clock than this machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// What audit events call this host.
    #[must_use]
    pub fn with_component(mut self, component: Component) -> Self {
        self.component = component;
        self
    }

    /// Serves this route of the policy alone; requests for others are `bundle_route_missing`.
    #[must_use]
    pub fn with_route(mut self, route_id: impl Into<String>) -> Self {
        self.route = Some(route_id.into());
        self
    }

    /// How long a body may take to come; then the request is `verifier_unavailable`.
    #[must_use]
    pub fn with_body_time(mut self, time: Duration) -> Self {
        self.body_time = time;
        self
    }

    /// Judges by this verifier from now on. Requests under way end by the one they began with.
    pub fn replace(&self, verifier: Verifier) {
        *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(verifier));
    }

    /// What is judged by now.
    pub fn verifier(&self) -> Option<Arc<Verifier>> {
        self.verifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it decided what.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// How many heads each of the threads that judge has judged.
    pub fn shares(&self) -> Vec<u64> {
        self.keys.shares()
    }

    /// Writes and counts a decision. One that cannot be written is no allow.
    fn record(&self, event: &AuditEvent) -> Result<(), Denied> {
        match (self.audit)(event, self.component) {
            Err(_) if event.accepted() => {
                let denied = Denied::unavailable(event.occurred_at);
                self.decisions.count(denied.reason());
                Err(denied)
            }
            _ => {
                self.decisions.count(event.reason);
                Ok(())
            }
        }
    }

    fn now(&self) -> UnixTime {
        (self.clock)()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("component", &self.component).field("route", &self.route).finish_non_exhaustive()
    }
}
