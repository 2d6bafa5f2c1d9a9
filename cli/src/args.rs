use clap::{Parser, Subcommand};

use crate::cmd;
use crate::output::Format;

/// Proof-bound machine authorization: keys, passports, bundles, a local Envoy
#[derive(Debug, Parser)]
#[command(name = "trustplane", version, max_term_width = 79)]
#[command(after_help = "Exit status: 0 allow or done, 1 deny or refused, 2 usage or input error.")]
pub(crate) struct Args {
    /// How results are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t, display_order = 900)]
    output: Format,
    /// The same as --output json
    #[arg(long, global = true, display_order = 901)]
    json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an Ed25519 key pair
    GenKey(cmd::gen_key::GenKey),
    /// Issue a passport
    Issue(Box<cmd::issue::Issue>),
    /// Sign a request: passport, transcript and proof
    Sign(Box<cmd::sign::Sign>),
    /// Verify a passport, or a whole request
    Verify(Box<cmd::verify::Verify>),
    /// Serve as an issuer for development
    #[command(subcommand)]
    Issuer(cmd::issuer::IssuerCommand),
    /// Serve as a verifier that is asked and admits nothing
    #[command(subcommand)]
    Verifier(cmd::verifier::VerifierCommand),
    /// Serve as the local broker, or ask one
    #[command(subcommand)]
    Broker(cmd::broker::Broker),
    /// Build, sign, check and change bundles
    #[command(subcommand)]
    Bundle(cmd::bundle::Bundle),
    /// Serve as a reverse proxy that verifies before it forwards
    Adapter(Box<cmd::adapter::AdapterCommand>),
    /// Configure Envoy
    #[command(subcommand)]
    Envoy(cmd::envoy::EnvoyCommand),
    /// Print the JSON Schema of a document
    Schema(cmd::schema::Schema),
    /// Start a local Envoy with the filter, an upstream and fresh keys
    Up(cmd::up::UpCommand),
    /// Run the acceptance matrix against a local Envoy
    Demo(cmd::demo::Demo),
}

impl Args {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}
