use std::fmt;
use std::future;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::sync::watch;

use crate::clock;
use crate::cmd::sign::curl::curl;
use crate::cmd::stack::{StackArgs, Stop, block_on, this_program};
use crate::exit::{Fault, Verdict};
use crate::local::{AUDIENCE, Broker, Scenario, Store, Up, UpOptions};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct UpCommand {
    #[command(flatten)]
    stack: StackArgs,
    /// Folder for keys, bundles, profiles and logs; a new one that is removed at the end when not given
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Where consumed passports are remembered; redis starts a redis-server and the replay service
    #[arg(long, value_enum, value_name = "STORE", default_value_t)]
    replay: StoreArg,
    /// Port to listen on; a free one when not given
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Start a broker that issues to this user; the default
    #[arg(long, overrides_with = "no_broker")]
    broker: bool,
    /// Start no broker
    #[arg(long)]
    no_broker: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum StoreArg {
    Redis,
    #[default]
    SharedData,
}

impl From<StoreArg> for Store {
    fn from(store: StoreArg) -> Self {
        match store {
            StoreArg::Redis => Self::Redis,
            StoreArg::SharedData => Self::SharedData,
        }
    }
}

/// Where everything is.
#[derive(Debug, Serialize)]
struct Places {
    listener_url: String,
    state_dir: PathBuf,
    profile_path: PathBuf,
    post_profile_path: PathBuf,
    private_key_path: PathBuf,
    policy_bundle_path: PathBuf,
    trust_bundle_path: PathBuf,
    #[serde(flatten)]
    host: HostPlaces,
    admin_url: String,
    upstream_url: String,
    bundle_private_key_path: PathBuf,
    curl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker_socket: Option<PathBuf>,
}

/// Where what decides is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum HostPlaces {
    Adapter {
        adapter_pid: u32,
        audit_log_path: PathBuf,
        adapter_log_path: PathBuf,
    },
    Envoy {
        filter_path: PathBuf,
        envoy_pid: u32,
        envoy_config_path: PathBuf,
        access_log_path: PathBuf,
        envoy_log_path: PathBuf,
    },
}

impl UpCommand {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        block_on(self.stay(output))
    }

    async fn stay(self, output: Output) -> Result<Verdict, Fault> {
        let mut stop = Stop::listen()?;
        let Self { stack, state_dir, replay, port, broker, no_broker } = self;
        let broker = (broker || !no_broker).then(this_program).transpose()?;
        let options = UpOptions { state_dir, port, store: replay.into(), broker, ..stack.options(Scenario::Orders)? };
        let Some(up) = stop.start(options).await? else { return Ok(Verdict::Allow) };
        output.show(&Places::of(&up)?)?;
        let (gate, broker) = (up.gate().exited(), up.broker().map(Broker::exited));
        let who = if up.envoy().is_some() { "Envoy" } else { "the adapter" };
        tokio::select! {
            () = stop.asked() => Ok(Verdict::Allow),
            status = end(Some(gate)) => Err(ended(who, status, &up.paths().log)),
            status = end(broker) => Err(ended("the broker", status, up.broker().map_or(Path::new(""), Broker::log))),
        }
    }
}

/// Waits for the end of a child, where there is one.
async fn end(exited: Option<watch::Receiver<Option<ExitStatus>>>) -> Option<ExitStatus> {
    match exited {
        // The sender lives as long as the stack.
        Some(mut exited) => exited.wait_for(Option::is_some).await.ok().and_then(|status| *status),
        None => future::pending().await,
    }
}

fn ended(who: &str, status: Option<ExitStatus>, log: &Path) -> Fault {
    let log = log.display();
    match status {
        Some(status) => Fault::new(format!("{who} ended ({status}); see {log}")),
        None => Fault::new(format!("{who} ended; see {log}")),
    }
}

impl Places {
    fn of(up: &Up) -> Result<Self, Fault> {
        let paths = up.paths().clone();
        let curl = up.caller().sign_as(
            &crate::local::Draft::get("/orders/7"),
            up.listener(),
            clock::now(),
            |request, signed| curl(request, &signed.headers, None),
        )?;
        Ok(Self {
            listener_url: up.listener_url(),
            state_dir: up.state_dir().to_owned(),
            profile_path: paths.profile,
            post_profile_path: paths.post_profile,
            private_key_path: paths.private_key,
            policy_bundle_path: paths.policy_bundle,
            trust_bundle_path: paths.trust_bundle,
            host: match paths.envoy {
                None => HostPlaces::Adapter {
                    adapter_pid: up.gate().pid(),
                    audit_log_path: paths.access_log,
                    adapter_log_path: paths.log,
                },
                Some(envoy) => HostPlaces::Envoy {
                    filter_path: envoy.filter,
                    envoy_pid: up.gate().pid(),
                    envoy_config_path: envoy.config,
                    access_log_path: paths.access_log,
                    envoy_log_path: paths.log,
                },
            },
            admin_url: format!("http://{}", up.gate().admin()),
            upstream_url: format!("http://{}", up.upstream().address()),
            bundle_private_key_path: paths.bundle_private_key,
            curl,
            broker_socket: up.broker().map(|broker| broker.socket().to_owned()),
        })
    }
}

impl HostPlaces {
    /// Its files and its process id.
    fn rows(&self) -> (Vec<(&'static str, &Path)>, u32) {
        match self {
            Self::Adapter { adapter_pid, audit_log_path, adapter_log_path } => {
                (vec![("adapter log", adapter_log_path), ("audit log", audit_log_path)], *adapter_pid)
            }
            Self::Envoy { filter_path, envoy_pid, envoy_config_path, access_log_path, envoy_log_path } => (
                vec![
                    ("filter", filter_path),
                    ("Envoy config", envoy_config_path),
                    ("Envoy log", envoy_log_path),
                    ("access log", access_log_path),
                ],
                *envoy_pid,
            ),
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, path) in [
            ("GET profile", &self.profile_path),
            ("POST profile", &self.post_profile_path),
            ("private key", &self.private_key_path),
            ("policy bundle", &self.policy_bundle_path),
            ("trust material", &self.trust_bundle_path),
            ("bundle key", &self.bundle_private_key_path),
        ] {
            writeln!(f, "{name:<14}  {}", path.display())?;
        }
        let (paths, pid) = self.host.rows();
        for (name, path) in paths {
            writeln!(f, "{name:<14}  {}", path.display())?;
        }
        if let Some(socket) = &self.broker_socket {
            writeln!(f, "{:<14}  {}", "broker socket", socket.display())?;
        }
        writeln!(f, "{:<14}  {}", "admin", self.admin_url)?;
        writeln!(f, "{:<14}  {}", "upstream", self.upstream_url)?;
        writeln!(f, "{:<14}  {} (pid {})", "listener", self.listener_url, pid)?;
        writeln!(f, "\nThis request passes once, within ten minutes:\n\n  {}\n", self.curl)?;
        writeln!(f, "Another one:\n\n  trustplane sign --curl --path /orders/7 \\")?;
        writeln!(f, "    --profile {} \\", self.profile_path.display())?;
        writeln!(f, "    --private-key-file {} | sh\n", self.private_key_path.display())?;
        if let Some(socket) = &self.broker_socket {
            writeln!(f, "One for a caller that holds no key:\n\n  trustplane broker issue --curl \\")?;
            writeln!(f, "    --socket {} \\", socket.display())?;
            writeln!(f, "    --url {}/orders/7 \\", self.listener_url)?;
            writeln!(f, "    --audience {AUDIENCE} --route-id orders.read | sh\n")?;
        }
        write!(f, "Ctrl-C stops everything.")
    }
}
