use clap::Args;
use trustplane_broker::mint;
use trustplane_core::{KeyBinding, PublicKey};

use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::{key_binding, public_key};
use crate::issuer::IssuerArgs;
use crate::output::{Output, Report};
use crate::sign_request::Stamp;

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
    /// Life of the passport
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    ttl: u64,
    /// The class that the passport claims; verifiers believe it as far as they believe the issuer
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    key_binding: KeyBinding,
    /// The caller's public key, which will sign proofs; the issuer's own when not given
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    proof_public_key: Option<PublicKey>,
    #[command(flatten)]
    issuer: IssuerArgs,
}

impl Issue {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let issuer = self.issuer.issuer()?;
        let stamp = Stamp::new(clock::now(), self.ttl).map_err(|err| Fault::new(err.to_string()))?;
        let claims = mint::Claims {
            issuer: &issuer.name,
            subject: &self.subject,
            audience: &self.audience,
            issued_at: stamp.issued_at,
            expires_at: stamp.expires_at,
            jti: &stamp.jti,
            trust_domain: &issuer.trust_domain,
            proof_key: self.proof_public_key.as_ref().unwrap_or(issuer.key.public_key()),
            key_binding: self.key_binding,
            provenance: None,
            context: &[],
        };
        let token =
            mint::mint_passport(&claims, &issuer.kid, &issuer.key).map_err(|err| Fault::new(err.to_string()))?;
        self.issuer.write(&issuer, stamp.issued_at)?;
        output.show(&self.issuer.report(Report::new().with("token", token), &issuer))?;
        Ok(Verdict::Allow)
    }
}
