use std::path::PathBuf;

use clap::Args;
use trustplane_broker::{SigningKey, mint};
use trustplane_core::{KeyBinding, PublicKey};

use crate::bundle::{self, Kind, Signer};
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::files::{self, Readers};
use crate::input::{key_binding, public_key};
use crate::output::{Output, Report};
use crate::private_key::PrivateKeyArgs;
use crate::sign_request::Stamp;
use crate::value::{pretty, value};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane issue --subject <SUBJECT> --audience <AUDIENCE>
                        --trust-domain <DOMAIN> [OPTIONS]")]
pub(crate) struct Issue {
    /// Who the passport is for
    #[arg(long)]
    subject: String,
    /// What it is good for
    #[arg(long)]
    audience: String,
    /// Trust domain of the issuer
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: String,
    /// Issuer of the passport
    #[arg(long, default_value = "local://trustplane.issue")]
    issuer: String,
    /// The id of the issuer's key; made from its fingerprint when not given
    #[arg(long)]
    kid: Option<String>,
    /// Life of the passport
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    ttl: u64,
    /// The class that the passport claims; verifiers believe it as far as they believe the issuer
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    key_binding: KeyBinding,
    /// The caller's public key, which will sign proofs; the issuer's own when not given
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    proof_public_key: Option<PublicKey>,
    #[command(flatten)]
    private_key: PrivateKeyArgs,
    /// Write the private key that is made when none is given to a new file with mode 0600
    #[arg(long, value_name = "FILE", conflicts_with_all = ["private_key", "private_key_file"])]
    private_key_out: Option<PathBuf>,
    /// Write trust material with the issuer's key, signed by that key itself
    #[arg(long, value_name = "FILE")]
    bundle_out: Option<PathBuf>,
}

impl Issue {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let key = match self.private_key.find()? {
            Some(key) => key,
            None => SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?,
        };
        let kid = match &self.kid {
            Some(kid) => kid.clone(),
            None => default_kid(key.public_key()),
        };
        let stamp = Stamp::new(clock::now(), self.ttl).map_err(|err| Fault::new(err.to_string()))?;
        let claims = mint::Claims {
            issuer: &self.issuer,
            subject: &self.subject,
            audience: &self.audience,
            issued_at: stamp.issued_at,
            expires_at: stamp.expires_at,
            jti: &stamp.jti,
            trust_domain: &self.trust_domain,
            proof_key: self.proof_public_key.as_ref().unwrap_or(key.public_key()),
            key_binding: self.key_binding,
            provenance: None,
            context: &[],
        };
        let token = mint::mint_passport(&claims, &kid, &key).map_err(|err| Fault::new(err.to_string()))?;
        if let Some(path) = &self.private_key_out {
            key.write_file(path).map_err(|err| Fault::file(path, err))?;
        }
        if let Some(path) = &self.bundle_out {
            let document = self.trust_material(&key, &kid, &stamp)?;
            files::write(path, document.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(path, err))?;
        }
        output.show(
            &Report::new()
                .with("token", token)
                .with("public_key", key.public_key().to_base64url())
                .with("key_id", kid)
                .with("issuer", self.issuer)
                .with_some("private_key_file", self.private_key_out.map(|path| path.display().to_string()))
                .with_some("bundle", self.bundle_out.map(|path| path.display().to_string())),
        )?;
        Ok(Verdict::Allow)
    }

    /// The key is a file on this host, so it grants `software` and no more, whatever was claimed.
    fn trust_material(&self, key: &SigningKey, kid: &str, stamp: &Stamp) -> Result<String, Fault> {
        let authored = value!({
            "issuers": [{
                "issuer": (self.issuer.as_str()),
                "trust_domain": (self.trust_domain.as_str()),
                "keys": [{
                    "kid": (kid),
                    "alg": "EdDSA",
                    "public_key_b64url": (key.public_key().to_base64url()),
                    "max_key_binding": "software",
                }],
            }],
            "revocations": [],
        });
        let refused =
            |error: trustplane_core::DocumentError| Fault::member("--bundle-out", error.pointer, error.problem);
        let document = bundle::build(Kind::Trust, authored).map_err(refused)?;
        let signer = Signer { key, issuer: &self.issuer, kid, issued_at: stamp.issued_at };
        bundle::sign(Kind::Trust, &document, &signer).map(|document| pretty(&document)).map_err(refused)
    }
}

/// A kid that names the key: the first quarter of its fingerprint.
pub(crate) fn default_kid(key: &PublicKey) -> String {
    let fingerprint = key.fingerprint();
    let hex = fingerprint.trim_start_matches("sha256:");
    format!("key-{}", &hex[..16])
}
