use std::path::PathBuf;

use clap::Args;
use trustplane_broker::SigningKey;
use trustplane_core::{PublicKey, UnixTime};

use super::Issuer;
use crate::exit::Fault;
use crate::files::{self, Readers};
use crate::output::Report;
use crate::private_key::PrivateKeyArgs;

/// Who issues, and what is written about it.
#[derive(Args, Debug)]
pub(crate) struct IssuerArgs {
    /// Trust domain of the issuer
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: String,
    /// Issuer of the passport
    #[arg(long, default_value = "local://trustplane.issue")]
    issuer: String,
    /// The id of the issuer's key; made from its fingerprint when not given
    #[arg(long)]
    kid: Option<String>,
    #[command(flatten)]
    private_key: PrivateKeyArgs,
    /// Write the private key that is made when none is given to a new file with mode 0600
    #[arg(long, value_name = "FILE", conflicts_with_all = ["private_key", "private_key_file"])]
    private_key_out: Option<PathBuf>,
    /// Write trust material with the issuer's key, signed by that key itself
    #[arg(long, value_name = "FILE")]
    bundle_out: Option<PathBuf>,
}

impl IssuerArgs {
    /// The issuer, with the key that is given or a new one.
    pub(crate) fn issuer(&self) -> Result<Issuer, Fault> {
        let key = match self.private_key.find()? {
            Some(key) => key,
            None => SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?,
        };
        let kid = self.kid.clone().unwrap_or_else(|| default_kid(key.public_key()));
        Ok(Issuer { key, name: self.issuer.clone(), kid, trust_domain: self.trust_domain.clone() })
    }

    /// Writes the files that were asked for.
    pub(crate) fn write(&self, issuer: &Issuer, now: UnixTime) -> Result<(), Fault> {
        if let Some(path) = &self.private_key_out {
            issuer.key.write_file(path).map_err(|err| Fault::file(path, err))?;
        }
        if let Some(path) = &self.bundle_out {
            let document = issuer
                .trust_material(now)
                .map_err(|error| Fault::member("--bundle-out", error.pointer, error.problem))?;
            files::write(path, document.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(path, err))?;
        }
        Ok(())
    }

    /// What there is to know of the issuer.
    pub(crate) fn report(self, report: Report, issuer: &Issuer) -> Report {
        report
            .with("public_key", issuer.key.public_key().to_base64url())
            .with("key_id", issuer.kid.as_str())
            .with("issuer", issuer.name.as_str())
            .with_some("private_key_file", self.private_key_out.map(|path| path.display().to_string()))
            .with_some("bundle", self.bundle_out.map(|path| path.display().to_string()))
    }
}

/// A kid that names the key: the first quarter of its fingerprint.
fn default_kid(key: &PublicKey) -> String {
    let fingerprint = key.fingerprint();
    let hex = fingerprint.trim_start_matches("sha256:");
    format!("key-{}", &hex[..16])
}
