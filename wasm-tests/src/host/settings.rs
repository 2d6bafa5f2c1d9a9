//! What a test can set, break and read besides requests.

use std::collections::BTreeMap;

use super::imports;
use super::{BufferKind, Callout, Host, LogLine, SharedStore, Times};

impl Host {
    /// The clock, which stands still otherwise. Nanoseconds since 1970.
    pub fn set_now_nanos(&mut self, now: u64) {
        self.state_mut().now_nanos = now;
    }

    /// The clock, in whole seconds.
    pub fn set_now_secs(&mut self, now: u64) {
        self.set_now_nanos(now * 1_000_000_000);
    }

    pub fn now_nanos(&self) -> u64 {
        self.state().now_nanos
    }

    /// Makes a hostcall answer a status, any number, in place of doing its work.
    pub fn fail_call(&mut self, call: &str, status: impl Into<u32>, times: Times) {
        known(call);
        self.state_mut().faults.plan(call, Some(status.into()), times);
    }

    /// Makes a hostcall take the VM down.
    pub fn trap_call(&mut self, call: &str, times: Times) {
        known(call);
        self.state_mut().faults.plan(call, None, times);
    }

    /// Makes reads of a buffer yield that many bytes fewer than there are.
    pub fn shorten_buffer(&mut self, kind: BufferKind, by: usize) {
        self.state_mut().faults.shorten(kind, by);
    }

    /// Ends all faults.
    pub fn heal(&mut self) {
        self.state_mut().faults.heal();
    }

    /// Runs something just before the nth call of that name from now on, from
    /// one: what another worker does between two hostcalls of this one.
    pub fn before_call(&mut self, call: &str, nth: u32, run: impl FnOnce() + Send + 'static) {
        known(call);
        self.state_mut().faults.before(call, nth, Box::new(run));
    }

    /// Never calls that export, as an operator's capability restriction does.
    pub fn suppress(&mut self, export: &str) {
        self.state_mut().suppressed.push(export.to_owned());
    }

    /// How often the guest made that hostcall.
    pub fn calls(&self, call: &str) -> u32 {
        known(call);
        self.state().faults.counted(call)
    }

    /// A property of every request and of the host, by dotted path. Envoy gives
    /// `connection.mtls` as one byte and `connection.tls_version` as text.
    pub fn set_property(&mut self, path: &str, value: impl Into<Vec<u8>>) {
        self.state_mut().properties.insert(path.to_owned(), value.into());
    }

    pub fn unset_property(&mut self, path: &str) {
        self.state_mut().properties.remove(path);
    }

    /// The only upstreams a callout can name; by default all are there.
    pub fn set_upstreams(&mut self, names: &[&str]) {
        let names = names.iter().map(|name| (*name).to_owned());
        self.state_mut().upstreams = Some(names.collect());
    }

    /// For the next VM start.
    pub fn set_vm_config(&mut self, config: &[u8]) {
        self.state_mut().vm_config = config.to_vec();
    }

    pub fn set_log_level(&mut self, level: u32) {
        self.state_mut().log_level = level;
    }

    /// Zero: no timer runs.
    pub fn tick_period_ms(&self) -> u32 {
        self.state().tick_period_ms
    }

    /// Every line since the host started.
    pub fn logs(&self) -> &[LogLine] {
        &self.state().logs
    }

    pub fn metrics(&self) -> &BTreeMap<String, u64> {
        self.state().metrics.values()
    }

    /// Every callout since the host started.
    pub fn callouts(&self) -> &[Callout] {
        &self.state().callouts
    }

    pub fn shared(&self) -> &SharedStore {
        &self.state().shared
    }

    /// Why the VM is unusable, if it is.
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// The size of the guest's memory, which never shrinks.
    pub fn memory_bytes(&self) -> usize {
        let memory = self.state().memory.expect("a started guest has memory");
        memory.data_size(&self.store)
    }

    /// What the module needs, as `module.name`.
    pub fn imports(&self) -> Vec<String> {
        self.guest.imports()
    }

    /// What the module offers.
    pub fn exports(&self) -> Vec<String> {
        self.guest.exports()
    }
}

/// A fault on a call that does not exist would make a test that cannot fail.
fn known(call: &str) {
    assert!(imports::NAMES.contains(&call), "no hostcall is named {call}");
}
