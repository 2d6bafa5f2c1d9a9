mod render;

use clap::Subcommand;

use crate::exit::{Fault, Verdict};
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum EnvoyCommand {
    /// Print a complete, hardened Envoy configuration with the filter and its bundles inline
    Render(Box<render::Render>),
}

impl EnvoyCommand {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        match self {
            Self::Render(command) => command.run(output),
        }
    }
}
