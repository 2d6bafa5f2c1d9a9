use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use trustplane_broker::{BundleFile, BundleKind, Log, Services, SigningKey};
use trustplane_core::PublicKey;

use super::broker::Broker;
use super::caller::{Caller, get_profile, post_profile};
use super::config::{LISTENER, bootstrap, configuration};
use super::documents::{Documents, Issuers};
use super::filter::find_filter;
use super::folder::Folder;
use super::replay::{Redis, ReplayThread, Store};
use super::service::{self, ServiceThread};
use crate::clock;
use crate::envoy::{Envoy, Launch, ReplayService, find_binary};
use crate::exit::Fault;
use crate::files::Readers;
use crate::upstream::Echo;
use crate::value::{Json, pretty};

/// How to start a local stack.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// The Envoy to run; else the first on `PATH`.
    pub envoy_bin: Option<PathBuf>,
    /// The filter; else see [`find_filter`].
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
    // Envoy ends first: it still talks to the upstream and writes into the folder.
    envoy: Envoy,
    broker: Option<Broker>,
    upstream: Echo,
    // The service ends before its Redis.
    _replay: Option<(ReplayThread, Redis)>,
    _bundles: ServiceThread,
    caller: Caller,
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
    /// The filter.
    pub filter: PathBuf,
    /// Envoy's configuration.
    pub envoy_config: PathBuf,
    /// Envoy's access log, one JSON object a line, with the audit event in it.
    pub access_log: PathBuf,
    /// Envoy's own log.
    pub envoy_log: PathBuf,
    /// The socket where Envoy asks for newer bundles: those in the two files.
    pub bundle_socket: PathBuf,
    /// The replay service's socket, where there is one.
    pub replay_socket: Option<PathBuf>,
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
        }
    }
}

impl Up {
    /// Starts everything and waits until a request would pass. Blocks.
    pub fn start(options: &UpOptions) -> Result<Self, Fault> {
        let path = std::env::var_os("PATH");
        let binary =
            find_binary(options.envoy_bin.as_deref(), path.as_deref()).map_err(|err| Fault::new(err.to_string()))?;
        let filter = find_filter(options.filter.as_deref())?;
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

        let replay = match options.store {
            Store::SharedData => None,
            Store::Redis => {
                let redis = Redis::start(folder.path())?;
                let socket = folder.file("replay.sock");
                Some((ReplayThread::start(&socket, &redis.url())?, redis, socket))
            }
        };
        let service = replay.as_ref().map(|(_, _, socket)| ReplayService::new(socket));
        let bundle_socket = folder.file("bundles.sock");
        let bundle_log = folder.file("bundles.log");
        let log = Arc::new(File::create(&bundle_log).map_err(|err| Fault::file(&bundle_log, err))?);
        // Where it cannot be written, that is no reason to stop.
        let log = Log::new(move |line| drop(writeln!(&*log, "{line}")));
        let follow = |kind, path: &Path| BundleFile::open(kind, path, Some(signer.public_key().clone()), log.clone());
        let bundles = ServiceThread::start(&bundle_socket, |_| {
            let policy = follow(BundleKind::Policy, &policy_bundle).map_err(service::fault)?;
            let trust = follow(BundleKind::Trust, &trust_bundle).map_err(service::fault)?;
            Ok(Services::default().with_bundle(policy).with_bundle(trust))
        })?;

        let start_broker = |program: &PathBuf| Broker::start(program, &broker_key, &folder);
        let broker = options.broker.as_ref().map(start_broker).transpose()?;

        let config = configuration(documents, &signer, options.store)?;
        let access_log = folder.file("access.log");
        let bootstrap =
            bootstrap(options.port, &filter, config, &access_log, upstream.address(), (service, &bundle_socket));
        let envoy_config = folder.write("envoy.json", &pretty(&bootstrap.to_json()), Readers::Anyone)?;
        let launch =
            Launch { binary, config: envoy_config.clone(), folder: folder.path().to_owned(), workers: options.workers };
        let envoy = Envoy::start(&launch).map_err(|err| Fault::new(err.to_string()))?;
        let listener = envoy.listener(LISTENER).ok_or_else(|| Fault::new("Envoy reports no listener of ours"))?;
        let profile = |name: &str, profile: Json| folder.write(name, &pretty(&profile), Readers::Anyone);
        let paths = Paths {
            profile: profile("profile.json", get_profile(listener))?,
            post_profile: profile("post-profile.json", post_profile(listener))?,
            private_key,
            policy_bundle,
            trust_bundle,
            bundle_private_key,
            filter,
            envoy_config,
            access_log,
            envoy_log: launch.log_file(),
            bundle_socket,
            replay_socket: replay.as_ref().map(|(_, _, socket)| socket.clone()),
        };
        let replay = replay.map(|(service, redis, _)| (service, redis));
        await_warm_store();
        Ok(Self {
            envoy,
            broker,
            upstream,
            _replay: replay,
            _bundles: bundles,
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

    /// The Envoy.
    pub fn envoy(&self) -> &Envoy {
        &self.envoy
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
