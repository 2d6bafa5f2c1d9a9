//! TLS in front of Envoy, for a client that writes plain bytes.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use trustplane::envoy::Tls;

/// Makes a certificate in this folder.
pub fn certificate(folder: &Path) -> Result<Tls, String> {
    let status = script(&["certificate"]).arg(folder).status().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("tls.py certificate: {status}"));
    }
    Ok(Tls { certificate: folder.join("certificate.pem"), private_key: folder.join("private_key.pem") })
}

/// A port that is plain on this side and TLS on the other. It ends when this is dropped.
pub struct Relay {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Relay {
    /// To the listener there.
    pub fn start(to: SocketAddr) -> Result<Self, String> {
        let port = to.port().to_string();
        let mut process =
            script(&["relay", &port]).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let port = line.trim().parse().map_err(|_| format!("tls.py relay said {line:?}"))?;
        Ok(Self { process, address: (Ipv4Addr::LOCALHOST, port).into() })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn script(arguments: &[&str]) -> Command {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envoy/tls.py");
    let mut command = Command::new(trustplane_wasm_tests::artefact::python());
    command.arg(path).args(arguments).stdin(Stdio::null());
    command
}
