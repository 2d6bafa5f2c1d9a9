//! The real program, with signed documents of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use trustplane::bundle::{self, Kind, Signer};
use trustplane_broker::SigningKey;
use trustplane_core::UnixTime;
use trustplane_core::json::{Limits, parse};
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::load::Callers;
use trustplane_wasm_tests::store::Fallible;

const START: Duration = Duration::from_secs(20);

/// Callers, and the two documents that name them, in files.
pub struct Documents {
    pub callers: Callers,
    key: SigningKey,
    folder: PathBuf,
}

/// A running `trustplane adapter`; it ends with this value.
pub struct Proxy {
    child: Child,
    folder: PathBuf,
    /// Where callers connect.
    pub address: SocketAddr,
    /// Where operators ask.
    pub admin: SocketAddr,
}

impl Documents {
    /// In a new folder.
    pub fn new(name: &str, now: UnixTime) -> Fallible<Self> {
        let folder = std::env::temp_dir().join(format!("trustplane-adapter-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let documents = Self { callers: Callers::new()?, key: SigningKey::generate()?, folder };
        documents.write(now, &[])?;
        Ok(documents)
    }

    /// Writes both, issued then, with these revocations: whole files in place of the old ones.
    pub fn write(&self, issued_at: UnixTime, revocations: &[Value]) -> Fallible<()> {
        let mut configuration = self.callers.configuration(issued_at);
        configuration["trust_bundle"]["revocations"] = json!(revocations);
        for (kind, member) in [(Kind::Policy, "policy_bundle"), (Kind::Trust, "trust_bundle")] {
            let text = configuration[member].to_string();
            let document = parse(text.as_bytes(), Limits::DOCUMENT).map_err(|error| error.to_string())?.into_owned();
            let signer = Signer { key: &self.key, issuer: "test", kid: "test-1", issued_at };
            let signed = bundle::sign(kind, &document, &signer).map_err(|error| error.to_string())?;
            self.put(kind, &trustplane::value::pretty(&signed))?;
        }
        Ok(())
    }

    /// Puts a text in place of a document.
    pub fn put(&self, kind: Kind, text: &str) -> Fallible<()> {
        let next = self.folder.join("next");
        fs::write(&next, text)?;
        Ok(fs::rename(next, self.path(kind))?)
    }

    /// Where things of this test are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, kind: Kind) -> PathBuf {
        self.folder.join(kind.name())
    }

    /// The program with these documents in front of this service, and more flags.
    pub fn command(&self, behind: SocketAddr, flags: &[&str]) -> Fallible<Command> {
        let key = self.key.public_key().to_base64url();
        let mut command = Command::new(artefact::command_line()?);
        command.args(["adapter", "--listen", "127.0.0.1:0", "--upstream", &format!("http://{behind}")]);
        command.arg("--policy-bundle").arg(self.path(Kind::Policy)).arg("--bundle").arg(self.path(Kind::Trust));
        command.args(["--policy-bundle-signature-public-key", &key, "--bundle-signature-public-key", &key]);
        command.args(flags).stdin(Stdio::null());
        Ok(command)
    }

    /// Starts it, with an audit log, and waits until it listens.
    pub fn start(&self, behind: SocketAddr, flags: &[&str]) -> Fallible<Proxy> {
        let log = File::create(self.folder.join("log"))?;
        let mut command = self.command(behind, flags)?;
        command.args(["--admin-listen", "127.0.0.1:0", "--audit-log"]).arg(self.folder.join("audit"));
        let child = command.stdout(Stdio::null()).stderr(log).spawn()?;
        let none = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut proxy = Proxy { child, folder: self.folder.clone(), address: none, admin: none };
        let began = Instant::now();
        loop {
            let log = proxy.log()?;
            let at = |word: &str| {
                let rest = log.split(word).nth(1)?.split("://").nth(1)?;
                rest.split([',', '\n']).next()?.parse().ok()
            };
            if let (Some(address), Some(admin)) = (at("listening on "), at("admin on ")) {
                (proxy.address, proxy.admin) = (address, admin);
                return Ok(proxy);
            }
            if proxy.child.try_wait()?.is_some() || began.elapsed() > START {
                return Err(format!("the adapter did not start: {log}").into());
            }
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Documents {
    fn drop(&mut self) {
        // What cannot be removed now is left to whoever cleans the temporary folder.
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

impl Proxy {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said.
    pub fn log(&self) -> Fallible<String> {
        Ok(fs::read_to_string(self.folder.join("log"))?)
    }

    /// Its audit events.
    pub fn events(&self) -> Fallible<Vec<Value>> {
        let text = fs::read_to_string(self.folder.join("audit"))?;
        Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Fallible<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> Fallible<ExitStatus> {
        let began = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if began.elapsed() > START => return Err("the adapter does not end".into()),
                None => sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
