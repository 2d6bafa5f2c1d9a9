mod build;
mod inspect;
mod merge_source;
mod remove_source;
mod sign;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::bundle::{Kind, Selector, Source as SourceKey};
use crate::exit::{Fault, Verdict};
use crate::files::{self, Readers};
use crate::output::Output;
use crate::value::{Json, pretty};

#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Turn authored members into an unsigned document
    Build(build::Build),
    /// Show what a document says
    Inspect(inspect::Inspect),
    /// Let a client in: its issuer's key and a source rule
    MergeSource(Box<merge_source::MergeSource>),
    /// Shut a client out: its source rule, and its issuer's key on request
    RemoveSource(Box<remove_source::RemoveSource>),
    /// Issue and sign a document
    Sign(sign::Sign),
    /// Check a document and its signature
    Verify(verify::Verify),
}

impl Bundle {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        match self {
            Self::Build(command) => command.run(output),
            Self::Inspect(command) => command.run(output),
            Self::MergeSource(command) => command.run(output),
            Self::RemoveSource(command) => command.run(output),
            Self::Sign(command) => command.run(output),
            Self::Verify(command) => command.run(output),
        }
    }
}

/// One document of either kind.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct DocumentArgs {
    /// Trust material: whose passports are believed
    #[arg(long, value_name = "FILE")]
    trust_material: Option<PathBuf>,
    /// Policy bundle: which callers may use which route
    #[arg(long, value_name = "FILE")]
    policy_bundle: Option<PathBuf>,
}

/// Both documents, and where their changed forms go.
#[derive(Args, Debug)]
struct PairArgs {
    /// Trust material to change
    #[arg(long, value_name = "FILE")]
    trust_material: PathBuf,
    /// Policy bundle to change
    #[arg(long, value_name = "FILE")]
    policy_bundle: PathBuf,
    /// Where the changed trust material goes
    #[arg(long, value_name = "FILE")]
    out_trust_material: PathBuf,
    /// Where the changed policy bundle goes
    #[arg(long, value_name = "FILE")]
    out_policy_bundle: PathBuf,
}

/// A source, as a rule names it.
#[derive(Args, Debug)]
struct SourceArgs {
    /// Issuer of the client's passports
    #[arg(long)]
    issuer: String,
    /// Trust domain of the client's passports
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: String,
    #[command(flatten)]
    subject: SubjectArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct SubjectArgs {
    /// The one subject the rule is about
    #[arg(long, value_name = "SUBJECT")]
    subject_exact: Option<String>,
    /// What the subjects begin with; ends in `:` or `/`
    #[arg(long, value_name = "PREFIX")]
    subject_prefix: Option<String>,
}

impl DocumentArgs {
    fn named(&self) -> (Kind, &Path) {
        match (&self.trust_material, &self.policy_bundle) {
            (Some(path), _) => (Kind::Trust, path),
            (None, Some(path)) => (Kind::Policy, path),
            (None, None) => unreachable!("clap requires one of the two"),
        }
    }
}

impl SourceArgs {
    fn source(self) -> SourceKey {
        let SubjectArgs { subject_exact, subject_prefix } = self.subject;
        let selector = match (subject_exact, subject_prefix) {
            (Some(subject), _) => Selector::Exact(subject),
            (None, prefix) => Selector::Prefix(prefix.unwrap_or_default()),
        };
        SourceKey { issuer: self.issuer, trust_domain: self.trust_domain, selector }
    }
}

/// Writes a document to a file, or to standard output.
fn put(output: Output, out: Option<&Path>, document: &Json) -> Result<(), Fault> {
    let text = pretty(document);
    match out {
        Some(path) => files::write(path, text.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(path, err)),
        None => output.line(&text),
    }
}
