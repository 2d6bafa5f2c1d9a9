//! Runs cases over a subject, and counts.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::case::{Case, Cases};
use crate::subject::Subject;
use crate::verdict::mismatches;

/// A part of a run.
pub type Job<'j> = Box<dyn FnOnce(&mut Run) + Send + 'j>;

/// What has been checked so far.
#[derive(Default)]
pub struct Run {
    /// Only what has this in its name.
    only: Option<String>,
    passed: usize,
    failed: usize,
    report: String,
}

impl Run {
    /// A run of everything, or of what the first argument of the command line names.
    pub fn from_arguments() -> Self {
        let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
        Self { only, ..Self::default() }
    }

    /// Whether `name` was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }

    /// Puts every case to the subject.
    pub fn all<'c>(&mut self, label: &str, cases: &'c Cases, subject: &mut impl Subject<'c>) {
        self.each(label, cases.cases.iter(), subject);
    }

    /// Puts some cases to the subject.
    pub fn each<'c>(&mut self, label: &str, cases: impl Iterator<Item = &'c Case>, subject: &mut impl Subject<'c>) {
        for case in cases {
            let name = format!("{label} {}", case.name);
            if self.wants(&name) {
                let found = match subject.decide(case) {
                    Ok(answer) => mismatches(case, &answer),
                    Err(why) => vec![why],
                };
                self.check(&name, &case.comment, &found);
            }
        }
    }

    /// Counts one case: it passed when nothing was found.
    pub fn check(&mut self, name: &str, comment: &str, found: &[String]) {
        if found.is_empty() {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        let _infallible = writeln!(self.report, "FAILED {name}\n    {comment}");
        for line in found {
            let _infallible = writeln!(self.report, "    {line}");
        }
    }

    /// Counts one statement that must hold.
    pub fn holds(&mut self, name: &str, comment: &str, statement: impl FnOnce() -> Result<(), String>) {
        if self.wants(name) {
            self.check(name, comment, statement().err().as_slice());
        }
    }

    /// Runs jobs side by side, and adds up what they found in their order.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn side_by_side(&mut self, jobs: Vec<Job<'_>>) {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs: Vec<_> = jobs.into_iter().map(|job| std::sync::Mutex::new(Some(job))).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let only = &self.only;
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(slot) = jobs.get(index) else { return done };
                let job = slot.lock().expect("a job runs once").take();
                let mut run = Self { only: only.clone(), ..Self::default() };
                job.expect("each index comes once")(&mut run);
                done.push((index, run));
            }
        };
        let mut done: Vec<(usize, Self)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no job panics")).collect()
        });
        done.sort_by_key(|(index, _)| *index);
        for (_, run) in done {
            self.passed += run.passed;
            self.failed += run.failed;
            self.report += &run.report;
        }
    }

    /// Something to read besides the counts.
    pub fn note(&mut self, line: &str) {
        let _infallible = writeln!(self.report, "{line}");
    }

    /// The failures, and at the end the counts on a line of their own.
    pub fn report(&self) -> String {
        format!("{}{} passed, {} failed", self.report, self.passed, self.failed)
    }

    /// Whether anything was checked and all of it passed.
    pub const fn ok(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    /// Prints the report; a run that checked nothing is a failure too.
    pub fn finish(self) -> ExitCode {
        println!("{}", self.report());
        if self.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mismatch_fails_the_run_and_is_named() {
        let mut run = Run::default();
        run.check("first", "a rule", &[]);
        assert!(run.ok());
        run.check("second", "another rule", &["reason: expected a, got b".into()]);
        assert!(!run.ok());
        let expected = "FAILED second\n    another rule\n    reason: expected a, got b\n1 passed, 1 failed";
        assert_eq!(run.report(), expected);
    }

    #[test]
    fn a_run_that_checked_nothing_is_no_success() {
        assert!(!Run::default().ok());
    }
}
