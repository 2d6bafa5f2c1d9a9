//! Rows that measure something, printed as they come.

use std::process::ExitCode;
use std::time::Instant;

use crate::store::Fallible;

/// What a row measured, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Row {
    facts: Vec<(String, String)>,
    faults: Vec<String>,
}

/// Prints rows as they come, and counts them.
#[derive(Debug)]
pub struct Report {
    only: Option<String>,
    passed: u32,
    failed: u32,
}

impl Row {
    /// A number with its name.
    pub fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.into(), value.to_string()));
    }

    /// The same, and it must be this one.
    pub fn expect<T: PartialEq + ToString>(&mut self, name: &str, value: &T, expected: &T) {
        self.fact(name, value.to_string());
        self.must(value == expected, || format!("{name}: expected {}", expected.to_string()));
    }

    /// What must hold.
    pub fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(otherwise());
        }
    }
}

impl Report {
    /// Of the rows that have this in their name.
    pub fn new(only: Option<String>) -> Self {
        Self { only, passed: 0, failed: 0 }
    }

    /// Whether a row whose name begins so may be asked for.
    pub fn wants(&self, beginning: &str) -> bool {
        self.only.as_ref().is_none_or(|only| beginning.contains(only.as_str()) || only.starts_with(beginning))
    }

    /// Runs one row, if it was asked for.
    pub fn row(&mut self, name: &str, run: impl FnOnce(&mut Row) -> Fallible<()>) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        let (mut row, began) = (Row::default(), Instant::now());
        if let Err(err) = run(&mut row) {
            row.faults.push(err.to_string());
        }
        let ok = row.faults.is_empty();
        *if ok { &mut self.passed } else { &mut self.failed } += 1;
        println!("{}  {name}  ({:.0} s)", if ok { "ok  " } else { "FAIL" }, began.elapsed().as_secs_f64());
        let width = row.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in &row.facts {
            println!("        {name:<width$}  {value}");
        }
        for fault in &row.faults {
            println!("      ! {fault}");
        }
    }

    /// The counts, on a line of their own.
    pub fn finish(self) -> ExitCode {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// 1,234,567
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// 12.3 MiB
pub fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, (bytes % (1 << 20)) * 10 / (1 << 20))
}
