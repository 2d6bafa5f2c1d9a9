use clap::Args;
use trustplane_core::{Pin, PublicKey};

use super::DocumentArgs;
use crate::exit::{Fault, Verdict};
use crate::input::{Source, public_key};
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle verify
           (--policy-bundle <FILE> | --trust-material <FILE>)
           --public-key <KEY> [OPTIONS]")]
pub(crate) struct Verify {
    #[command(flatten)]
    document: DocumentArgs,
    /// Public key that must have signed the document
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    public_key: PublicKey,
}

impl Verify {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let (kind, path) = self.document.named();
        let source = Source::read(path)?;
        let document = source.value()?;
        let report = Report::new().with("file", source.name()).with("kind", kind.name());
        match kind.check(&document, &Pin::Key(self.public_key)) {
            Ok(()) => {
                output.show(&report.with("verified", true))?;
                Ok(Verdict::Allow)
            }
            Err(error) => {
                let fault = source.fault(error);
                let report = report.with("verified", false).with("pointer", fault.pointer);
                output.show(&report.with("problem", fault.problem))?;
                Ok(Verdict::Deny)
            }
        }
    }
}
