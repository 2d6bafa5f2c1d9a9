use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use trustplane_broker::SigningKey;
use trustplane_core::{KeyBinding, Reason};

use super::row::Row;
use crate::clock;
use crate::exit::Fault;
use crate::local::{Attested, Draft, Folder, Spire, SpireFiles, TRUST_DOMAIN, Up, UpOptions, WORKLOAD};

const ATTESTED: KeyBinding = KeyBinding::AttestedWorkload;
const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);
/// How long SVIDs live: SPIRE's agent renews them at half of it.
const SVID_SECONDS: u64 = 60;

/// A stack whose ledger is for attested workloads alone, and a SPIRE that knows one: what runs as this user.
#[derive(Debug)]
pub(crate) struct Workload {
    // What asks ends before what is asked.
    broker: Attested,
    /// It vouches for another user's workload.
    other: Attested,
    up: Up,
    spire: Spire,
}

impl Workload {
    /// Starts all of it. Blocks.
    pub(crate) fn start(files: &SpireFiles, program: &Path, options: &UpOptions) -> Result<Self, Fault> {
        let key = SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?;
        let attested = Some(key.public_key().clone());
        let up = Up::start(&UpOptions { broker: None, attested, ..options.clone() })?;
        let spire = Spire::start(files, &up.state_dir().join("spire"), TRUST_DOMAIN)?;
        let uid = nix::unistd::geteuid().as_raw();
        spire.register(WORKLOAD, uid, SVID_SECONDS)?;
        let start = |name: &str, bound: u32| {
            let folder = Folder::open(&up.state_dir().join(name))?;
            Attested::start(program, &key, &folder, TRUST_DOMAIN, (vec![uid], Attested::flags(&spire, bound)))
        };
        Ok(Self { broker: start("attested", uid)?, other: start("attested-other", uid.wrapping_add(1))?, up, spire })
    }

    /// How many requests the service behind it has seen.
    pub(crate) fn upstream_count(&self) -> u64 {
        self.up.upstream().count()
    }

    /// What a workload may do that nobody else may, and what becomes of it without SPIRE.
    pub(super) async fn rows(&mut self, mut done: impl FnMut(Row) -> Result<(), Fault>) -> Result<(), Fault> {
        self.until_issued().await?;
        done(self.presented("spire: attested workload", ATTESTED, false, Reason::RequestAllowed).await?)?;
        let below = Reason::InsufficientKeyBinding;
        done(self.presented("spire: the same name, software", KeyBinding::Software, false, below).await?)?;
        let boast = Draft { route_id: "ledger.read", key_binding: ATTESTED, ..Draft::get("/ledger/7") };
        let boast = self.up.caller().sign(&boast, self.up.listener(), clock::now())?;
        done(Row::send(&self.up, "spire: a class that one gave oneself", &boast, below).await.0)?;
        done(self.refused("spire: another user's workload", &self.other, below)?)?;
        self.spire.kill_agent()?;
        self.until_refused().await?;
        done(self.refused("spire: agent killed", &self.broker, Reason::WorkloadIdentityUnavailable)?)?;
        done(self.presented("spire: agent killed, software would do", ATTESTED, true, below).await?)?;
        self.spire.restart_agent()?;
        self.until_issued().await?;
        done(self.presented("spire: agent started again", ATTESTED, false, Reason::RequestAllowed).await?)
    }

    /// What the broker issues, through Envoy.
    async fn presented(
        &self,
        case: &str,
        class: KeyBinding,
        or_software: bool,
        expected: Reason,
    ) -> Result<Row, Fault> {
        let (request, response) = self.broker.ask(self.up.listener(), class, or_software)?;
        let message = Attested::message(&request, &response)
            .ok_or_else(|| Fault::new(format!("{case}: the broker refused: {}", response.reason_code)))?;
        Ok(Row::send(&self.up, case, &message, expected).await.0)
    }

    /// What a broker says.
    fn refused(&self, case: &str, broker: &Attested, expected: Reason) -> Result<Row, Fault> {
        let (before, start) = (self.upstream_count(), Instant::now());
        let (_, response) = broker.ask(self.up.listener(), ATTESTED, false)?;
        let seen = self.upstream_count() - before;
        Ok(Row::of(case, (expected.as_str().into(), 0), (response.reason_code, seen), start.elapsed()))
    }

    async fn until_issued(&self) -> Result<(), Fault> {
        self.until(Reason::BrokerPassportIssued).await
    }

    async fn until_refused(&self) -> Result<(), Fault> {
        self.until(Reason::WorkloadIdentityUnavailable).await
    }

    async fn until(&self, wanted: Reason) -> Result<(), Fault> {
        let began = Instant::now();
        loop {
            let (_, response) = self.broker.ask(self.up.listener(), ATTESTED, false)?;
            if response.reason_code == wanted.as_str() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let (said, log) = (response.reason_code, self.broker.broker().log().display());
                return Err(Fault::of("SPIRE", format!("the broker says {said}, not {wanted}; see {log}")));
            }
            sleep(POLL).await;
        }
    }
}
