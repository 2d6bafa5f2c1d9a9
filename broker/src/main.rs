//! `trustplane-broker`
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use trustplane_broker::{BrokerArgs, run};

fn main() -> ExitCode {
    run(BrokerArgs::parse())
}
