use std::path::PathBuf;

use clap::Args;

use super::put;
use crate::bundle::{self, Kind};
use crate::exit::{Fault, Verdict};
use crate::input::Source;
use crate::output::{Output, Report};

#[derive(Args, Debug)]
pub(crate) struct Build {
    /// The authored members: those of a policy bundle, or of trust material when there are
    /// `issuers`, without version, kind, signed_by and signature
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the document goes; standard output when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let source = Source::read(&self.config)?;
        let authored = source.value()?.into_owned();
        let trust = authored.as_object().is_some_and(|authored| authored.get("issuers").is_some());
        let kind = if trust { Kind::Trust } else { Kind::Policy };
        let document = bundle::build(kind, authored).map_err(|error| source.fault(error))?;
        put(output, self.out.as_deref(), &document)?;
        if let Some(out) = &self.out {
            output.show(
                &Report::new().with("out", out.display().to_string()).with("kind", kind.name()).with("signed", false),
            )?;
        }
        Ok(Verdict::Allow)
    }
}
