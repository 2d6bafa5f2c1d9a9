//! Loading a module.

use std::fmt;

use wasmi::{Config, Engine, ExternType, Func, Instance, Linker, Module, Store};

use super::imports;
use super::state::State;

const ABI_MARKERS: [&str; 3] = ["proxy_abi_version_0_1_0", "proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1"];

/// A compiled module. Compile it once: clones and hosts share the code.
#[derive(Clone, Debug)]
pub struct Guest {
    engine: Engine,
    module: Module,
}

/// Why a host refuses a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoadError(pub(super) String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

impl Guest {
    /// From the bytes of a `.wasm`.
    pub fn compile(wasm: &[u8]) -> Result<Self, LoadError> {
        let engine = Engine::new(&Config::default());
        let module = Module::new(&engine, wasm);
        let module = module.map_err(|error| LoadError(format!("not a module: {error}")))?;
        Ok(Self { engine, module })
    }

    /// What the module needs, as `module.name`.
    pub fn imports(&self) -> Vec<String> {
        let imports = self.module.imports();
        imports.map(|import| format!("{}.{}", import.module(), import.name())).collect()
    }

    /// What the module offers.
    pub fn exports(&self) -> Vec<String> {
        self.module.exports().map(|export| export.name().to_owned()).collect()
    }

    pub(super) fn store(&self, state: State) -> Store<State> {
        Store::new(&self.engine, state)
    }

    /// A new VM: the module's start function has run, `_initialize` too.
    pub(super) fn instantiate(&self, store: &mut Store<State>) -> Result<Instance, LoadError> {
        let missing = store.data().profile.missing;
        self.check(missing)?;
        let mut linker = Linker::new(&self.engine);
        imports::link(&mut linker, missing);
        let instance = linker
            .instantiate_and_start(&mut *store, &self.module)
            .map_err(|error| LoadError(format!("the module does not start: {error}")))?;

        let allocate = ["malloc", "proxy_on_memory_allocate"]
            .iter()
            .find_map(|name| instance.get_typed_func(&*store, name).ok())
            .ok_or_else(|| LoadError("no way to allocate in the guest".to_owned()))?;
        let memory = instance.get_memory(&*store, "memory");
        store.data_mut().memory = memory;
        store.data_mut().allocate = Some(allocate);

        let entry = ["_initialize", "_start"].iter().find_map(|name| instance.get_func(&*store, name));
        run(store, entry)?;
        store.data_mut().starting = false;
        Ok(instance)
    }

    fn check(&self, missing: &[&str]) -> Result<(), LoadError> {
        for import in self.module.imports() {
            let known = imports::NAMES.contains(&import.name());
            if import.module() != "env" || !known || missing.contains(&import.name()) {
                let name = format!("{}.{}", import.module(), import.name());
                return Err(LoadError(format!("missing import: {name}")));
            }
        }
        let exported = |name: &str| self.module.get_export(name);
        if !ABI_MARKERS.iter().any(|marker| exported(marker).is_some()) {
            return Err(LoadError("no marker of a known ABI version".to_owned()));
        }
        match exported("memory") {
            Some(ExternType::Memory(_)) => Ok(()),
            _ => Err(LoadError("no exported memory".to_owned())),
        }
    }
}

fn run(store: &mut Store<State>, entry: Option<Func>) -> Result<(), LoadError> {
    match entry.map(|entry| entry.call(store, &[], &mut [])) {
        Some(Err(error)) => Err(LoadError(format!("the module does not start: {error}"))),
        Some(Ok(())) | None => Ok(()),
    }
}
