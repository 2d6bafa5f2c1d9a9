use std::path::PathBuf;

use clap::Args;
use trustplane_broker::SigningKey;

use crate::exit::{Fault, Verdict};
use crate::output::{Output, Report};

#[derive(Args, Debug)]
pub(crate) struct GenKey {
    /// Write the private key to a new file with mode 0600 instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl GenKey {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let key = SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?;
        let report = match &self.out {
            Some(path) => {
                key.write_file(path).map_err(|err| Fault::file(path, err))?;
                Report::new().with("private_key_file", path.display().to_string())
            }
            None => Report::new().with("private_key", key.to_base64url().as_str()),
        };
        output.show(
            &report
                .with("public_key", key.public_key().to_base64url())
                .with("fingerprint", key.public_key().fingerprint()),
        )?;
        Ok(Verdict::Allow)
    }
}
