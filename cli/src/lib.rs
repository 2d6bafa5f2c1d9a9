//! TrustPlane on the command line, and the parts of it that tests use: a signer of requests, a
//! renderer of Envoy configurations, the real Envoy as a child process, an echoing upstream.
#![warn(missing_docs)]

pub mod adapter;
mod args;
pub mod authoring;
pub mod bundle;
mod child;
pub mod client;
pub mod clock;
mod cmd;
mod demo;
mod diff;
pub mod envoy;
pub mod exit;
pub mod files;
pub mod host;
mod input;
pub mod issuer;
pub mod judge;
#[cfg(feature = "layer")]
pub mod layer;
mod lint;
pub mod local;
mod output;
mod private_key;
mod serve;
pub mod sign_request;
mod table;
pub mod upstream;
pub mod value;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::exit::Fault;
use crate::output::Output;

/// The command line tool.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.format());
    match cmd::run(args.command, output) {
        Ok(verdict) => verdict.exit_code(),
        Err(fault) => {
            output.fault(&fault);
            Fault::exit_code()
        }
    }
}
