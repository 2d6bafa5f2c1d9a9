//! The real Envoy of this suite: one listener for each configuration and way of holding.
//!
//! Rendered as the command line renders it for operators, but for one thing: paths are not brought
//! into normal form, so that the filter sees what the case sends.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use trustplane::envoy::{Bootstrap, Cluster, Envoy, Filter, Hold as Render, Launch, Listener, LogTarget, find_binary};
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::case::{Case, Cases};
use trustplane_wasm_tests::hold::Hold;

use crate::log::Log;
use crate::tls::{self, Relay};
use crate::upstream::Upstream;

/// Two workers: the replay memory must hold across them.
pub const WORKERS: u32 = 2;

/// A running Envoy with all it needs.
pub struct Site {
    /// It ends when this is dropped.
    pub envoy: Envoy,
    /// The service behind it.
    pub upstream: Upstream,
    /// In front of the listeners that speak TLS, by their names.
    relays: BTreeMap<String, Relay>,
    folder: PathBuf,
}

impl Site {
    /// Starts it for these cases.
    pub fn start(cases: &Cases) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("trustplane-envoy-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let upstream = Upstream::start().map_err(|error| error.to_string())?;
        let listeners = listeners(cases, &folder)?;
        let bootstrap = Bootstrap {
            admin: loopback(),
            listeners,
            clusters: vec![Cluster {
                name: "upstream".into(),
                host: upstream.address.ip().to_string(),
                port: upstream.address.port(),
                trusted_ca: None,
            }],
            replay: None,
            bundles: None,
        };
        let config = folder.join("envoy.json");
        let text = trustplane::value::pretty(&bootstrap.to_json());
        fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        let binary = find_binary(None, std::env::var_os("PATH").as_deref()).map_err(|error| error.to_string())?;
        let launch = Launch { binary, config, folder: folder.clone(), workers: WORKERS };
        let envoy = Envoy::start(&launch).map_err(|error| error.to_string())?;

        let secured = bootstrap.listeners.iter().filter(|listener| listener.tls.is_some());
        let relay = |listener: &Listener| {
            let to = envoy.listener(&listener.name).ok_or_else(|| format!("no listener {}", listener.name))?;
            Ok((listener.name.clone(), Relay::start(to)?))
        };
        let relays = secured.map(relay).collect::<Result<_, String>>()?;
        Ok(Self { envoy, upstream, relays, folder })
    }

    /// Where this case goes.
    pub fn address(&self, hold: Hold, case: &Case) -> Result<SocketAddr, String> {
        let name = listener_name(hold, &case.profile, case.tls);
        let address = match self.relays.get(&name) {
            Some(relay) => Some(relay.address),
            None => self.envoy.listener(&name),
        };
        address.ok_or_else(|| format!("Envoy has no listener {name}"))
    }

    /// Stops Envoy, and reads its access log: it is complete only then.
    pub fn stop(self) -> Result<Log, String> {
        drop(self.relays);
        drop(self.envoy);
        let log = Log::read(&self.folder.join("access.log"))?;
        fs::remove_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        Ok(log)
    }
}

/// One for each configuration and way of holding, and one with TLS where a case asks for it.
fn listeners(cases: &Cases, folder: &Path) -> Result<Vec<Listener>, String> {
    let certificate = tls::certificate(folder)?;
    let module = fs::canonicalize(artefact::path()).map_err(|_| artefact::read().err().unwrap_or_default())?;
    let mut listeners = Vec::new();
    for as_hold in [Hold::StopIteration, Hold::TrailingBuffer] {
        for (name, profile) in &cases.profiles {
            let (configuration, hold) = as_hold.configure(&profile.config);
            let plain = Listener {
                name: listener_name(as_hold, name, false),
                address: loopback(),
                tls: None,
                domains: vec!["*".into()],
                cluster: "upstream".into(),
                filter: Filter {
                    module: module.clone(),
                    configuration,
                    hold: match hold {
                        Hold::StopIteration => Render::StopIteration,
                        Hold::TrailingBuffer => Render::TrailingBuffer,
                    },
                    // The same passports are shown to both.
                    vm_id: format!("trustplane-{}", label(as_hold)),
                },
                max_body_bytes: 1024 * 1024,
                normalize_path: false,
                exact_balance: true,
                access_log: LogTarget::File(folder.join("access.log")),
            };
            if cases.cases.iter().any(|case| case.tls && case.profile == *name) {
                let name = listener_name(as_hold, name, true);
                listeners.push(Listener { name, tls: Some(certificate.clone()), ..plain.clone() });
            }
            listeners.push(plain);
        }
    }
    Ok(listeners)
}

/// The cases as of `now`.
pub fn materialise(now: u64, salt: &str) -> Result<Cases, String> {
    let python = artefact::python();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/materialise.py");
    let out = std::env::temp_dir().join(format!("trustplane-cases-{}-{salt}.json", std::process::id()));
    let ran = Command::new(&python)
        .arg(script)
        .args(["--now", &now.to_string(), "--salt", salt, "--out"])
        .arg(&out)
        .output()
        .map_err(|error| format!("{python}: {error}"))?;
    if !ran.status.success() {
        return Err(format!("materialise.py: {}", String::from_utf8_lossy(&ran.stderr)));
    }
    let text = fs::read_to_string(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    fs::remove_file(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    Cases::read(&text)
}

/// How a way of holding is called in reports.
pub const fn label(hold: Hold) -> &'static str {
    match hold {
        Hold::StopIteration => "stop_iteration",
        Hold::TrailingBuffer => "trailing_buffer",
    }
}

fn listener_name(hold: Hold, profile: &str, tls: bool) -> String {
    format!("{}-{profile}{}", label(hold), if tls { "-tls" } else { "" })
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
