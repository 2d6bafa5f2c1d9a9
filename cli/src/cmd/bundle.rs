mod build;
mod change;
mod diff;
mod inspect;
mod lint;
mod merge_source;
mod reading;
mod remove_source;
mod revoke;
mod rotate_key;
mod sign;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::bundle::{Kind, Selector};
use crate::exit::{Fault, Verdict};
use crate::files::{self, Readers};
use crate::input::is_standard;
use crate::output::Output;
use crate::value::{Json, pretty};

#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Turn authored members into an unsigned document
    Build(build::Build),
    /// Say who gains or loses what between two documents
    Diff(diff::Diff),
    /// Show what a document says
    Inspect(inspect::Inspect),
    /// Say what a document allows that its author may not have meant
    Lint(lint::Lint),
    /// Let a client in: its issuer's key and a source rule
    MergeSource(Box<merge_source::MergeSource>),
    /// Shut a client out: its source rule, and its issuer's key on request
    RemoveSource(Box<remove_source::RemoveSource>),
    /// Take back a passport, a key, a subject, an issuer or a source
    Revoke(Box<revoke::Revoke>),
    /// Give an issuer a new key, and the old one an end
    RotateKey(Box<rotate_key::RotateKey>),
    /// Issue and sign a document
    Sign(sign::Sign),
    /// Check a document and its signature
    Verify(verify::Verify),
}

impl Bundle {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        match self {
            Self::Build(command) => command.run(output),
            Self::Diff(command) => command.run(output),
            Self::Inspect(command) => command.run(output),
            Self::Lint(command) => command.run(output),
            Self::MergeSource(command) => command.run(output),
            Self::RemoveSource(command) => command.run(output),
            Self::Revoke(command) => command.run(output),
            Self::RotateKey(command) => command.run(output),
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

/// Which subjects a rule is about.
#[derive(Args, Debug)]
#[group(id = "selector", multiple = false)]
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

impl SubjectArgs {
    fn selector(&self) -> Option<Selector> {
        let exact = self.subject_exact.clone().map(Selector::Exact);
        exact.or_else(|| self.subject_prefix.clone().map(Selector::Prefix))
    }
}

/// Writes a document to a file, or to standard output.
fn put(output: Output, out: Option<&Path>, document: &Json) -> Result<(), Fault> {
    put_text(output, out, &pretty(document))
}

fn put_text(output: Output, out: Option<&Path>, text: &str) -> Result<(), Fault> {
    match out.filter(|path| !is_standard(path)) {
        Some(path) => files::write(path, text.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(path, err)),
        None => output.line(text),
    }
}
