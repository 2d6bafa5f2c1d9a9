use std::path::{Path, PathBuf};

use clap::Args;
use trustplane_core::DocumentError;

use super::put;
use crate::authoring::{self, File};
use crate::bundle::{self, Kind};
use crate::exit::{Fault, Verdict};
use crate::input::is_standard;
use crate::output::{Output, Report};
use crate::value::Json;

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane bundle build --config <FILE>
           (--out-policy-bundle <FILE> --out-trust-material <FILE>
            | [--out <FILE>])")]
pub(crate) struct Build {
    /// An authoring file, which gives both documents; or the members of one document, without
    /// version, kind, signed_by and signature: of trust material when there are `issuers`, else of
    /// a policy bundle. JSON, or by its name YAML or TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the one document goes; standard output when not given
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out_policy_bundle", "out_trust_material"])]
    out: Option<PathBuf>,
    /// Where the policy bundle of an authoring file goes
    #[arg(long, value_name = "FILE")]
    out_policy_bundle: Option<PathBuf>,
    /// Where the trust material of an authoring file goes
    #[arg(long, value_name = "FILE")]
    out_trust_material: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let file = File::read(&self.config)?;
        if file.is_authoring() {
            return self.both(file, output);
        }
        if self.out_policy_bundle.is_some() || self.out_trust_material.is_some() {
            let problem =
                "missing member: an authoring file, which gives both documents, has \"trustplane-authoring-v1\" here";
            return Err(file.fault(DocumentError::new("/version", problem)));
        }
        let trust = file.value().as_object().is_some_and(|authored| authored.get("issuers").is_some());
        let kind = if trust { Kind::Trust } else { Kind::Policy };
        let document = bundle::build(kind, file.value().clone()).map_err(|error| file.fault(error))?;
        write(self.out.as_deref(), kind, &document, output)
    }

    fn both(self, file: File, output: Output) -> Result<Verdict, Fault> {
        let built = authoring::build(file)?;
        for note in &built.notes {
            output.note(note);
        }
        if self.out_policy_bundle.is_none() && self.out_trust_material.is_none() {
            let problem =
                "an authoring file gives two documents: say where with --out-policy-bundle and --out-trust-material";
            return Err(Fault::file(&self.config, problem));
        }
        if let Some(out) = &self.out_trust_material {
            write(Some(out), Kind::Trust, &built.trust, output)?;
        }
        if let Some(out) = &self.out_policy_bundle {
            write(Some(out), Kind::Policy, &built.policy, output)?;
        }
        Ok(Verdict::Allow)
    }
}

fn write(out: Option<&Path>, kind: Kind, document: &Json, output: Output) -> Result<Verdict, Fault> {
    put(output, out, document)?;
    if let Some(out) = out.filter(|path| !is_standard(path)) {
        output.show(
            &Report::new().with("out", out.display().to_string()).with("kind", kind.name()).with("signed", false),
        )?;
    }
    Ok(Verdict::Allow)
}
