use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use trustplane_broker::SigningKey;
use trustplane_core::PublicKey;

use super::adapter::AdapterLaunch;
use super::broker::Broker;
use super::caller::{Caller, get_profile, post_profile};
use super::config::LISTENER;
use super::documents::{Documents, Issuers};
use super::folder::Folder;
use super::gate::Gate;
use super::ground::{Binaries, Ground, Started};
use super::replay::{Redis, ReplayThread, Store};
use super::service::ServiceThread;
use crate::clock;
use crate::envoy::Envoy;
use crate::exit::Fault;
use crate::files::Readers;
use crate::upstream::Echo;
use crate::value::{Json, pretty};

/// How to start a local stack.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// The Envoy to run; else the first on `PATH`.
    pub envoy_bin: Option<PathBuf>,
    /// The filter; else see [`super::find_filter`].
    pub filter: Option<PathBuf>,
    /// Where to keep its files; else in a folder that goes with the stack.
    pub state_dir: Option<PathBuf>,
    /// Envoy's worker threads.
    pub workers: u32,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Which policy it serves.
    pub scenario: Scenario,
    /// Where it remembers consumed passports.
    pub store: Store,
    /// The program whose `broker serve` is the stack's broker; without one there is no broker.
    pub broker: Option<PathBuf>,
    /// The key of a broker that vouches for workloads; with one there is `GET /ledger/{id}`, for them alone.
    pub attested: Option<PublicKey>,
    /// What decides.
    pub host: Host,
}

/// What decides in a local stack.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Host {
    /// The adapter of this program.
    Adapter(PathBuf),
    /// A real Envoy with the filter.
    #[default]
    Envoy,
}

/// Which policy a local stack serves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scenario {
    /// What the acceptance matrix needs besides: more routes, older bundles, a revoked subject.
    Acceptance,
    /// One caller, `GET /orders/{id}` and `POST /orders`.
    #[default]
    Orders,
}

/// A running local stack; it ends with this value.
#[derive(Debug)]
pub struct Up {
    // It ends first: it still talks to the upstream and writes into the folder.
    gate: Gate,
    broker: Option<Broker>,
    upstream: Echo,
    _bundles: Option<ServiceThread>,
    // The service ends before its Redis.
    _replay: Option<(Option<ReplayThread>, Redis)>,
    caller: Caller,
    adapter: Option<AdapterLaunch>,
    listener: SocketAddr,
    paths: Paths,
    folder: Folder,
}

/// The stack's files.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Signing profile for `GET /orders/{id}`.
    pub profile: PathBuf,
    /// Signing profile for `POST /orders`.
    pub post_profile: PathBuf,
    /// The caller's private key.
    pub private_key: PathBuf,
    /// The policy bundle.
    pub policy_bundle: PathBuf,
    /// The trust material.
    pub trust_bundle: PathBuf,
    /// The private key that signed both bundles.
    pub bundle_private_key: PathBuf,
    /// Envoy's access log, one JSON object a line, with the audit event in it; or the adapter's audit log.
    pub access_log: PathBuf,
    /// What Envoy or the adapter says besides.
    pub log: PathBuf,
    /// What only Envoy has.
    pub envoy: Option<EnvoyPaths>,
}

/// The files of a stack with Envoy.
#[derive(Clone, Debug)]
pub struct EnvoyPaths {
    /// The filter.
    pub filter: PathBuf,
    /// Envoy's configuration.
    pub config: PathBuf,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            envoy_bin: None,
            filter: None,
            state_dir: None,
            workers: 2,
            port: 0,
            scenario: Scenario::default(),
            store: Store::default(),
            broker: None,
            attested: None,
            host: Host::default(),
        }
    }
}

impl Up {
    /// Starts everything and waits until a request would pass. Blocks.
    pub fn start(options: &UpOptions) -> Result<Self, Fault> {
        // What is missing is told before anything starts.
        let envoy = match options.host {
            Host::Adapter(_) => None,
            Host::Envoy => Some(Binaries::find(options)?),
        };
        let folder = match &options.state_dir {
            Some(path) => Folder::open(path)?,
            None => Folder::temporary()?,
        };
        let new_key = || SigningKey::generate().map_err(|err| Fault::new(err.to_string()));
        let (caller, broker_key, signer, vouching) = (new_key()?, new_key()?, new_key()?, new_key()?);
        let issuers = Issuers {
            caller: caller.public_key(),
            broker: options.broker.as_ref().map(|_| broker_key.public_key()),
            service: vouching.public_key(),
            attested: options.attested.as_ref(),
        };
        let documents = Documents::new(options.scenario, &issuers, &signer, clock::now())
            .map_err(|error| Fault::member("the local stack's bundles", error.pointer, error.problem))?;
        let upstream = Echo::start().map_err(|err| Fault::of("upstream", err))?;

        let policy_bundle = folder.write("policy-bundle.json", &pretty(&documents.policy), Readers::Anyone)?;
        let trust_bundle = folder.write("trust-bundle.json", &pretty(&documents.trust), Readers::Anyone)?;
        let private_key = folder.write("private-key", &key_text(&caller), Readers::Owner)?;
        let bundle_private_key = folder.write("bundle-private-key", &key_text(&signer), Readers::Owner)?;
        let redis = (options.store == Store::Redis).then(|| Redis::start(folder.path())).transpose()?;
        let start_broker = |program: &PathBuf| Broker::start(program, &broker_key, &folder);
        let broker = options.broker.as_ref().map(start_broker).transpose()?;

        let ground = Ground {
            options,
            folder: &folder,
            signer: &signer,
            policy_bundle: &policy_bundle,
            trust_bundle: &trust_bundle,
            upstream: upstream.address(),
            redis: redis.as_ref(),
        };
        let Started { gate, bundles, replay, access_log, log, envoy, adapter } = match (envoy, &options.host) {
            (Some(binaries), _) => ground.envoy(binaries, documents)?,
            (None, Host::Adapter(program)) => ground.adapter(program)?,
            (None, Host::Envoy) => return Err(Fault::new("no Envoy")),
        };
        let listener = gate.listener().ok_or_else(|| Fault::new("Envoy reports no listener of ours"))?;
        let profile = |name: &str, profile: Json| folder.write(name, &pretty(&profile), Readers::Anyone);
        let paths = Paths {
            profile: profile("profile.json", get_profile(listener))?,
            post_profile: profile("post-profile.json", post_profile(listener))?,
            private_key,
            policy_bundle,
            trust_bundle,
            bundle_private_key,
            access_log,
            log,
            envoy,
        };
        await_warm_store();
        Ok(Self {
            gate,
            broker,
            upstream,
            _bundles: bundles,
            _replay: redis.map(|redis| (replay, redis)),
            adapter,
            caller: Caller::new(caller, vouching),
            listener,
            paths,
            folder,
        })
    }

    /// Where callers connect.
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// The same as a URL.
    pub fn listener_url(&self) -> String {
        format!("http://{}", self.listener)
    }

    /// The listener's `stat_prefix`.
    pub fn stat_prefix(&self) -> &'static str {
        LISTENER
    }

    /// What decides.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The Envoy, where that decides.
    pub fn envoy(&self) -> Option<&Envoy> {
        match &self.gate {
            Gate::Adapter(_) => None,
            Gate::Envoy(envoy) => Some(envoy),
        }
    }

    /// How the adapter was started, where that decides.
    pub(crate) fn adapter(&self) -> Option<&AdapterLaunch> {
        self.adapter.as_ref()
    }

    /// The broker, if it was asked for.
    pub fn broker(&self) -> Option<&Broker> {
        self.broker.as_ref()
    }

    /// The service behind it.
    pub fn upstream(&self) -> &Echo {
        &self.upstream
    }

    /// The one caller that the policy lets in.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Its files.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The folder they are in.
    pub fn state_dir(&self) -> &Path {
        self.folder.path()
    }
}

fn key_text(key: &SigningKey) -> String {
    format!("{}\n", *key.to_base64url())
}

/// A passport must be younger than the replay store, and times are whole seconds.
fn await_warm_store() {
    let began = clock::now();
    while clock::now() <= began {
        sleep(Duration::from_millis(20));
    }
}
