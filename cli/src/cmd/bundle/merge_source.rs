use std::path::PathBuf;

use clap::Args;
use trustplane_core::{DocumentError, KeyBinding, PublicKey};

use super::SubjectArgs;
use super::change::{Changing, SigningArgs};
use crate::bundle::{Kind, NewKey, Rule, Source as SourceKey, add_keys, read_jwks};
use crate::exit::{Fault, Verdict};
use crate::input::{Source, key_binding, public_key};
use crate::output::{Output, Report};
use crate::value::value;

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle merge-source
           --trust-material <FILE> [--out-trust-material <FILE>]
           --issuer <ISSUER> --trust-domain <DOMAIN>
           (--kid <KID> --public-key <KEY> | --jwks <FILE>)
           [--policy-bundle <FILE> [--out-policy-bundle <FILE>]
            --route-id <ID>
            (--subject-exact <SUBJECT> | --subject-prefix <PREFIX>)]
           [OPTIONS]")]
pub(crate) struct MergeSource {
    /// Trust material to change
    #[arg(long, value_name = "FILE")]
    trust_material: PathBuf,
    /// Policy bundle to change; without one, keys alone are merged
    #[arg(long, value_name = "FILE", requires = "route_id")]
    policy_bundle: Option<PathBuf>,
    /// Where the changed trust material goes; in place when not given
    #[arg(long, value_name = "FILE")]
    out_trust_material: Option<PathBuf>,
    /// Where the changed policy bundle goes; in place when not given
    #[arg(long, value_name = "FILE", requires = "policy_bundle")]
    out_policy_bundle: Option<PathBuf>,
    /// Issuer of the client's passports
    #[arg(long)]
    issuer: String,
    /// Trust domain of the client's passports
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: String,
    #[command(flatten)]
    subject: SubjectArgs,
    /// What kind of source it is, such as software_jwks; for readers, it grants nothing
    #[arg(long, value_name = "TYPE")]
    source_type: Option<String>,
    /// The id of the issuer's key
    #[arg(long, requires = "public_key")]
    kid: Option<String>,
    /// The issuer's key
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key, requires = "kid", required_unless_present = "jwks")]
    public_key: Option<PublicKey>,
    /// A key set (RFC 7517) with the issuer's keys; its Ed25519 keys are merged
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kid", "public_key"])]
    jwks: Option<PathBuf>,
    /// The route that the client may use
    #[arg(long, value_name = "ID", requires_all = ["policy_bundle", "selector"])]
    route_id: Option<String>,
    /// The lowest class the client may present
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    required_key_binding: KeyBinding,
    /// The highest class the issuer's keys may grant
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    max_key_binding: KeyBinding,
    /// Put keys and rule in the place of those of the same name
    #[arg(long)]
    replace_existing: bool,
    #[command(flatten)]
    signing: SigningArgs,
}

impl MergeSource {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let signing_key = self.signing.key()?;
        let keys = self.keys(output)?;
        let mut trust = Changing::read(&self.trust_material, Some(Kind::Trust))?;
        let policy = self.policy_bundle.as_deref().map(|path| Changing::read(path, Some(Kind::Policy)));
        let mut policy = policy.transpose()?;
        trust.change(|text| add_keys(text, &self.issuer, &self.trust_domain, &keys, self.replace_existing))?;
        trust.settle(&self.signing, signing_key.as_ref())?;
        if let (Some(policy), Some(route_id)) = (&mut policy, &self.route_id) {
            let Some(selector) = self.subject.selector() else { unreachable!("clap requires a selector") };
            let rule = Rule {
                source: SourceKey { issuer: self.issuer.clone(), trust_domain: self.trust_domain.clone(), selector },
                source_type: self.source_type.clone(),
                required_key_binding: self.required_key_binding,
            };
            policy.change(|text| rule.add(text, route_id, self.replace_existing))?;
            policy.settle(&self.signing, signing_key.as_ref())?;
        }
        // The key first: a rule whose issuer is not known yet admits nobody.
        let trust_out = trust.write(self.out_trust_material.as_deref(), output)?;
        let write = |policy: &Changing| policy.write(self.out_policy_bundle.as_deref(), output);
        let policy_out = policy.as_ref().map(write).transpose()?;
        if trust_out.is_none() || policy_out == Some(None) {
            return Ok(Verdict::Allow);
        }
        let kids: Vec<_> = keys.into_iter().map(|key| value!(key.kid)).collect();
        output.show(
            &Report::new()
                .with_some("trust_material", trust_out)
                .with_some("policy_bundle", policy_out.flatten())
                .with("keys", kids)
                .with_some("route_id", self.route_id)
                .with("signed", trust.signed && policy.is_none_or(|policy| policy.signed)),
        )?;
        Ok(Verdict::Allow)
    }

    fn keys(&self, output: Output) -> Result<Vec<NewKey>, Fault> {
        let key = |(kid, key)| NewKey { kid, key, max_key_binding: self.max_key_binding };
        if let (Some(kid), Some(public_key)) = (&self.kid, &self.public_key) {
            return Ok(vec![key((kid.clone(), public_key.clone()))]);
        }
        let Some(path) = &self.jwks else { unreachable!("clap requires a key or a key set") };
        let source = Source::read(path)?;
        let set = read_jwks(&source.value()?).map_err(|error| source.fault(error))?;
        for (pointer, kty) in &set.passed_by {
            output.note(&format!(
                "{}: {pointer}: passed by: {kty}, and passports are signed with Ed25519",
                source.name()
            ));
        }
        if set.keys.is_empty() {
            return Err(source.fault(DocumentError::new("/keys", "no Ed25519 key")));
        }
        Ok(set.keys.into_iter().map(|(_, kid, public_key)| key((kid, public_key))).collect())
    }
}
