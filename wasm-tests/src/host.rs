//! A proxy-wasm host in this process: a model of several real ones, for tests
//! of a filter's `.wasm`. It is one worker with one VM; give several hosts one
//! [`SharedStore`] to model more.

mod call;
mod callout;
mod fault;
mod head;
mod imports;
mod input;
mod memory;
mod metric;
mod module;
mod outcome;
mod pairs;
mod profile;
mod request;
mod settings;
mod shared;
mod state;
mod status;
mod stream;
mod streamed;
mod whole;

#[cfg(test)]
mod tests;

use wasmi::{Instance, Store};

use self::state::State;

pub use self::fault::{BufferKind, Times};
pub use self::input::RequestInput;
pub use self::module::{Guest, LoadError};
pub use self::outcome::{Answer, Callout, Forwarded, LocalResponse, LogLine, Moment, Outcome};
pub use self::pairs::Pair;
pub use self::profile::{AfterTrap, Delivery, HeadView, Profile, Unconfigured};
pub use self::shared::{CasRule, SharedStore};
pub use self::status::Status;
pub use self::stream::StreamId;

/// One worker of a proxy, with one VM.
pub struct Host {
    guest: Guest,
    store: Store<State>,
    instance: Instance,
    /// The last configuration given, for a VM that replaces this one.
    config: Option<Vec<u8>>,
    configured: bool,
    /// Why the VM is unusable.
    failed: Option<String>,
    moment: Moment,
    answers: Box<dyn FnMut(&Callout) -> Answer + Send>,
}

/// What became of a configuration in this worker.
#[derive(Clone, Debug)]
#[must_use]
pub struct Configured {
    pub ok: bool,
    pub trapped: Option<String>,
    pub logs: Vec<LogLine>,
}

impl Host {
    /// Compiles and starts a module. To start many of one, keep its [`Guest`].
    pub fn load(wasm: &[u8], profile: Profile) -> Result<Self, LoadError> {
        Self::start(&Guest::compile(wasm)?, profile)
    }

    /// A new VM, up to and with `_initialize`.
    pub fn start(guest: &Guest, profile: Profile) -> Result<Self, LoadError> {
        Self::start_sharing(guest, profile, &SharedStore::default(), "")
    }

    /// A new VM among others that share data under `vm_id`.
    pub fn start_sharing(
        guest: &Guest,
        profile: Profile,
        shared: &SharedStore,
        vm_id: &str,
    ) -> Result<Self, LoadError> {
        let mut store = guest.store(State::new(profile, shared.clone(), vm_id));
        let instance = guest.instantiate(&mut store)?;
        Ok(Self {
            guest: guest.clone(),
            store,
            instance,
            config: None,
            configured: false,
            failed: None,
            moment: Moment::default(),
            answers: Box::new(|_| Answer::Never),
        })
    }

    /// `on_vm_start`, the first time, and `on_configure`. Each further
    /// configuration is a new root context in the same VM, as on Envoy; requests
    /// already begun stay with theirs.
    pub fn configure(&mut self, config: &[u8]) -> Configured {
        let log_start = self.state().logs.len();
        if let Some(why) = self.failed.clone() {
            return Configured { ok: false, trapped: Some(why), logs: Vec::new() };
        }
        let first = self.state().roots.is_empty();
        let root = self.state_mut().next_context();
        self.state_mut().roots.push(root);
        self.config = Some(config.to_vec());
        self.state_mut().plugin_config = Some(config.to_vec());

        let result = self.configure_root(root, first, config.len());
        self.state_mut().plugin_config = None;
        let trapped = result.as_ref().err().cloned();
        if let Some(why) = &trapped {
            self.fail(why);
        }
        self.configured = result == Ok(true);
        let logs = self.state().logs[log_start..].to_vec();
        Configured { ok: self.configured, trapped, logs }
    }

    fn configure_root(&mut self, root: u32, first: bool, size: usize) -> Result<bool, String> {
        self.call(root, "proxy_on_context_create", &[root, 0])?;
        if first && self.state().profile.vm_start {
            let size = length(self.state().vm_config.len());
            if self.call(root, "proxy_on_vm_start", &[root, size])? == Some(0) {
                return Ok(false);
            }
        }
        let accepted = self.call(root, "proxy_on_configure", &[root, length(size)])?;
        Ok(accepted != Some(0))
    }

    /// A new VM with the last configuration, as after a restart of the worker.
    pub fn reload(&mut self) -> Result<Option<Configured>, LoadError> {
        self.state_mut().reset();
        self.instance = self.guest.instantiate(&mut self.store)?;
        self.failed = None;
        self.configured = false;
        Ok(self.config.clone().map(|config| self.configure(&config)))
    }

    /// Fires the timer, whatever its period.
    pub fn tick(&mut self) -> Result<(), String> {
        let root = self.root();
        self.moment = Moment::Tick;
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        let ticked = self.call(root, "proxy_on_tick", &[root]).map(|_| ());
        match &ticked {
            Ok(()) => self.run_deferred(),
            Err(why) => self.fail(why),
        }
        ticked
    }

    fn root(&self) -> u32 {
        *self.state().roots.last().expect("configure the host first")
    }

    fn state(&self) -> &State {
        self.store.data()
    }

    fn state_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }
}

fn length(size: usize) -> u32 {
    u32::try_from(size).expect("what a test sends fits 32 bits")
}
