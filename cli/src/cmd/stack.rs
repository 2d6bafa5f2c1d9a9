use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Fault, Verdict};
use crate::local::{Host, Scenario, Up, UpOptions};

/// What a local stack is made of.
#[derive(Args, Debug)]
pub(crate) struct StackArgs {
    /// The Envoy to run; the first on PATH when not given
    #[arg(long, value_name = "FILE")]
    envoy_bin: Option<PathBuf>,
    /// The filter; TRUSTPLANE_FILTER, the one beside this program or the one last built when not given
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// What decides: a real Envoy with the filter, or this program's own adapter
    #[arg(long, value_enum, value_name = "HOST", default_value_t)]
    host: HostArg,
    /// Worker threads of Envoy or the adapter
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: u32,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum HostArg {
    Adapter,
    #[default]
    Envoy,
}

/// The signals that ask a program to stop.
///
/// Listening begins before anything starts, so that none ends this process and leaves files behind.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl StackArgs {
    pub(crate) fn options(self, scenario: Scenario) -> Result<UpOptions, Fault> {
        let Self { envoy_bin, filter, host, workers } = self;
        let host = match host {
            HostArg::Adapter => Host::Adapter(this_program()?),
            HostArg::Envoy => Host::Envoy,
        };
        Ok(UpOptions { envoy_bin, filter, workers, scenario, host, ..UpOptions::default() })
    }
}

/// The program that is running, which is also the stack's broker.
pub(crate) fn this_program() -> Result<PathBuf, Fault> {
    std::env::current_exe().map_err(|err| Fault::of("this program", err))
}

/// Runs a command that waits for more than one thing.
pub(crate) fn block_on(command: impl Future<Output = Result<Verdict, Fault>>) -> Result<Verdict, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|err| Fault::new(err.to_string()))?.block_on(command)
}

impl Stop {
    pub(crate) fn listen() -> Result<Self, Fault> {
        let listen = |kind| signal(kind).map_err(|err| Fault::of("signals", err));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Ends when one of them comes.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// The stack, or nothing when a signal came while it started.
    pub(crate) async fn start(&mut self, options: UpOptions) -> Result<Option<Up>, Fault> {
        let mut start = tokio::task::spawn_blocking(move || Up::start(&options));
        tokio::select! {
            up = &mut start => up.map_err(|err| Fault::new(err.to_string()))?.map(Some),
            () = self.asked() => {
                // Starting cannot be cut short; what it started ends right away.
                drop(start.await);
                Ok(None)
            }
        }
    }
}
