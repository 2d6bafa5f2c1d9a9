//! The official SDK as the caller of a real Envoy and of the adapter, and the vectors that it ships.

mod vectors;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use serde::Deserialize;

use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::run::Run;

/// What decides.
const HOSTS: [&str; 2] = ["envoy", "adapter"];
/// The callers: with a key of their own, and with the broker's help.
const SCRIPTS: [&str; 2] = ["protected_client.py", "broker_client.py"];
/// The scripts print as many lines.
const CASES: usize = 17;

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    vectors::all(&mut run);
    for host in HOSTS {
        if run.wants(&format!("sdk {host}")) {
            calls(&mut run, host);
        }
    }
    run.finish()
}

fn calls(run: &mut Run, host: &str) {
    match Site::start(host).and_then(|site| site.calls()) {
        Ok(cases) => {
            for case in &cases {
                let name = format!("sdk {host} {}", case.case);
                run.check(&name, "The official SDK's requests pass unchanged, once.", &case.found);
            }
            let count = cases.len();
            run.holds(&format!("sdk {host} all"), "No case goes missing.", || {
                if count == CASES { Ok(()) } else { Err(format!("{count} of {CASES} cases ran")) }
            });
        }
        Err(why) => run.check(&format!("sdk {host}"), "Envoy, the SDK and the command line are at hand.", &[why]),
    }
}

#[derive(Deserialize)]
struct Case {
    case: String,
    found: Vec<String>,
}

/// `trustplane up`, until this is dropped.
struct Site {
    up: Child,
    line: String,
}

impl Site {
    fn start(host: &str) -> Result<Self, String> {
        let binary = artefact::command_line()?;
        let mut up = Command::new(&binary)
            .args(["up", "--json", "--host", host, "--filter"])
            .arg(artefact::path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let stdout = up.stdout.take().ok_or("no standard output")?;
        let mut site = Self { up, line: String::new() };
        BufReader::new(stdout).read_line(&mut site.line).map_err(|error| error.to_string())?;
        if site.line.is_empty() {
            let status = site.up.wait().map_err(|error| error.to_string())?;
            return Err(format!("`trustplane up --json` ended without its line: {status}"));
        }
        Ok(site)
    }

    fn calls(&self) -> Result<Vec<Case>, String> {
        let mut cases = Vec::new();
        for script in SCRIPTS {
            cases.extend(self.call(script)?);
        }
        Ok(cases)
    }

    fn call(&self, script: &str) -> Result<Vec<Case>, String> {
        let python = artefact::python();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(script);
        let ran = Command::new(&python)
            .arg(script)
            .arg(self.line.trim())
            .output()
            .map_err(|error| format!("{python}: {error}"))?;
        if !ran.status.success() {
            return Err(format!("the script ended with {}: {}", ran.status, String::from_utf8_lossy(&ran.stderr)));
        }
        let text = String::from_utf8_lossy(&ran.stdout);
        text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // SIGTERM, so that it stops what it started; std knows only SIGKILL.
        let id = self.up.id().to_string();
        let told = Command::new("kill").arg(&id).status();
        if !told.is_ok_and(|status| status.success()) {
            let _gone = self.up.kill();
        }
        let _reaped = self.up.wait();
    }
}
