use std::path::PathBuf;

use clap::Args;
use trustplane_core::UnixTime;

use super::{DocumentArgs, put_text};
use crate::bundle::{Signer, sign_text};
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::Source;
use crate::output::{Output, Report};
use crate::private_key::PrivateKeyArgs;

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle sign
           (--policy-bundle <FILE> | --trust-material <FILE>)
           --signer-issuer <ISSUER> --kid <KID> [OPTIONS]")]
pub(crate) struct Sign {
    #[command(flatten)]
    document: DocumentArgs,
    /// Where the signed document goes; standard output when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who signs, as signed_by.issuer says
    #[arg(long, value_name = "ISSUER")]
    signer_issuer: String,
    /// The id of the signing key
    #[arg(long)]
    kid: String,
    #[command(flatten)]
    private_key: PrivateKeyArgs,
    /// When the document is issued, Unix seconds; now when not given
    #[arg(long, value_name = "SECONDS")]
    issued_at: Option<u64>,
}

impl Sign {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let (kind, path) = self.document.named();
        let source = Source::read(path)?;
        let key = self.private_key.read()?;
        let issued_at = self.issued_at.map_or_else(clock::now, UnixTime::from_secs);
        let signer = Signer { key: &key, issuer: &self.signer_issuer, kid: &self.kid, issued_at };
        source.value()?;
        let mut text = source.text().to_owned();
        sign_text(kind, &mut text, &signer).map_err(|error| source.fault(error))?;
        put_text(output, self.out.as_deref(), &text)?;
        if let Some(out) = &self.out {
            output.show(
                &Report::new()
                    .with("out", out.display().to_string())
                    .with("kind", kind.name())
                    .with("issued_at", issued_at.as_secs())
                    .with("public_key", key.public_key().to_base64url()),
            )?;
        }
        Ok(Verdict::Allow)
    }
}
