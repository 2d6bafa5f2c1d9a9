use std::path::PathBuf;

use clap::Args;

/// Where consumed passports are remembered
#[derive(Args, Clone, Debug, Default)]
pub struct ReplayArgs {
    /// Consume passports in this Redis: redis://, rediss:// or unix://; repeatable with the next two
    #[arg(
        long,
        value_name = "URL",
        env = "TRUSTPLANE_BROKER_REPLAY_REDIS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub replay_redis: Vec<String>,
    /// The URLs are Sentinels, to be asked for the primary of this name
    #[arg(long, value_name = "NAME", env = "TRUSTPLANE_BROKER_REPLAY_SENTINEL", requires = "replay_redis")]
    pub replay_sentinel: Option<String>,
    /// The URLs are nodes of a Cluster
    #[arg(
        long,
        env = "TRUSTPLANE_BROKER_REPLAY_CLUSTER",
        requires = "replay_redis",
        conflicts_with_all = ["replay_sentinel", "replay_wait_replicas"]
    )]
    pub replay_cluster: bool,
    /// User at Redis, where the URL names none
    #[arg(long, value_name = "NAME", env = "TRUSTPLANE_BROKER_REPLAY_USER", requires = "replay_redis")]
    pub replay_user: Option<String>,
    /// Password at Redis, in a file
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_REPLAY_PASSWORD_FILE", requires = "replay_redis")]
    pub replay_password_file: Option<PathBuf>,
    /// Authorities that vouch for Redis, PEM; those of the system when not given
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_REPLAY_CA", requires = "replay_redis")]
    pub replay_ca: Option<PathBuf>,
    /// Replicas that must have a passport before it passes
    #[arg(
        long,
        value_name = "COUNT",
        env = "TRUSTPLANE_BROKER_REPLAY_WAIT_REPLICAS",
        default_value = "0",
        requires = "replay_redis"
    )]
    pub replay_wait_replicas: u32,
    /// Time for an answer in all; a service's is less than the filter's timeout_ms, so that the answer is its own
    #[arg(
        long,
        value_name = "MS",
        env = "TRUSTPLANE_BROKER_REPLAY_TIMEOUT_MS",
        default_value = "200",
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    pub replay_timeout_ms: u64,
    /// Passports issued up to this long after Redis began are refused: an issuer's clock may run ahead
    #[arg(long, value_name = "SECONDS", env = "TRUSTPLANE_BROKER_REPLAY_COLD_MARGIN", default_value = "2")]
    pub replay_cold_margin_seconds: u64,
    /// Take a Redis that drops consumed passports when memory is short: each of them could pass again
    #[arg(long, env = "TRUSTPLANE_BROKER_ALLOW_EVICTING_REDIS", requires = "replay_redis")]
    pub allow_evicting_redis: bool,
}
