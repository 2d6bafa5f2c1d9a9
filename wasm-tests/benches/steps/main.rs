//! The core's steps natively: time, allocations, and instructions counted by `callgrind`.

mod instructions;
#[cfg(feature = "peers")]
mod peers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trustplane_wasm_tests::counting::Counting;
use trustplane_wasm_tests::steps::{Step, Steps};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Cargo's.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// Counts instructions and allocations of whole decisions, and holds them against the committed ones.
    Instructions {
        /// Writes what was counted instead.
        #[arg(long)]
        renew: bool,
    },
    /// Takes one kind of decision that often, for `callgrind` to count.
    #[command(hide = true)]
    Repeat { name: String, times: u32 },
}

fn main() -> ExitCode {
    let result = match Args::parse().what {
        None => {
            allocations();
            divan::Divan::default().main();
            peers()
        }
        Some(What::Instructions { renew }) => instructions::run(renew),
        Some(What::Repeat { name, times }) => instructions::repeat(&name, times),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("{err}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "peers")]
fn peers() -> std::io::Result<()> {
    peers::run()
}

#[cfg(not(feature = "peers"))]
fn peers() -> std::io::Result<()> {
    println!("\nbeside ring and aws-lc-rs: with --features peers");
    Ok(())
}

#[divan::bench(args = Step::ALL.map(Step::name))]
fn step(bencher: divan::Bencher<'_, '_>, name: &str) {
    let step = Step::ALL.into_iter().find(|step| step.name() == name).expect("a step");
    let mut steps = Steps::new();
    bencher.bench_local(|| steps.run(step));
}

/// How often `step` asks for memory once everything is warm.
fn counted(steps: &mut Steps, step: Step) -> usize {
    steps.run(step);
    ALLOCATOR.during(|| steps.run(step)).1.calls
}

fn allocations() {
    let mut steps = Steps::new();
    println!("{:<32}{:>12}", "step", "allocations");
    for step in Step::ALL {
        println!("{:<32}{:>12}", step.name(), counted(&mut steps, step));
    }
    println!();
}
