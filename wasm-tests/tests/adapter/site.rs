//! The adapters of this suite: one for each configuration, one more with TLS where a case asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use trustplane::adapter::{Adapter, Certificate, Limits};
use trustplane_core::Component;
use trustplane_wasm_tests::case::{Case, Cases};

use crate::script::Script;
use crate::tls::{self, Relay};
use crate::upstream::Upstream;

/// Running adapters, and the service behind them.
pub struct Site {
    pub upstream: Upstream,
    gates: BTreeMap<(String, bool), Gate>,
    stop: watch::Sender<bool>,
    _runtime: Runtime,
    folder: PathBuf,
}

/// One adapter.
pub struct Gate {
    /// Where plain bytes go in.
    pub address: SocketAddr,
    pub script: Arc<Script>,
    _relay: Option<Relay>,
}

impl Site {
    /// Starts one for each configuration.
    pub fn start(cases: &Cases) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("trustplane-adapter-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let upstream = Upstream::start().map_err(|error| error.to_string())?;
        let (stop, stopped) = watch::channel(false);
        let mut gates = BTreeMap::new();
        for (name, profile) in &cases.profiles {
            for tls in [false, true] {
                if tls && !cases.cases.iter().any(|case| case.tls && case.profile == *name) {
                    continue;
                }
                let (host, script) = Script::host(&profile.config, profile.fetched_at, Component::Adapter);
                let behind = format!("http://{}", upstream.address).parse().map_err(|error| format!("{error}"))?;
                let mut adapter = Adapter::new(Arc::new(host), behind, Limits::default());
                if tls {
                    adapter = adapter.with_certificate(certificate(&folder)?);
                }
                let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
                let listener = listener.map_err(|error| error.to_string())?;
                let address = listener.local_addr().map_err(|error| error.to_string())?;
                runtime.spawn(Arc::new(adapter).listen(listener, stopped.clone()));
                let relay = tls.then(|| Relay::start(address)).transpose()?;
                let address = relay.as_ref().map_or(address, |relay| relay.address);
                gates.insert((name.clone(), tls), Gate { address, script, _relay: relay });
            }
        }
        Ok(Self { upstream, gates, stop, _runtime: runtime, folder })
    }

    /// Where this case goes.
    pub fn gate(&self, case: &Case) -> Result<&Gate, String> {
        let gate = self.gates.get(&(case.profile.clone(), case.tls));
        gate.ok_or_else(|| format!("no adapter for {}", case.profile))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // What cannot be removed now is left to whoever cleans the temporary folder.
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn certificate(folder: &Path) -> Result<Certificate, String> {
    let files = tls::certificate(folder)?;
    Certificate::open(&files.certificate, &files.private_key).map_err(|error| error.to_string())
}
