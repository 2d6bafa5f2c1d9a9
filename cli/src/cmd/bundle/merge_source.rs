use clap::Args;
use trustplane_core::{KeyBinding, Pin, PublicKey};

use super::{PairArgs, SourceArgs, put};
use crate::bundle::{Entry, Kind};
use crate::exit::{Fault, Verdict};
use crate::input::{Source, key_binding, public_key};
use crate::output::{Output, Report};

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle merge-source
           --trust-material <FILE> --out-trust-material <FILE>
           --policy-bundle <FILE> --out-policy-bundle <FILE>
           --issuer <ISSUER> --trust-domain <DOMAIN> --kid <KID>
           --public-key <KEY> --route-id <ID>
           (--subject-exact <SUBJECT> | --subject-prefix <PREFIX>) [OPTIONS]")]
pub(crate) struct MergeSource {
    #[command(flatten)]
    files: PairArgs,
    #[command(flatten)]
    source: SourceArgs,
    /// What kind of source it is, such as software_jwks; for readers, it grants nothing
    #[arg(long, value_name = "TYPE")]
    source_type: Option<String>,
    /// The id of the issuer's key
    #[arg(long)]
    kid: String,
    /// The issuer's key
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    public_key: PublicKey,
    /// The route that the client may use
    #[arg(long, value_name = "ID")]
    route_id: String,
    /// The lowest class the client may present
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    required_key_binding: KeyBinding,
    /// The highest class the issuer's key may grant
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    max_key_binding: KeyBinding,
    /// Put key and rule in the place of those of the same name
    #[arg(long)]
    replace_existing: bool,
}

impl MergeSource {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let entry = Entry {
            source: self.source.source(),
            source_type: self.source_type,
            required_key_binding: self.required_key_binding,
            kid: self.kid,
            key: self.public_key,
            max_key_binding: self.max_key_binding,
        };
        let trust_file = Source::read(&self.files.trust_material)?;
        let policy_file = Source::read(&self.files.policy_bundle)?;
        let mut trust = trust_file.value()?.into_owned();
        let mut policy = policy_file.value()?.into_owned();
        entry.add_key(&mut trust, self.replace_existing).map_err(|error| trust_file.fault(error))?;
        entry.add_rule(&mut policy, &self.route_id, self.replace_existing).map_err(|error| policy_file.fault(error))?;
        Kind::Trust.check(&trust, &Pin::UnsignedDev).map_err(|error| trust_file.fault(error))?;
        Kind::Policy.check(&policy, &Pin::UnsignedDev).map_err(|error| policy_file.fault(error))?;
        put(output, Some(&self.files.out_trust_material), &trust)?;
        put(output, Some(&self.files.out_policy_bundle), &policy)?;
        output.show(
            &Report::new()
                .with("trust_material", self.files.out_trust_material.display().to_string())
                .with("policy_bundle", self.files.out_policy_bundle.display().to_string())
                .with("route_id", self.route_id)
                .with("signed", false),
        )?;
        output.note("Both documents are unsigned now: sign each with `trustplane bundle sign`.");
        Ok(Verdict::Allow)
    }
}
