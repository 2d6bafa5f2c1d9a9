use std::path::PathBuf;

use clap::Args;

use super::SubjectArgs;
use super::change::{Changing, SigningArgs};
use crate::bundle::{Kind, Source as SourceKey, remove_key};
use crate::exit::{Fault, Verdict};
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle remove-source
           --policy-bundle <FILE> [--out-policy-bundle <FILE>]
           [--trust-material <FILE> [--out-trust-material <FILE>]
            --kid <KID>]
           --issuer <ISSUER> --trust-domain <DOMAIN>
           (--subject-exact <SUBJECT> | --subject-prefix <PREFIX>)
           (--route-id <ID> | --all-routes) --confirm-remove [OPTIONS]")]
pub(crate) struct RemoveSource {
    /// Policy bundle to change
    #[arg(long, value_name = "FILE")]
    policy_bundle: PathBuf,
    /// Trust material to change, where a key goes too
    #[arg(long, value_name = "FILE")]
    trust_material: Option<PathBuf>,
    /// Where the changed policy bundle goes; in place when not given
    #[arg(long, value_name = "FILE")]
    out_policy_bundle: Option<PathBuf>,
    /// Where the changed trust material goes; in place when not given
    #[arg(long, value_name = "FILE", requires = "trust_material")]
    out_trust_material: Option<PathBuf>,
    /// Issuer of the client's passports
    #[arg(long)]
    issuer: String,
    /// Trust domain of the client's passports
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: String,
    #[command(flatten)]
    subject: SubjectArgs,
    /// The route that the client may no longer use
    #[arg(long, value_name = "ID", required_unless_present = "all_routes", conflicts_with = "all_routes")]
    route_id: Option<String>,
    /// Take the client's rule out of every route
    #[arg(long)]
    all_routes: bool,
    /// Also take this key of the issuer out of the trust material
    #[arg(long, requires = "trust_material")]
    kid: Option<String>,
    /// Really remove
    #[arg(long)]
    confirm_remove: bool,
    #[command(flatten)]
    signing: SigningArgs,
}

impl RemoveSource {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let Some(selector) = self.subject.selector() else {
            return Err(Fault::new("who goes is said with --subject-exact or --subject-prefix"));
        };
        let signing_key = self.signing.key()?;
        let source = SourceKey { issuer: self.issuer.clone(), trust_domain: self.trust_domain.clone(), selector };
        let trust = self.trust_material.as_deref().map(|path| Changing::read(path, Some(Kind::Trust)));
        let mut trust = trust.transpose()?;
        let mut policy = Changing::read(&self.policy_bundle, Some(Kind::Policy))?;
        let rules = policy.change(|text| source.remove_rules(text, self.route_id.as_deref()))?;
        if let (Some(trust), Some(kid)) = (&mut trust, &self.kid) {
            trust.change(|text| remove_key(text, &self.issuer, kid))?;
        }
        if !self.confirm_remove {
            let keys = if self.kid.is_some() { " and a key" } else { "" };
            let problem = format!("this removes {rules} source rule(s){keys}; say --confirm-remove to do it");
            return Err(Fault::new(problem));
        }
        policy.settle(&self.signing, signing_key.as_ref())?;
        if let (Some(trust), Some(_)) = (&mut trust, &self.kid) {
            trust.settle(&self.signing, signing_key.as_ref())?;
        }
        // The rule first: until the key goes too, the client is refused rather than unknown.
        let policy_out = policy.write(self.out_policy_bundle.as_deref(), output)?;
        let write = |trust: &Changing| trust.write(self.out_trust_material.as_deref(), output);
        let trust_out = trust.as_ref().map(write).transpose()?;
        if policy_out.is_none() || trust_out == Some(None) {
            return Ok(Verdict::Allow);
        }
        output.show(
            &Report::new()
                .with_some("trust_material", trust_out.flatten())
                .with_some("policy_bundle", policy_out)
                .with("rules_removed", u64::try_from(rules).unwrap_or(u64::MAX))
                .with_some("key_removed", self.kid)
                .with("signed", policy.signed && trust.is_none_or(|trust| trust.signed)),
        )?;
        Ok(Verdict::Allow)
    }
}
