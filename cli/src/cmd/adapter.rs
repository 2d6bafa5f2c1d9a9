mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use trustplane_broker::ReplayArgs;
use trustplane_core::json::Value;
use trustplane_core::{CoveredNames, FilterConfig, Scheme, Settings, Uncovered};

use crate::adapter::{Certificate, Limits, Upstream};
use crate::exit::{Fault, Verdict};
use crate::input::{PinArgs, duration};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane adapter --upstream <URL> --policy-bundle <FILE>
                          --bundle <FILE> [OPTIONS]")]
pub(crate) struct AdapterCommand {
    /// The service behind, http://host:port
    #[arg(long, value_name = "URL", value_parser = upstream)]
    upstream: String,
    /// Policy bundle; followed, as the next one
    #[arg(long, value_name = "FILE")]
    policy_bundle: PathBuf,
    /// Trust material
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    #[command(flatten)]
    pins: PinArgs,
    /// How old the bundles may be on a realtime route
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    policy_bundle_freshness_window: Duration,
    /// How a request's route is found: by the request, or it must be the one of --route-id
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    route_policy_mode: RoutePolicyMode,
    /// The one route that is served; requests for others are denied
    #[arg(long, value_name = "ID", required_if_eq("route_policy_mode", "route-id"))]
    route_id: Option<String>,
    /// What proofs are made over
    #[arg(long, value_name = "MODE", default_value = "transcript-v1", value_parser = ["transcript-v1"])]
    proof_mode: String,
    /// Where callers connect: HTTP/1.1 and HTTP/2
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Certificate for callers, PEM; SIGHUP reads it and its key again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Where GET /healthz, /readyz and /metrics are answered; nowhere when not given
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// Scheme that callers dial, where a proxy in front ends their TLS
    #[arg(long, value_parser = ["http", "https"])]
    scheme: Option<String>,
    /// Authority that callers dial, where a proxy in front rewrites it
    #[arg(long)]
    authority: Option<String>,
    /// Header that a proof must cover, besides the nonce; repeatable
    #[arg(long = "require-header", value_name = "NAME")]
    required: Vec<String>,
    /// Header that proxies in front add and no proof covers; repeatable
    #[arg(long = "exempt-header", value_name = "NAME")]
    exempt: Vec<String>,
    /// Remove headers that a proof of the required ones does not cover, instead of denying
    #[arg(long)]
    remove_uncovered: bool,
    /// Leave passport and proof on the request for the service behind
    #[arg(long)]
    forward_credentials: bool,
    /// How far clocks may differ
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    skew: Duration,
    /// The longest life of a passport
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    max_ttl: Duration,
    /// The largest body, where a route names no limit
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().max_body_bytes)]
    max_body_bytes: u64,
    /// How long a request may take to come
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    request_timeout: Duration,
    /// How long the service behind may take until it answers
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    upstream_timeout: Duration,
    /// How long requests under way may take after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    drain_timeout: Duration,
    /// Threads that serve; as many as the machine runs at once when not given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Connections at once; more wait
    #[arg(long, value_name = "COUNT", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Where consumed passports are remembered
    #[arg(long, value_enum, value_name = "STORE", default_value_t)]
    replay: Store,
    /// Passports remembered at once in memory; at this many, requests are denied
    #[arg(long, value_name = "COUNT", default_value_t = 1 << 20)]
    replay_capacity: usize,
    /// How many adapters serve the same routes; more than one needs --replay redis
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    replicas: u32,
    /// Several adapters serve the same routes
    #[arg(long)]
    multi_replica: bool,
    /// Audit log: a file to append to, or - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    audit_log: PathBuf,
    #[command(flatten)]
    redis: ReplayArgs,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum RoutePolicyMode {
    #[default]
    Request,
    RouteId,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Store {
    #[default]
    Memory,
    Redis,
}

impl AdapterCommand {
    pub(crate) fn run(self) -> Result<Verdict, Fault> {
        let settings = self.settings()?;
        self.check_store()?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = self.threads {
            runtime.worker_threads(threads.into());
        }
        runtime
            .enable_all()
            .build()
            .map_err(|err| Fault::new(err.to_string()))?
            .block_on(serve::until_told(&self, settings))
    }

    /// What the verification is told, held to the rules of every host.
    fn settings(&self) -> Result<Settings, Fault> {
        let config = FilterConfig {
            // The documents are read where they are followed.
            trust_bundle: Some(Value::Null),
            allow_unsigned_dev_bundles: true,
            scheme: self.scheme.as_deref().map(|scheme| if scheme == "https" { Scheme::Https } else { Scheme::Http }),
            authority: self.authority.clone(),
            max_body_bytes: self.max_body_bytes,
            skew_seconds: self.skew.as_secs(),
            max_ttl_seconds: self.max_ttl.as_secs(),
            realtime_window_seconds: self.policy_bundle_freshness_window.as_secs(),
            covered_headers: CoveredNames {
                required: self.required.clone(),
                exempt: self.exempt.clone(),
                uncovered: if self.remove_uncovered { Uncovered::Remove } else { Uncovered::Refuse },
            },
            forward_credentials: self.forward_credentials,
            ..FilterConfig::default()
        };
        config.check().map_err(|error| Fault::of(flag(&error.pointer), error.problem))?;
        Ok(config.settings())
    }

    fn check_store(&self) -> Result<(), Fault> {
        let redis = !self.redis.replay_redis.is_empty();
        match self.replay {
            Store::Memory if self.multi_replica || self.replicas > 1 => Err(Fault::of(
                "--replay",
                "memory is one process's own: each replica would admit a passport once; use redis",
            )),
            Store::Memory if redis => Err(Fault::of("--replay-redis", "for --replay redis")),
            Store::Redis if !redis => Err(Fault::of("--replay", "redis: --replay-redis says where it is")),
            Store::Memory | Store::Redis => Ok(()),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            upstream_time: self.upstream_timeout,
            drain_time: self.drain_timeout,
            ..Limits::default()
        }
    }

    fn certificate(&self) -> Result<Option<Certificate>, Fault> {
        let files = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        let opened = files.map(|(chain, key)| Certificate::open(chain, key)).transpose();
        opened.map_err(|err| Fault::new(err.to_string()))
    }
}

/// The flag behind a member of the configuration.
fn flag(pointer: &str) -> &'static str {
    match pointer.split('/').nth(1) {
        Some("authority") => "--authority",
        Some("skew_seconds") => "--skew",
        Some("max_ttl_seconds") => "--max-ttl",
        _ if pointer.starts_with("/covered_headers/exempt") => "--exempt-header",
        _ => "--require-header",
    }
}

fn upstream(url: &str) -> Result<String, String> {
    url.parse::<Upstream>().map(|_| url.to_owned()).map_err(|err| err.to_string())
}
