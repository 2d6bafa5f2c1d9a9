//! Faults on order: statuses and traps in place of answers, and things that
//! happen between two hostcalls.

use std::collections::BTreeMap;

use super::status::Stop;

/// What the guest can read through `proxy_get_buffer_bytes`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum BufferKind {
    RequestBody,
    CalloutBody,
    VmConfiguration,
    PluginConfiguration,
}

/// When a fault strikes, counted in calls of that name from now on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Times {
    Once,
    /// Only the nth, from one.
    Nth(u32),
    Always,
}

#[derive(Default)]
pub(super) struct Faults {
    plans: Vec<Plan>,
    hooks: Vec<Hook>,
    shortened: BTreeMap<BufferKind, usize>,
    counts: BTreeMap<&'static str, u32>,
}

struct Plan {
    call: String,
    /// `None` is a trap.
    status: Option<u32>,
    times: Times,
    passed: u32,
}

struct Hook {
    call: String,
    /// Calls to let by first.
    left: u32,
    run: Box<dyn FnOnce() + Send>,
}

impl Faults {
    pub(super) fn plan(&mut self, call: &str, status: Option<u32>, times: Times) {
        self.plans.push(Plan { call: call.to_owned(), status, times, passed: 0 });
    }

    pub(super) fn heal(&mut self) {
        self.plans.clear();
        self.shortened.clear();
    }

    pub(super) fn before(&mut self, call: &str, nth: u32, run: Box<dyn FnOnce() + Send>) {
        let left = nth.checked_sub(1).expect("calls are counted from one");
        self.hooks.push(Hook { call: call.to_owned(), left, run });
    }

    pub(super) fn shorten(&mut self, kind: BufferKind, by: usize) {
        self.shortened.insert(kind, by);
    }

    pub(super) fn shortened(&self, kind: BufferKind) -> usize {
        self.shortened.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, call: &'static str) {
        *self.counts.entry(call).or_default() += 1;
    }

    pub(super) fn counted(&self, call: &str) -> u32 {
        self.counts.get(call).copied().unwrap_or(0)
    }

    /// What was arranged to happen before this call.
    pub(super) fn due(&mut self, call: &str) -> Option<Box<dyn FnOnce() + Send>> {
        let mut due = None;
        for (index, hook) in self.hooks.iter_mut().enumerate() {
            if hook.call == call {
                if hook.left == 0 && due.is_none() {
                    due = Some(index);
                }
                hook.left = hook.left.saturating_sub(1);
            }
        }
        due.map(|index| self.hooks.remove(index).run)
    }

    /// The status to answer instead, if this call is to fail.
    pub(super) fn strike(&mut self, call: &str) -> Result<Option<u32>, Stop> {
        let mut struck = None;
        for plan in self.plans.iter_mut().filter(|plan| plan.call == call) {
            plan.passed += 1;
            let hits = match plan.times {
                Times::Once => plan.passed == 1,
                Times::Nth(nth) => plan.passed == nth,
                Times::Always => true,
            };
            if hits && struck.is_none() {
                struck = Some(plan.status);
            }
        }
        match struck {
            None => Ok(None),
            Some(Some(status)) => Ok(Some(status)),
            Some(None) => Err(trap(call, "was told to trap")),
        }
    }
}

pub(super) fn trap(call: &str, why: &str) -> Stop {
    Stop::Trap(wasmi::Error::new(format!("{call} {why}")))
}
