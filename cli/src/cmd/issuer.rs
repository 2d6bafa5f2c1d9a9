use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::clock;
use crate::cmd::stack::{Stop, block_on};
use crate::exit::{Fault, Verdict};
use crate::issuer::{Issued, IssuerArgs, Issuing};
use crate::output::{Output, Report};
use crate::serve::{PlaceArgs, serve};

/// An issuer for development.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Issue a passport to whoever asks, until SIGTERM: for development alone
    Serve(Box<Serve>),
}

/// Issue a passport to whoever asks, until SIGTERM: for development alone
///
/// POST /v1/passports takes a JSON document (`trustplane schema passport-request`) and answers with
/// a passport for the public key that stands in it. Nobody is asked who they are: whoever reaches
/// the socket is issued what they ask for, as software and no more. Where that matters, serve a
/// broker.
#[derive(Args, Debug)]
#[command(override_usage = "trustplane issuer serve --trust-domain <DOMAIN> [OPTIONS]")]
pub(crate) struct Serve {
    #[command(flatten)]
    issuer: IssuerArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

impl IssuerCommand {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let Self::Serve(serve) = self;
        block_on(serve.serve(output))
    }
}

impl Serve {
    async fn serve(self, output: Output) -> Result<Verdict, Fault> {
        let mut stop = Stop::listen()?;
        let issuer = self.issuer.issuer()?;
        let listener = self.place.listen("issuer.sock").await?;
        self.issuer.write(&issuer, clock::now())?;
        output.note("note: for development alone: whoever reaches this issuer is issued what they ask for");
        let report = Report::new().with("listening", listener.to_string()).with("development_only", true);
        output.show(&self.issuer.report(report, &issuer))?;
        let tell = move |issued: &Issued| output.note(&issued.line());
        serve(listener, Arc::new(Issuing { issuer, tell }), stop.asked()).await;
        Ok(Verdict::Allow)
    }
}
