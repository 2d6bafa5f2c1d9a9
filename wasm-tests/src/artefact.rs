//! The one artefact that is built, tested and shipped.

use std::fs;
use std::path::{Path, PathBuf};

/// Where it is: `TRUSTPLANE_FILTER`, or where cargo puts it.
pub fn path() -> PathBuf {
    match std::env::var_os("TRUSTPLANE_FILTER") {
        Some(path) => path.into(),
        None => target().join("wasm32-unknown-unknown/release/trustplane_filter.wasm"),
    }
}

/// Its bytes.
pub fn read() -> Result<Vec<u8>, String> {
    let path = path();
    fs::read(&path).map_err(|error| {
        let build = "cargo build --release --package trustplane-filter --target wasm32-unknown-unknown";
        format!("{}: {error}\nbuild it first: {build}", path.display())
    })
}

/// The command line: `TRUSTPLANE_BIN`, or where cargo puts it.
pub fn command_line() -> Result<PathBuf, String> {
    program("TRUSTPLANE_BIN", "trustplane")
}

/// The broker: `TRUSTPLANE_BROKER_BIN`, or where cargo puts it.
pub fn broker() -> Result<PathBuf, String> {
    program("TRUSTPLANE_BROKER_BIN", "trustplane-broker")
}

fn program(variable: &str, name: &str) -> Result<PathBuf, String> {
    let path = match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => target().join("release").join(name),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} is not there\nbuild it first: cargo build --release --package {name}", path.display()))
}

/// The Python that has the official SDK and `cryptography`.
pub fn python() -> String {
    std::env::var("TRUSTPLANE_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => target.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
    }
}
