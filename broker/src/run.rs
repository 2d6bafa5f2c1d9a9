use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::stat::{Mode, umask};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::{BrokerArgs, BrokerCommand, CheckConfigArgs, ServeArgs};
use crate::audit::{AuditLog, Target};
use crate::broker::{Broker, Limits};
use crate::bundle::{BundleFile, BundleKind};
use crate::identity::spiffe::SpiffeSource;
use crate::identity::{Software, WorkloadIdentitySource};
use crate::issue::Issuer;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::nonce::Nonces;
use crate::policy::Policy;
use crate::replay::Replay;
use crate::server;
use crate::services::Services;
use crate::signer::SigningKey;
use crate::socket::{Access, BoundSocket};

/// How long connections under way may take after SIGTERM: a first line, an answer, a farewell.
const DRAIN_TIME: Duration = Duration::from_secs(12);

/// Why the broker did not start, or stopped.
#[derive(Debug)]
pub enum RunError {
    /// Something that it was given is missing or wrong.
    Config(Box<dyn Error + Send + Sync>),
    /// The system refused something it needs.
    System(io::Error),
}

impl RunError {
    /// 2 for what the caller has to mend, 1 for the rest.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => ExitCode::from(2),
            Self::System(_) => ExitCode::from(1),
        }
    }

    fn config(err: impl Error + Send + Sync + 'static) -> Self {
        Self::Config(Box::new(err))
    }
}

/// Does what the arguments say; errors go to standard error.
pub fn run(args: BrokerArgs) -> ExitCode {
    let done = match args.command {
        BrokerCommand::Serve(args) => serve(&args),
        BrokerCommand::CheckConfig(args) => {
            check_config(&args).and_then(|summary| Ok(writeln!(io::stdout(), "{summary}")?))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            log(format_args!("{err}"));
            err.exit_code()
        }
    }
}

/// Reads policy and key and says in a few lines what they are.
pub fn check_config(args: &CheckConfigArgs) -> Result<String, RunError> {
    let policy = Policy::from_file(&args.policy).map_err(RunError::config)?;
    let key = args.key_file.as_ref().map(SigningKey::from_file).transpose().map_err(RunError::config)?;
    Ok(summary(&policy, key.as_ref()))
}

/// Serves until SIGTERM or SIGINT, in a process that does nothing else: its umask and its signals are
/// the broker's.
pub fn serve(args: &ServeArgs) -> Result<(), RunError> {
    // Whatever is made from here on is the broker's own user's alone.
    umask(Mode::from_bits_truncate(0o077));
    // No core dump and no debugger of the same user gets at the key.
    nix::sys::prctl::set_dumpable(false).map_err(io::Error::from)?;
    let runtime = runtime(args.workers)?;
    let metrics = Arc::new(Metrics::default());
    let spiffe = SpiffeSource::open(&args.spiffe, Log::stderr()).map_err(|problem| RunError::Config(problem.into()))?;
    let broker = match (&args.socket, &args.policy, &args.key_file) {
        (Some(_), Some(policy), Some(key)) => Some(Arc::new(broker(args, (policy, key), &metrics, spiffe.as_ref())?)),
        _ => None,
    };
    let replay = match args.replay.replay_redis.as_slice() {
        [] => None,
        _ if args.services_socket.is_none() => {
            return Err(RunError::Config("--replay-redis: --services-socket says where passports are consumed".into()));
        }
        _ => Some(Replay::new(&args.replay).map_err(RunError::config)?),
    };
    let bundles = bundles(args)?;
    runtime.block_on(async {
        if let Some(replay) = &replay {
            check(replay).await?;
        }
        let mut services = services(args, broker.clone(), metrics, replay, bundles);
        if let Some(spiffe) = &spiffe {
            services = services.with_spiffe(spiffe.clone());
        }
        until_told(args, spiffe, broker, services).await
    })
}

/// A store that loses passports is refused; one that is not there yet may come.
async fn check(replay: &Replay) -> Result<(), RunError> {
    match replay.check().await {
        Ok(()) => log(format_args!("replay store: answers")),
        Err(fault) if fault.is_lasting() => return Err(RunError::config(fault)),
        Err(fault) => log(format_args!("replay store: {fault}; passports are refused until it answers")),
    }
    Ok(())
}

async fn until_told(
    args: &ServeArgs,
    spiffe: Option<SpiffeSource>,
    broker: Option<Arc<Broker>>,
    services: Services,
) -> Result<(), RunError> {
    // Before there is a socket to find: whoever finds it may send a signal.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reload = signal(SignalKind::hangup())?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    let mut sockets = Vec::new();
    // It ends with the runtime: what is under way may still need it.
    let _following = spiffe.clone().map(|spiffe| tokio::spawn(spiffe.follow()));
    if let (Some(path), Some(broker)) = (&args.socket, &broker) {
        let (socket, listener) = bind(path, args.socket_mode, args.socket_group)?;
        tasks.spawn(server::serve(Arc::clone(broker), listener, stopped.clone()));
        sockets.push(socket);
        log(format_args!("issuing on {}", path.display()));
    }
    if let Some(path) = &args.services_socket {
        let (socket, listener) = bind(path, args.services_mode, args.services_group)?;
        tasks.spawn(Arc::new(services).serve(listener, stopped));
        sockets.push(socket);
        log(format_args!("services on {}", path.display()));
    }
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = reload.recv() => if let Some(broker) = &broker { reload_now(args, broker, spiffe.as_ref()) },
        }
    }
    log(format_args!("stopping"));
    // The paths go first, so that whoever comes now finds the next broker or none.
    drop(sockets);
    let _ = stop.send(true);
    let drained = tokio::time::timeout(DRAIN_TIME, async { while tasks.join_next().await.is_some() {} }).await;
    log(format_args!("{}", if drained.is_ok() { "stopped" } else { "stopped with connections open" }));
    Ok(())
}

fn broker(
    args: &ServeArgs,
    (policy, key): (&Path, &Path),
    metrics: &Arc<Metrics>,
    spiffe: Option<&SpiffeSource>,
) -> Result<Broker, RunError> {
    let issuer = issuer(policy, key, spiffe)?;
    let target = match args.audit_log.as_os_str() == "-" {
        true => Target::Stdout,
        false => Target::File(args.audit_log.clone()),
    };
    let audit = AuditLog::open(target)
        .map_err(|err| RunError::Config(format!("audit log {}: {err}", args.audit_log.display()).into()))?;
    let limits = Limits { nonces: args.max_nonces, ..Limits::default() };
    log(format_args!("{}", summary(issuer.policy(), Some(issuer.key()))));
    log(format_args!(
        "remembers at most {} nonces, each for {} s, in at most {} bytes (count x 9 x 16/7 x 3/2)",
        limits.nonces,
        issuer.policy().longest_ttl_seconds(),
        Nonces::memory_bound(limits.nonces),
    ));
    Ok(Broker::new(issuer, audit, limits, Arc::clone(metrics)))
}

fn issuer(path: &Path, key: &Path, spiffe: Option<&SpiffeSource>) -> Result<Issuer, RunError> {
    let policy = Policy::from_file(path).map_err(RunError::config)?;
    let key = SigningKey::from_file(key).map_err(RunError::config)?;
    let source: Box<dyn WorkloadIdentitySource> = match spiffe {
        None => Box::new(Software),
        Some(spiffe) => {
            let fits = spiffe.check_policy(&policy);
            fits.map_err(|problem| RunError::Config(format!("broker policy {}: {problem}", path.display()).into()))?;
            Box::new(spiffe.clone())
        }
    };
    Ok(Issuer::new(policy, key, source))
}

/// Policy and key take effect together, or the old ones stay.
fn reload_now(args: &ServeArgs, broker: &Broker, spiffe: Option<&SpiffeSource>) {
    let (Some(policy), Some(key)) = (&args.policy, &args.key_file) else {
        return;
    };
    let reloaded = issuer(policy, key, spiffe).and_then(|issuer| Ok((issuer, broker.audit().reopen()?)));
    broker.metrics().reload(reloaded.is_ok());
    match reloaded {
        Ok((issuer, ())) => {
            log(format_args!("reloaded: {}", summary(issuer.policy(), Some(issuer.key()))));
            broker.replace(issuer);
        }
        Err(err) => log(format_args!("reload refused, the old policy and key stay in force: {err}")),
    }
}

/// The bundles to serve; what is wrong with one is told before there is a socket.
fn bundles(args: &ServeArgs) -> Result<Vec<BundleFile>, RunError> {
    let ServeArgs { trust_bundle_signature_public_key: trust, policy_bundle_signature_public_key: policy, .. } = args;
    [(BundleKind::Trust, &args.trust_bundle, trust), (BundleKind::Policy, &args.policy_bundle, policy)]
        .into_iter()
        .filter_map(|(kind, path, key)| Some(BundleFile::open(kind, path.as_ref()?, key.clone(), Log::stderr())))
        .map(|file| file.map_err(RunError::config))
        .collect()
}

fn services(
    args: &ServeArgs,
    broker: Option<Arc<Broker>>,
    metrics: Arc<Metrics>,
    replay: Option<Replay>,
    bundles: Vec<BundleFile>,
) -> Services {
    let mut services = Services::default();
    if args.healthz {
        services = services.with_health();
    }
    if args.metrics {
        services = services.with_metrics(metrics, broker);
    }
    for file in bundles {
        services = services.with_bundle(file);
    }
    if let Some(replay) = replay {
        services = services.with_replay(replay);
    }
    services
}

fn bind(path: &Path, mode: u32, group: Option<u32>) -> Result<(BoundSocket, UnixListener), RunError> {
    let (socket, listener) = BoundSocket::bind(path, Access { mode, group }).map_err(RunError::config)?;
    listener.set_nonblocking(true)?;
    Ok((socket, UnixListener::from_std(listener)?))
}

fn runtime(workers: u16) -> io::Result<Runtime> {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        count => Builder::new_multi_thread().worker_threads(count.into()).enable_all().build(),
    }
}

fn summary(policy: &Policy, key: Option<&SigningKey>) -> String {
    let mut text = format!("issuer {}, kid {}, {} callers", policy.issuer, policy.kid, policy.callers());
    if let Some(key) = key {
        text += &format!(", public key {} ({})", key.public_key().to_base64url(), key.public_key().fingerprint());
    }
    text
}

/// Standard output may be the audit log.
pub(crate) fn log(message: fmt::Arguments<'_>) {
    // Where nobody reads it any more, that is no reason to stop.
    let _ = writeln!(io::stderr(), "trustplane-broker: {message}");
}

impl From<io::Error> for RunError {
    fn from(err: io::Error) -> Self {
        Self::System(err)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(err) => err.fmt(f),
            Self::System(err) => err.fmt(f),
        }
    }
}

impl Error for RunError {}
