use std::path::PathBuf;

use clap::{Args, ValueEnum};
use trustplane_core::{DocumentError, UnixTime};

use super::change::{Changing, SigningArgs};
use crate::bundle::Revocation;
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::moment;
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle revoke <FILE> <jti|kid|subject|issuer|source> <VALUE>
           [--issuer <ISSUER>] [--reason <TEXT>] [OPTIONS]")]
pub(crate) struct Revoke {
    /// Policy bundle or trust material; `-` is standard input, and then the result goes to
    /// standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which part of a passport the value is compared with
    #[arg(value_enum, value_name = "TYPE")]
    r#type: Type,
    /// The value; of a source, one subject, or what subjects begin with, ending in `:` or `/`
    #[arg(value_name = "VALUE")]
    value: String,
    /// Revoke for this issuer's passports alone
    #[arg(long)]
    issuer: Option<String>,
    /// Since when, Unix seconds or RFC 3339; now when not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    revoked_at: Option<UnixTime>,
    /// Why, for readers of the document
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Put it in the place of a revocation of the same
    #[arg(long)]
    replace_existing: bool,
    /// Where the changed document goes; in place when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    /// One passport
    Jti,
    /// Passports that a key signed
    Kid,
    /// Passports of one subject
    Subject,
    /// Passports of an issuer
    Issuer,
    /// Passports of one subject, or of subjects that begin so
    Source,
}

impl Revoke {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let signing_key = self.signing.key()?;
        let mut document = Changing::read(&self.file, None)?;
        let revocation = Revocation {
            r#type: self.r#type.name(),
            value: self.value,
            issuer: self.issuer,
            revoked_at: self.revoked_at.unwrap_or_else(clock::now),
            reason: self.reason,
        };
        document.change(|text| match revocation.value.is_empty() {
            true => Err(DocumentError::new("/revocations", "an empty value revokes nothing")),
            false => revocation.add(text, self.replace_existing),
        })?;
        document.settle(&self.signing, signing_key.as_ref())?;
        if let Some(out) = document.write(self.out.as_deref(), output)? {
            output.show(
                &Report::new()
                    .with("out", out)
                    .with("type", revocation.r#type)
                    .with("value", revocation.value)
                    .with_some("issuer", revocation.issuer)
                    .with("revoked_at", revocation.revoked_at.rfc3339())
                    .with("signed", document.signed),
            )?;
        }
        Ok(Verdict::Allow)
    }
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Kid => "kid",
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Source => "source",
        }
    }
}
