use std::path::PathBuf;

use clap::Args;

use super::reading::Reading;
use crate::diff::{Sides, diff};
use crate::exit::{Fault, Verdict};
use crate::output::Output;

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 both say the same, 1 they differ, 2 a file cannot be read. \
                        Who signed a document, and when, is shown and is no difference.")]
pub(crate) struct Diff {
    /// A policy bundle, trust material or an authoring file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// What takes its place
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

impl Diff {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let (old, new) = (Reading::of(&self.old)?, Reading::of(&self.new)?);
        let sides = Sides {
            policy: old.policy.as_ref().zip(new.policy.as_ref()),
            trust: old.trust.as_ref().zip(new.trust.as_ref()),
        };
        if sides.policy.is_none() && sides.trust.is_none() {
            return Err(Fault::new("one file is a policy and the other is trust material: nothing to compare"));
        }
        for (what, one, other) in [
            ("policy", old.policy.is_some(), new.policy.is_some()),
            ("trust material", old.trust.is_some(), new.trust.is_some()),
        ] {
            if one != other {
                output.note(&format!("note: only one of the files has {what}: it is not compared"));
            }
        }
        let diff = diff(sides);
        let verdict = if diff.same { Verdict::Allow } else { Verdict::Deny };
        output.show(&diff)?;
        Ok(verdict)
    }
}
