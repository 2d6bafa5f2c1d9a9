use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use trustplane_core::{KeyBinding, PublicKey, UnixTime};

use super::change::{Changing, SigningArgs};
use crate::bundle::{Kind, Rotation};
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::{duration, key_binding, moment, public_key};
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle rotate-key <FILE>
           --issuer <ISSUER> --kid <KID> --public-key <KEY>
           --overlap <DURATION> [OPTIONS]")]
pub(crate) struct RotateKey {
    /// Trust material; `-` is standard input, and then the result goes to standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose key it is
    #[arg(long)]
    issuer: String,
    /// The id of the key that comes
    #[arg(long)]
    kid: String,
    /// The key that comes
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    public_key: PublicKey,
    /// The id of the key that goes; the only active one when not given
    #[arg(long, value_name = "KID")]
    old_kid: Option<String>,
    /// How long the old key still counts, such as 24h or 30m; 0s ends it now
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    overlap: Duration,
    /// When the overlap begins, Unix seconds or RFC 3339; now when not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<UnixTime>,
    /// The highest class the new key may grant; what the old one may when not given
    #[arg(long, value_name = "CLASS", value_parser = key_binding)]
    max_key_binding: Option<KeyBinding>,
    /// Where the changed document goes; in place when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

impl RotateKey {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let signing_key = self.signing.key()?;
        let mut trust = Changing::read(&self.file, Some(Kind::Trust))?;
        let from = self.from.unwrap_or_else(clock::now);
        let rotation = Rotation {
            issuer: self.issuer,
            old_kid: self.old_kid,
            kid: self.kid,
            key: self.public_key,
            max_key_binding: self.max_key_binding,
            old_until: from.plus(self.overlap.as_secs()),
        };
        let rotated = trust.change(|text| rotation.apply(text))?;
        trust.settle(&self.signing, signing_key.as_ref())?;
        if let Some(out) = trust.write(self.out.as_deref(), output)? {
            output.show(
                &Report::new()
                    .with("out", out)
                    .with("issuer", rotation.issuer)
                    .with("kid", rotation.kid)
                    .with("old_kid", rotated.old_kid)
                    .with("old_until", rotated.old_until.rfc3339())
                    .with("signed", trust.signed),
            )?;
        }
        Ok(Verdict::Allow)
    }
}
