use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use trustplane_core::UnixTime;

use super::reading::Reading;
use crate::bundle::Kind;
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::{duration, moment};
use crate::lint::{Code, Finding, Severity, Subject, lint};
use crate::output::Output;

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 nothing found, 1 something found, 2 a file cannot be read.")]
pub(crate) struct Lint {
    /// An authoring file; or a policy bundle, trust material, or both: together they are also
    /// compared with each other
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
    /// Tell of keys and documents that end within this time
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30d")]
    within: Duration,
    /// Judge as of this moment, Unix seconds or RFC 3339; now when not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<UnixTime>,
}

#[derive(Debug, Serialize)]
struct Found {
    findings: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    severity: Severity,
    code: Code,
    file: String,
    line: usize,
    column: usize,
    pointer: String,
    sentence: String,
}

impl Lint {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let readings = self.files.iter().map(|path| Reading::of(path)).collect::<Result<Vec<_>, _>>()?;
        let one = |has: &dyn Fn(&Reading) -> bool, what| match readings.iter().filter(|reading| has(reading)).count() {
            0 | 1 => Ok(readings.iter().find(|reading| has(reading))),
            _ => Err(Fault::new(format!("both files have {what}: expected at most one of each kind"))),
        };
        let policy = one(&|reading| reading.policy.is_some(), "a policy")?;
        let trust = one(&|reading| reading.trust.is_some(), "trust material")?;
        let subject = Subject {
            policy: policy.and_then(|reading| reading.policy.as_ref()),
            trust: trust.and_then(|reading| reading.trust.as_ref()),
            now: self.at.unwrap_or_else(clock::now),
            within: self.within,
        };
        let mut findings = Vec::new();
        let found = lint(&subject);
        for (kind, reading) in [(Kind::Policy, policy), (Kind::Trust, trust)] {
            let Some(reading) = reading else { continue };
            let own: Vec<&Finding> = found.iter().filter(|finding| finding.kind == kind).collect();
            let pointers: Vec<String> = own.iter().map(|finding| finding.pointer.clone()).collect();
            for (finding, (file, pointer, at)) in own.into_iter().zip(reading.places(kind, &pointers)) {
                findings.push(Line {
                    severity: finding.code.severity(),
                    code: finding.code,
                    file,
                    line: at.line,
                    column: at.column,
                    pointer,
                    sentence: finding.sentence.clone(),
                });
            }
        }
        findings.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        // A caller of an authoring file stands in every route that it may call.
        findings.dedup_by(|a, b| {
            a.code == b.code && a.pointer == b.pointer && a.file == b.file && a.sentence == b.sentence
        });
        let verdict = if findings.is_empty() { Verdict::Allow } else { Verdict::Deny };
        if output.is_json() || verdict == Verdict::Deny {
            output.show(&Found { findings })?;
        }
        Ok(verdict)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { severity, code, file, line, column, pointer, sentence } in &self.findings {
            writeln!(f, "{file}:{line}:{column}: {} {}: {pointer}\n  {sentence}", word(severity), word(code))?;
        }
        Ok(())
    }
}

/// The name that an enum is written as.
fn word(written: &impl Serialize) -> String {
    crate::value::compact(written).trim_matches('"').to_owned()
}
