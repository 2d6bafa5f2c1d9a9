use std::env;
use std::path::{Path, PathBuf};

use crate::exit::Fault;

/// The variable that names the filter.
const VARIABLE: &str = "TRUSTPLANE_FILTER";
const FILE: &str = "trustplane_filter.wasm";
/// Where Cargo puts it, from its target folder.
const BUILT: &str = "wasm32-unknown-unknown/release/trustplane_filter.wasm";

/// The filter that was named by flag or variable; else the one beside this program, or the one
/// that Cargo built last.
pub fn find_filter(named: Option<&Path>) -> Result<PathBuf, Fault> {
    let variable = env::var_os(VARIABLE).map(PathBuf::from);
    for (source, named) in [("--filter", named), (VARIABLE, variable.as_deref())] {
        if let Some(path) = named {
            return path.canonicalize().map_err(|err| Fault::of(source, format!("{}: {err}", path.display())));
        }
    }
    let program = env::current_exe().unwrap_or_default();
    let beside = program.parent().map(|folder| folder.join(FILE));
    // A program of Cargo's lies in target/<profile>, a test of it in target/<profile>/deps.
    let built = program.ancestors().skip(2).take(2).chain([Path::new("target")]).map(|target| target.join(BUILT));
    let found = beside.into_iter().chain(built).find_map(|path| path.canonicalize().ok());
    found.ok_or_else(|| {
        Fault::new(format!(
            "no {FILE} beside this program or in target/: build it with `cargo build --release --package \
             trustplane-filter --target wasm32-unknown-unknown`, or name it with --filter or {VARIABLE}"
        ))
    })
}
