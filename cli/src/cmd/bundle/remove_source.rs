use clap::Args;
use trustplane_core::Pin;

use super::{PairArgs, SourceArgs, put};
use crate::bundle::Kind;
use crate::exit::{Fault, Verdict};
use crate::input::Source;
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle remove-source
           --trust-material <FILE> --out-trust-material <FILE>
           --policy-bundle <FILE> --out-policy-bundle <FILE>
           --issuer <ISSUER> --trust-domain <DOMAIN>
           (--subject-exact <SUBJECT> | --subject-prefix <PREFIX>)
           (--route-id <ID> | --all-routes) --confirm-remove [OPTIONS]")]
pub(crate) struct RemoveSource {
    #[command(flatten)]
    files: PairArgs,
    #[command(flatten)]
    source: SourceArgs,
    /// The route that the client may no longer use
    #[arg(long, value_name = "ID", required_unless_present = "all_routes", conflicts_with = "all_routes")]
    route_id: Option<String>,
    /// Take the client's rule out of every route
    #[arg(long)]
    all_routes: bool,
    /// Also take this key of the issuer out of the trust material
    #[arg(long)]
    kid: Option<String>,
    /// Really remove
    #[arg(long)]
    confirm_remove: bool,
}

impl RemoveSource {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let source = self.source.source();
        let trust_file = Source::read(&self.files.trust_material)?;
        let policy_file = Source::read(&self.files.policy_bundle)?;
        let mut trust = trust_file.value()?.into_owned();
        let mut policy = policy_file.value()?.into_owned();
        let rules =
            source.remove_rules(&mut policy, self.route_id.as_deref()).map_err(|error| policy_file.fault(error))?;
        if let Some(kid) = &self.kid {
            source.remove_key(&mut trust, kid).map_err(|error| trust_file.fault(error))?;
        }
        if !self.confirm_remove {
            let keys = if self.kid.is_some() { " and a key" } else { "" };
            let problem = format!("this removes {rules} source rule(s){keys}; say --confirm-remove to do it");
            return Err(Fault::new(problem));
        }
        Kind::Trust.check(&trust, &Pin::UnsignedDev).map_err(|error| trust_file.fault(error))?;
        Kind::Policy.check(&policy, &Pin::UnsignedDev).map_err(|error| policy_file.fault(error))?;
        put(output, Some(&self.files.out_trust_material), &trust)?;
        put(output, Some(&self.files.out_policy_bundle), &policy)?;
        output.show(
            &Report::new()
                .with("trust_material", self.files.out_trust_material.display().to_string())
                .with("policy_bundle", self.files.out_policy_bundle.display().to_string())
                .with("rules_removed", u64::try_from(rules).unwrap_or(u64::MAX))
                .with_some("key_removed", self.kid),
        )?;
        output.note("A changed document is unsigned now: sign it with `trustplane bundle sign`.");
        Ok(Verdict::Allow)
    }
}
