use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use trustplane::client::{self, Message};
use trustplane::local::{Attested, Folder, Spire, SpireFiles, TRUST_DOMAIN, Up, UpOptions, WORKLOAD};
use trustplane_broker::SigningKey;
use trustplane_broker::ipc::{Request, Response};
use trustplane_core::{KeyBinding, base64url_bytes};
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::store::Fallible;

/// How long SVIDs live, in seconds; SPIRE's agent asks for a new one at half of it.
pub const LIFE: u64 = 20;
/// A user that no workload of these tests is.
pub const STRANGER: u32 = 54_321;

/// Longer than anything here takes; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// SPIRE, a broker that asks it, and an Envoy whose ledger is for attested workloads alone.
pub struct Site {
    // What asks ends before what is asked.
    pub broker: Attested,
    pub up: Up,
    pub spire: Spire,
    pub entry: String,
    pub runtime: Runtime,
    pub key: SigningKey,
    folder: Folder,
}

/// What came of asking.
pub struct Asked {
    pub request: Request,
    pub response: Response,
}

impl Site {
    /// All of it, with one workload registered: what runs as this user.
    pub fn start() -> Fallible<Self> {
        let runtime = Runtime::new()?;
        let folder = Folder::temporary()?;
        // Another user must come as far as the broker's socket.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let spire = Spire::start(&SpireFiles::find(None)?, &folder.file("spire"), TRUST_DOMAIN)?;
        let entry = spire.register(WORKLOAD, uid(), LIFE)?;
        let key = SigningKey::generate()?;
        let attested = Some(key.public_key().clone());
        let up = Up::start(&UpOptions { filter: Some(artefact::path()), attested, ..UpOptions::default() })?;
        let broker = start_broker(&folder, "broker", &key, TRUST_DOMAIN, Attested::flags(&spire, uid()))?;
        let site = Self { broker, up, spire, entry, runtime, key, folder };
        site.until("attested_workload")?;
        Ok(site)
    }

    /// Another broker beside it, told something else.
    pub fn beside(&self, name: &str, domain: &str, changed: &[(&str, &str)]) -> Fallible<Attested> {
        let mut flags = Attested::flags(&self.spire, uid());
        for (flag, value) in changed {
            let at = flags.iter().position(|known| known == flag).ok_or("no such flag")?;
            flags[at + 1] = (*value).to_owned();
        }
        start_broker(&self.folder, name, &self.key, domain, flags)
    }

    /// Asks for the ledger.
    pub fn ask(&self, class: KeyBinding, or_software: bool) -> Fallible<Asked> {
        ask(&self.broker, &self.up, class, or_software)
    }

    /// Asks for `attested_workload` until that, or a reason, comes of it, and says how long it took.
    pub fn until(&self, wanted: &str) -> Fallible<Duration> {
        until(wanted, || self.ask(KeyBinding::AttestedWorkload, false))
    }

    /// What Envoy says of a request: its status and reason, or `200`.
    pub fn send(&self, message: &Message) -> Fallible<String> {
        let answer = self.runtime.block_on(client::send(self.up.listener(), message))?;
        Ok(match answer.reason() {
            Some(reason) => format!("{} {reason}", answer.status),
            None => answer.status.to_string(),
        })
    }

    /// The same, of what was issued.
    pub fn present(&self, asked: &Asked) -> Fallible<String> {
        self.send(&asked.message()?)
    }

    /// The broker's audit events.
    pub fn events(&self) -> Fallible<Vec<Value>> {
        let text = fs::read_to_string(self.broker.broker().audit_log())?;
        Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}

impl Asked {
    /// The request with its headers.
    pub fn message(&self) -> Fallible<Message> {
        let refused = || format!("refused: {}", self.response.reason_code);
        Ok(Attested::message(&self.request, &self.response).ok_or_else(refused)?)
    }

    /// What the passport says; nothing for a denial.
    pub fn claims(&self) -> Fallible<Value> {
        let refused = || format!("refused: {} {:?}", self.response.reason_code, self.response.error);
        let artifacts = self.response.artifacts.as_ref().ok_or_else(refused)?;
        let payload = artifacts.passport.value.split('.').nth(1).ok_or("no payload")?;
        Ok(serde_json::from_slice(&base64url_bytes(payload.as_bytes()).ok_or("no base64url")?)?)
    }

    /// The class that was issued, or the reason that nothing was.
    pub fn word(&self) -> Fallible<String> {
        match self.response.accepted {
            true => Ok(self.claims()?["cnf"]["key_binding"].as_str().unwrap_or_default().to_owned()),
            false => Ok(self.response.reason_code.clone()),
        }
    }

    /// What stood in the way.
    pub fn problem(&self) -> String {
        let details = self.response.error.as_ref().map(|error| &error.details);
        details.and_then(|details| details.get("problem")).cloned().unwrap_or_default()
    }
}

/// Asks one of the brokers.
pub fn ask(broker: &Attested, up: &Up, class: KeyBinding, or_software: bool) -> Fallible<Asked> {
    let (request, response) = broker.ask(up.listener(), class, or_software)?;
    Ok(Asked { request, response })
}

/// Asks until `wanted` comes of it.
pub fn until(wanted: &str, ask: impl Fn() -> Fallible<Asked>) -> Fallible<Duration> {
    let began = Instant::now();
    loop {
        let asked = ask()?;
        let word = asked.word()?;
        if word == wanted {
            return Ok(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{word} ({}), not {wanted}, for {PATIENCE:?}", asked.problem()).into());
        }
        sleep(Duration::from_millis(20));
    }
}

/// The user that these tests run as.
pub fn uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

fn start_broker(
    folder: &Folder,
    name: &str,
    key: &SigningKey,
    domain: &str,
    mut flags: Vec<String>,
) -> Fallible<Attested> {
    let path: PathBuf = folder.file(name);
    let own = Folder::open(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    flags.extend(["--socket-mode".to_owned(), "666".to_owned()]);
    let program = artefact::command_line()?;
    Ok(Attested::start(&program, key, &own, domain, (vec![uid(), STRANGER], flags))?)
}
