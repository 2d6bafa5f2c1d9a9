//! The stable number: instructions of one decision, the same on every run of one build.

use std::collections::BTreeMap;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde::{Deserialize, Serialize};
use trustplane_wasm_tests::steps::{Step, Steps};

use crate::counted;

const DECISIONS: [Step; 3] = [Step::Allowed, Step::Anonymous, Step::BadProof];
/// How far the count may grow before somebody has to say that it should.
const MOST_GROWTH: f64 = 1.2;
/// What the start costs falls out of the difference between the two.
const RUNS: [u32; 2] = [50, 250];
const RENEW: &str = "to renew the committed figures: .ci/just instructions --renew";

/// What one decision takes.
#[derive(Clone, Copy, Deserialize, Serialize)]
struct Cost {
    instructions: u64,
    allocations: usize,
}

type Costs = BTreeMap<String, Cost>;

/// Counts; fails where a decision takes a fifth more instructions, or any more allocations, than committed.
pub fn run(renew: bool) -> io::Result<()> {
    let mut steps = Steps::new();
    let costs = DECISIONS.map(|step| {
        let cost = Cost { instructions: count(step)?, allocations: counted(&mut steps, step) };
        Ok((step.name().to_owned(), cost))
    });
    let costs: Costs = costs.into_iter().collect::<io::Result<_>>()?;
    let file = committed_file();
    if renew {
        return fs::write(&file, serde_json::to_string_pretty(&costs)? + "\n");
    }
    let committed: Costs = serde_json::from_slice(&fs::read(&file)?)?;
    println!(
        "{:<28}{:>14}{:>14}{:>9}{:>13}",
        "x86-64, tables warm", "instructions", "committed", "ratio", "allocations"
    );
    let mut worse = false;
    for (name, cost) in &costs {
        let before = committed.get(name).ok_or_else(|| Error::other(format!("{} lacks {name}", file.display())))?;
        let ratio = cost.instructions as f64 / before.instructions as f64;
        worse |= ratio > MOST_GROWTH || cost.allocations > before.allocations;
        println!(
            "{name:<28}{:>14}{:>14}{ratio:>9.3}{:>13}",
            cost.instructions,
            before.instructions,
            format!("{} of {}", cost.allocations, before.allocations)
        );
    }
    if worse {
        return Err(Error::other(format!("a decision takes more than was committed; {RENEW}")));
    }
    println!("{RENEW}");
    Ok(())
}

/// The part that `callgrind` watches.
pub fn repeat(name: &str, times: u32) -> io::Result<()> {
    let step = DECISIONS.into_iter().find(|step| step.name() == name);
    let step = step.ok_or_else(|| Error::other(format!("no decision is named {name}")))?;
    let mut steps = Steps::new();
    (0..times).for_each(|_| steps.run(step));
    Ok(())
}

fn count(step: Step) -> io::Result<u64> {
    let [few, many] = RUNS;
    let more = total(step, many)?.saturating_sub(total(step, few)?);
    Ok(more / u64::from(many - few))
}

/// Every instruction of a process that decides that often.
fn total(step: Step, times: u32) -> io::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe()?);
    let output = command.args(["repeat", step.name(), &times.to_string()]).output();
    let output = output.map_err(|err| Error::new(err.kind(), format!("valgrind: {err}")))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match collected {
        Some(instructions) if output.status.success() => Ok(instructions),
        _ => Err(Error::other(format!("valgrind: {}\n{text}", output.status))),
    }
}

fn committed_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/instructions.json")
}
