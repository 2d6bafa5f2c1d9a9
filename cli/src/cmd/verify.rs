mod passport;
mod request;

use std::path::PathBuf;

use clap::Args;
use trustplane_core::{PublicKey, UnixTime};

use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::{PinArgs, header, public_key};
use crate::judge::Store;
use crate::output::Output;

pub(crate) use passport::token;

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane verify --token <TOKEN> --audience <AUDIENCE>
                         (--bundle <FILE> | --public-key <KEY> --kid <KID>
                          --issuer <ISSUER> --trust-domain <DOMAIN>) [OPTIONS]
       trustplane verify --policy-bundle <FILE> --bundle <FILE> --path <PATH>
                         --authority <AUTHORITY> --header <NAME: VALUE>...
                         [OPTIONS]")]
pub(crate) struct Verify {
    /// Passport; `-` reads it from standard input. A request may carry it as a header instead
    #[arg(long, value_name = "TOKEN|-", required_unless_present = "policy_bundle", allow_hyphen_values = true)]
    token: Option<String>,
    /// The issuer's public key
    #[arg(
        long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key, conflicts_with = "bundle",
        required_unless_present = "bundle", requires_all = ["kid", "issuer", "trust_domain"]
    )]
    public_key: Option<PublicKey>,
    /// Trust material with the issuers' keys
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The id that the issuer's key must have
    #[arg(long)]
    kid: Option<String>,
    /// The issuer that the passport must name
    #[arg(long)]
    issuer: Option<String>,
    /// The trust domain that the passport must name
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: Option<String>,
    /// The audience that the passport must name; a request's route names it instead
    #[arg(long, required_unless_present = "policy_bundle")]
    audience: Option<String>,
    #[command(flatten)]
    pins: PinArgs,
    /// Judge as of this time, Unix seconds; now when not given
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "A whole request")]
struct RequestArgs {
    /// Policy bundle
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public_key", "kid", "issuer", "trust_domain", "audience"])]
    policy_bundle: Option<PathBuf>,
    /// Method
    #[arg(long, requires = "policy_bundle", default_value = "GET")]
    method: String,
    /// Path, with the query
    #[arg(long, requires = "policy_bundle")]
    path: Option<String>,
    /// Authority that the request names
    #[arg(long, requires = "policy_bundle")]
    authority: Option<String>,
    /// Scheme that the caller dialled, where the policy does not say
    #[arg(long, requires = "policy_bundle", value_parser = ["http", "https"], default_value = "https")]
    scheme: String,
    /// Header; repeatable
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", requires = "policy_bundle", value_parser = header)]
    headers: Vec<(String, String)>,
    /// File of headers, one a line, as `trustplane sign` prints them; - reads standard input
    #[arg(long, value_name = "FILE|-", requires = "policy_bundle")]
    headers_file: Option<PathBuf>,
    /// Body
    #[arg(long, requires = "policy_bundle", conflicts_with = "body_file")]
    body: Option<String>,
    /// File with the body
    #[arg(long, value_name = "FILE", requires = "policy_bundle")]
    body_file: Option<PathBuf>,
    /// What the replay store is taken to answer
    #[arg(long, value_enum, requires = "policy_bundle", default_value_t)]
    store: Store,
    /// Show the transcript as the verifier rebuilt it
    #[arg(long, requires = "policy_bundle")]
    explain: bool,
    /// What `trustplane sign --explain` printed, in either format: show which of its lines differ
    #[arg(long, value_name = "FILE|-", requires = "explain")]
    signer_transcript: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let now = self.at.map_or_else(clock::now, UnixTime::from_secs);
        match self.request.policy_bundle {
            Some(_) => self.request(output, now),
            None => self.passport(output, now),
        }
    }
}
