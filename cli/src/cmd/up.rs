use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock;
use crate::cmd::sign::curl::curl;
use crate::exit::{Fault, Verdict};
use crate::local::{Scenario, Up, UpOptions};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct UpCommand {
    #[command(flatten)]
    stack: StackArgs,
    /// Folder for keys, bundles, profiles and logs; a new one that is removed at the end when not given
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Port to listen on; a free one when not given
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
}

/// What a local stack is made of.
#[derive(Args, Debug)]
pub(crate) struct StackArgs {
    /// The Envoy to run; the first on PATH when not given
    #[arg(long, value_name = "FILE")]
    envoy_bin: Option<PathBuf>,
    /// The filter; TRUSTPLANE_FILTER, the one beside this program or the one last built when not given
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// Envoy's worker threads
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: u32,
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
    filter_path: PathBuf,
    envoy_pid: u32,
    admin_url: String,
    upstream_url: String,
    bundle_private_key_path: PathBuf,
    envoy_config_path: PathBuf,
    access_log_path: PathBuf,
    envoy_log_path: PathBuf,
    curl: String,
}

impl UpCommand {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|err| Fault::new(err.to_string()))?;
        runtime.block_on(async {
            // Before anything starts, so that no signal finds something running and nobody to stop it.
            let stop = stop_signal()?;
            let options =
                UpOptions { state_dir: self.state_dir, port: self.port, ..self.stack.options(Scenario::Orders) };
            let start = tokio::task::spawn_blocking(move || Up::start(&options));
            tokio::pin!(start, stop);
            let up = tokio::select! {
                up = &mut start => up.map_err(|err| Fault::new(err.to_string()))??,
                () = &mut stop => {
                    // Starting cannot be cut short; what it started ends right away.
                    drop(start.await);
                    return Ok(Verdict::Allow);
                }
            };
            output.show(&Places::of(&up)?)?;
            let mut exited = up.envoy().exited();
            tokio::select! {
                () = stop => Ok(Verdict::Allow),
                // The sender lives as long as `up`.
                status = exited.wait_for(Option::is_some) => {
                    Err(ended(status.ok().and_then(|status| *status), &up))
                }
            }
        })
    }
}

impl StackArgs {
    pub(crate) fn options(self, scenario: Scenario) -> UpOptions {
        let Self { envoy_bin, filter, workers } = self;
        UpOptions { envoy_bin, filter, workers, scenario, ..UpOptions::default() }
    }
}

/// Ends with the first signal that asks a program to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    let listen = |kind| signal(kind).map_err(|err| Fault::of("signals", err));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

fn ended(status: Option<ExitStatus>, up: &Up) -> Fault {
    let log = up.paths().envoy_log.display();
    match status {
        Some(status) => Fault::new(format!("Envoy ended ({status}); see {log}")),
        None => Fault::new(format!("Envoy ended; see {log}")),
    }
}

impl Places {
    fn of(up: &Up) -> Result<Self, Fault> {
        let paths = up.paths().clone();
        let curl = up.caller().sign_as(
            &crate::local::Draft::get("/orders/7"),
            up.listener(),
            clock::now(),
            |request, signed| curl(request, &signed, None),
        )?;
        Ok(Self {
            listener_url: up.listener_url(),
            state_dir: up.state_dir().to_owned(),
            profile_path: paths.profile,
            post_profile_path: paths.post_profile,
            private_key_path: paths.private_key,
            policy_bundle_path: paths.policy_bundle,
            trust_bundle_path: paths.trust_bundle,
            filter_path: paths.filter,
            envoy_pid: up.envoy().pid(),
            admin_url: format!("http://{}", up.envoy().admin()),
            upstream_url: format!("http://{}", up.upstream().address()),
            bundle_private_key_path: paths.bundle_private_key,
            envoy_config_path: paths.envoy_config,
            access_log_path: paths.access_log,
            envoy_log_path: paths.envoy_log,
            curl,
        })
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
            ("filter", &self.filter_path),
            ("Envoy config", &self.envoy_config_path),
            ("Envoy log", &self.envoy_log_path),
            ("access log", &self.access_log_path),
        ] {
            writeln!(f, "{name:<14}  {}", path.display())?;
        }
        writeln!(f, "{:<14}  {}", "admin", self.admin_url)?;
        writeln!(f, "{:<14}  {}", "upstream", self.upstream_url)?;
        writeln!(f, "{:<14}  {} (pid {})", "listener", self.listener_url, self.envoy_pid)?;
        writeln!(f, "\nThis request passes once, within ten minutes:\n\n  {}\n", self.curl)?;
        writeln!(f, "Another one:\n\n  trustplane sign --curl --path /orders/7 \\")?;
        writeln!(f, "    --profile {} \\", self.profile_path.display())?;
        writeln!(f, "    --private-key-file {} | sh\n", self.private_key_path.display())?;
        write!(f, "Ctrl-C stops everything.")
    }
}
