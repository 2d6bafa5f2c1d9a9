use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trustplane_broker::{BundleFile, BundleKind, Log, Services, SigningKey};

use super::adapter::{AdapterLaunch, AdapterProcess};
use super::config::{bootstrap, configuration};
use super::documents::Documents;
use super::filter::find_filter;
use super::folder::Folder;
use super::gate::Gate;
use super::replay::{Redis, ReplayThread};
use super::service::{self, ServiceThread};
use super::up::{EnvoyPaths, UpOptions};
use crate::envoy::{Envoy, Launch, ReplayService, find_binary};
use crate::exit::Fault;
use crate::files::Readers;
use crate::value::pretty;

/// What Envoy and the adapter stand on alike.
pub(super) struct Ground<'u> {
    pub(super) options: &'u UpOptions,
    pub(super) folder: &'u Folder,
    pub(super) signer: &'u SigningKey,
    pub(super) policy_bundle: &'u Path,
    pub(super) trust_bundle: &'u Path,
    pub(super) upstream: SocketAddr,
    pub(super) redis: Option<&'u Redis>,
}

/// What Envoy needs of this machine.
pub(super) struct Binaries {
    envoy: PathBuf,
    filter: PathBuf,
}

/// What decides, and what it needs to be there.
pub(super) struct Started {
    pub(super) gate: Gate,
    pub(super) bundles: Option<ServiceThread>,
    pub(super) replay: Option<ReplayThread>,
    pub(super) access_log: PathBuf,
    pub(super) log: PathBuf,
    pub(super) envoy: Option<EnvoyPaths>,
    pub(super) adapter: Option<AdapterLaunch>,
}

impl Binaries {
    pub(super) fn find(options: &UpOptions) -> Result<Self, Fault> {
        let path = std::env::var_os("PATH");
        let envoy = find_binary(options.envoy_bin.as_deref(), path.as_deref());
        let envoy = envoy.map_err(|err| Fault::new(err.to_string()))?;
        Ok(Self { envoy, filter: find_filter(options.filter.as_deref())? })
    }
}

impl Ground<'_> {
    /// A real Envoy with the filter, which asks services on Unix sockets.
    pub(super) fn envoy(&self, binaries: Binaries, documents: Documents) -> Result<Started, Fault> {
        let Self { options, folder, signer, .. } = self;
        let replay_socket = folder.file("replay.sock");
        let replay = self.redis.map(|redis| ReplayThread::start(&replay_socket, &redis.url())).transpose()?;
        let service = replay.as_ref().map(|_| ReplayService::new(&replay_socket));
        let bundle_socket = folder.file("bundles.sock");
        let bundles = self.bundles(&bundle_socket)?;

        let config = configuration(documents, signer, options.store)?;
        let access_log = folder.file("access.log");
        let around = (service, bundle_socket.as_path());
        let bootstrap = bootstrap(options.port, &binaries.filter, config, &access_log, self.upstream, around);
        let config = folder.write("envoy.json", &pretty(&bootstrap.to_json()), Readers::Anyone)?;
        let launch = Launch {
            binary: binaries.envoy,
            config: config.clone(),
            folder: folder.path().to_owned(),
            workers: options.workers,
        };
        let envoy = Envoy::start(&launch).map_err(|err| Fault::new(err.to_string()))?;
        Ok(Started {
            gate: Gate::Envoy(envoy),
            bundles: Some(bundles),
            replay,
            access_log,
            log: launch.log_file(),
            envoy: Some(EnvoyPaths { filter: binaries.filter, config }),
            adapter: None,
        })
    }

    /// The adapter, which follows the files and asks Redis itself.
    pub(super) fn adapter(&self, program: &Path) -> Result<Started, Fault> {
        let launch = AdapterLaunch {
            program: program.to_owned(),
            port: self.options.port,
            workers: self.options.workers,
            upstream: self.upstream,
            policy_bundle: self.policy_bundle.to_owned(),
            trust_bundle: self.trust_bundle.to_owned(),
            signer: self.signer.public_key().to_base64url(),
            redis: self.redis.map(Redis::url),
            audit_log: self.folder.file("audit.jsonl"),
            log: self.folder.file("adapter.log"),
        };
        Ok(Started {
            gate: Gate::Adapter(AdapterProcess::start(&launch)?),
            bundles: None,
            replay: None,
            access_log: launch.audit_log.clone(),
            log: launch.log.clone(),
            envoy: None,
            adapter: Some(launch),
        })
    }

    fn bundles(&self, socket: &Path) -> Result<ServiceThread, Fault> {
        let file = self.folder.file("bundles.log");
        let log = Arc::new(File::create(&file).map_err(|err| Fault::file(&file, err))?);
        // Where it cannot be written, that is no reason to stop.
        let log = Log::new(move |line| drop(writeln!(&*log, "{line}")));
        let key = self.signer.public_key();
        let follow = |kind, path: &Path| BundleFile::open(kind, path, Some(key.clone()), log.clone());
        ServiceThread::start(socket, |_| {
            let policy = follow(BundleKind::Policy, self.policy_bundle).map_err(service::fault)?;
            let trust = follow(BundleKind::Trust, self.trust_bundle).map_err(service::fault)?;
            Ok(Services::default().with_bundle(policy).with_bundle(trust))
        })
    }
}
