//! The real Envoy of this suite: one listener for each configuration and way of holding.
//!
//! Rendered as the command line renders it for operators, but for one thing: paths are not brought
//! into normal form, so that the filter sees what the case sends.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use trustplane::envoy::{Bootstrap, Cluster, Envoy, Filter, Hold as Render, Launch, Listener, LogTarget, find_binary};
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::hold::Hold;

use crate::upstream::Upstream;

/// Two workers: the replay memory must hold across them.
pub const WORKERS: u32 = 2;

/// A running Envoy with all it needs.
pub struct Site {
    /// It ends when this is dropped.
    pub envoy: Envoy,
    /// The service behind it.
    pub upstream: Upstream,
    folder: PathBuf,
}

impl Site {
    /// Starts it for the configurations of these cases.
    pub fn start(cases: &Cases) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("trustplane-envoy-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let upstream = Upstream::start().map_err(|error| error.to_string())?;
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut listeners = Vec::new();
        for as_hold in [Hold::StopIteration, Hold::TrailingBuffer] {
            for (name, profile) in &cases.profiles {
                let (configuration, hold) = as_hold.configure(&profile.config);
                listeners.push(Listener {
                    name: listener(as_hold, name),
                    address: loopback,
                    tls: None,
                    domains: vec!["*".into()],
                    cluster: "upstream".into(),
                    filter: Filter {
                        module: artefact::path(),
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
                });
            }
        }
        let bootstrap = Bootstrap {
            admin: loopback,
            listeners,
            clusters: vec![Cluster {
                name: "upstream".into(),
                host: upstream.address.ip().to_string(),
                port: upstream.address.port(),
                trusted_ca: None,
            }],
            replay: None,
        };
        let config = folder.join("envoy.json");
        let text = trustplane::value::pretty(&bootstrap.to_json());
        fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        let binary = find_binary(None, std::env::var_os("PATH").as_deref()).map_err(|error| error.to_string())?;
        let launch = Launch { binary, config, folder: folder.clone(), workers: WORKERS };
        let envoy = Envoy::start(&launch).map_err(|error| error.to_string())?;
        Ok(Self { envoy, upstream, folder })
    }

    /// Where requests under this configuration go.
    pub fn address(&self, hold: Hold, profile: &str) -> Result<SocketAddr, String> {
        let name = listener(hold, profile);
        self.envoy.listener(&name).ok_or_else(|| format!("Envoy has no listener {name}"))
    }

    /// Stops Envoy, so that its access log is complete, and says where that is.
    pub fn stop(self) -> PathBuf {
        drop(self.envoy);
        self.folder.join("access.log")
    }
}

/// The cases as of `now`.
pub fn materialise(now: u64, salt: &str) -> Result<Cases, String> {
    let python = std::env::var("TRUSTPLANE_PYTHON").unwrap_or_else(|_| "python3".into());
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

fn listener(hold: Hold, profile: &str) -> String {
    format!("{}-{profile}", label(hold))
}
