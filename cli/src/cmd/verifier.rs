use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use hyper::StatusCode;

use crate::clock;
use crate::cmd::stack::{Stop, block_on};
use crate::exit::{Fault, Verdict};
use crate::input::PinArgs;
use crate::judge::{Description, Documents};
use crate::output::{Output, Report};
use crate::serve::{Endpoint, PlaceArgs, Reply, serve};

/// A verifier that is asked and admits nothing.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifierCommand {
    /// Say of described requests whether they would be allowed, until SIGTERM
    Serve(Box<Serve>),
}

/// Say of described requests whether they would be allowed, until SIGTERM
///
/// POST /v1/verify takes a JSON document (`trustplane schema request-description`) and answers with
/// the verifier's decision, reason and audit event, and on request with the transcript. It consumes
/// no passport: what it calls allowed may have been admitted already. So it explains, and never
/// guards. Both files are read again for every question.
#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane verifier serve --policy-bundle <FILE> --bundle <FILE>
                                 [OPTIONS]")]
pub(crate) struct Serve {
    /// Policy bundle
    #[arg(long, value_name = "FILE")]
    policy_bundle: PathBuf,
    /// Trust material with the issuers' keys
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    #[command(flatten)]
    pins: PinArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

struct Judging {
    documents: Documents,
    output: Output,
}

impl VerifierCommand {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let Self::Serve(serve) = self;
        block_on(serve.serve(output))
    }
}

impl Serve {
    async fn serve(self, output: Output) -> Result<Verdict, Fault> {
        let mut stop = Stop::listen()?;
        let Self { policy_bundle, bundle, pins, place } = self;
        let documents = Documents::open((policy_bundle, pins.policy()?), (bundle, pins.trust()?), clock::now())?;
        let listener = place.listen("verifier.sock").await?;
        output.show(&Report::new().with("listening", listener.to_string()))?;
        serve(listener, Arc::new(Judging { documents, output }), stop.asked()).await;
        Ok(Verdict::Allow)
    }
}

impl Endpoint for Judging {
    const PATH: &'static str = "/v1/verify";
    const MOST_BYTES: usize = Description::MOST_BYTES;

    fn answer(&self, body: &[u8]) -> Reply {
        let Description { request, at } = match Description::parse(body) {
            Ok(description) => description,
            Err(error) => return Reply::faulty(body, error),
        };
        let now = clock::now();
        let verifier = self.documents.verifier(now, at, |fault| {
            self.output.note(&format!("refused, the last good document stays in force: {fault}"));
        });
        Reply::new(StatusCode::OK, &request.judge(&verifier, at.unwrap_or(now)))
    }
}
