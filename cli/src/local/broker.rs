use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use trustplane_broker::SigningKey;

use super::caller::{AUDIENCE, TRUST_DOMAIN};
use super::folder::Folder;
use crate::child::{Kept, StartError, log_end, quiet};
use crate::exit::Fault;
use crate::files::Readers;
use crate::value::{Json, pretty, value};

/// The broker's own name: verifiers tell its passports from the caller's.
pub(super) const ISSUER: &str = "https://broker.local.trustplane.test";
pub(super) const KID: &str = "broker-1";
/// Whom its passports are for: whatever this user runs.
pub(super) const SUBJECT: &str = "service:local-process";

const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A running broker that issues to this user, for the local stack's orders.
///
/// It ends with this value. Should this process be killed outright, the kernel kills the broker too.
#[derive(Debug)]
pub struct Broker {
    kept: Kept,
    program: PathBuf,
    socket: PathBuf,
    audit_log: PathBuf,
    log: PathBuf,
}

/// What a broker is to do.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// `iss` of its passports.
    pub issuer: &'a str,
    /// Its key's id.
    pub kid: &'a str,
    /// `trust_domain` of its passports.
    pub trust_domain: &'a str,
    /// Whom they are for, where nothing vouches for another name.
    pub subject: &'a str,
    /// The users that it issues to.
    pub uids: Vec<u32>,
    /// Routes, each with its method.
    pub routes: &'a [(&'a str, &'a str)],
    /// Other flags of `broker serve`.
    pub flags: Vec<String>,
}

enum NotReady {
    Exited(ExitStatus),
    Io(io::Error),
    Late,
}

impl Broker {
    /// Starts `program broker serve` and waits until it answers. Blocks.
    pub(super) fn start(program: &Path, key: &SigningKey, folder: &Folder) -> Result<Self, Fault> {
        Self::start_for(nix::unistd::geteuid().as_raw(), program, key, folder)
    }

    /// Starts another one, that issues to no process of this user. Blocks.
    pub(crate) fn of_strangers(&self) -> Result<Self, Fault> {
        let folder = Folder::open(&self.socket.with_file_name("strangers"))?;
        let key = SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?;
        Self::start_for(nix::unistd::geteuid().as_raw().wrapping_add(1), &self.program, &key, &folder)
    }

    fn start_for(uid: u32, program: &Path, key: &SigningKey, folder: &Folder) -> Result<Self, Fault> {
        let routes = [("orders.read", "GET"), ("orders.create", "POST")];
        let (issuer, kid, trust_domain, subject) = (ISSUER, KID, TRUST_DOMAIN, SUBJECT);
        let plan = Plan { issuer, kid, trust_domain, subject, uids: vec![uid], routes: &routes, flags: Vec::new() };
        Self::launch(program, key, folder, &plan)
    }

    /// Starts `program broker serve` to another plan and waits until it answers. Blocks.
    pub fn launch(program: &Path, key: &SigningKey, folder: &Folder, plan: &Plan<'_>) -> Result<Self, Fault> {
        let key_file = folder.write("broker-private-key", &format!("{}\n", *key.to_base64url()), Readers::Owner)?;
        let policy = folder.write("broker-policy.json", &pretty(&policy(plan)), Readers::Owner)?;
        let (socket, audit_log, log) =
            (folder.file("broker.sock"), folder.file("broker-audit.jsonl"), folder.file("broker.log"));
        let mut command = Command::new(program);
        command.args(["broker", "serve", "--socket"]).arg(&socket);
        command.arg("--policy").arg(policy).arg("--key-file").arg(key_file).arg("--audit-log").arg(&audit_log);
        command.args(&plan.flags);
        // What the user has set for a broker of their own is not about this one.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRUSTPLANE_BROKER_"))
        {
            command.env_remove(name);
        }
        quiet(&mut command, &log).map_err(|err| Fault::file(&log, err))?;
        let waited_for = socket.clone();
        let ready = async move |child: &mut Child| await_ready(&waited_for, child).await;
        match Kept::start("broker", command, ready) {
            Ok((kept, ())) => Ok(Self { kept, program: program.to_owned(), socket, audit_log, log }),
            Err(StartError::Io(err) | StartError::NotReady(NotReady::Io(err))) => Err(Fault::file(program, err)),
            Err(StartError::NotReady(NotReady::Exited(status))) => {
                let log = log_end(&log);
                Err(Fault::new(format!("the broker ended before it was ready ({status}); its log ends:\n{log}")))
            }
            Err(StartError::NotReady(NotReady::Late)) => {
                let (seconds, log) = (START.as_secs(), log_end(&log));
                Err(Fault::new(format!("the broker was not ready within {seconds} s; its log ends:\n{log}")))
            }
        }
    }

    /// Where it issues.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its audit events, one a line.
    pub fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// What else it says.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Holds the exit status once it has ended, for whatever cause.
    pub fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.kept.exited()
    }
}

/// A socket that was left behind refuses, so only a live broker is taken for ready.
async fn await_ready(socket: &Path, child: &mut Child) -> Result<(), NotReady> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(NotReady::Io)? {
            return Err(NotReady::Exited(status));
        }
        if UnixStream::connect(socket).is_ok() {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(NotReady::Late)
}

fn policy(plan: &Plan<'_>) -> Json {
    let request = |route_id: &str, method: &str| value!({ "audience": (AUDIENCE), "route_id": (route_id), "methods": [(method)] });
    let requests: Vec<_> = plan.routes.iter().map(|(route_id, method)| request(route_id, method)).collect();
    let caller = |uid: &u32| {
        value!({
            "peer": { "uid": (*uid) },
            "subject": (plan.subject),
            "context_fields": ["purpose", "tool_name"],
            "requests": (requests.clone()),
        })
    };
    let callers: Vec<_> = plan.uids.iter().map(caller).collect();
    value!({
        "version": "trustplane-broker-policy-v1",
        "policy_id": "trustplane-up-broker",
        "policy_version": "1",
        "issuer": (plan.issuer),
        "kid": (plan.kid),
        "trust_domain": (plan.trust_domain),
        "callers": (callers),
    })
}
