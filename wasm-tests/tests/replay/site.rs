use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trustplane::clock;
use trustplane::envoy::{
    Bootstrap, Cluster, Envoy, Filter, Hold, Launch, Listener, LogTarget, ReplayService, admin, find_binary,
};
use trustplane::local::Folder;
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::load::{Callers, HOST, Lane, Order, Wire};
use trustplane_wasm_tests::store::{Fallible, socket};

use crate::upstream::Upstream;

/// The listener's name, and the prefix of its statistics.
const LISTENER: &str = "orders";
/// How long the filter waits for the replay service, where that is what is looked at.
pub const CALLOUT: Duration = Duration::from_millis(1000);
const START: Duration = Duration::from_secs(60);

/// What a site is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    pub envoys: usize,
    /// Of each Envoy.
    pub workers: u32,
    pub store: Store,
    pub hold: Hold,
    /// How long the filter waits for the replay service.
    pub callout: Duration,
    /// Verifiers' clocks may differ by so much; passports are kept for their life and twice this.
    pub skew: u64,
    /// Listeners in a file of their own, which Envoy watches.
    pub watched: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Store {
    SharedData,
    /// The service in the site's folder `service`, which whoever starts the site starts too.
    Service,
}

/// Envoys with the shipped filter, in front of one upstream.
#[derive(Debug)]
pub struct Site {
    pub envoys: Vec<Envoy>,
    pub upstream: Upstream,
    pub callers: Arc<Callers>,
    pub folder: Folder,
    pub plan: Plan,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            envoys: 1,
            workers: 4,
            store: Store::SharedData,
            hold: Hold::StopIteration,
            callout: CALLOUT,
            skew: 5,
            watched: false,
        }
    }
}

impl Site {
    /// A folder for what has to be there before Envoy.
    pub fn folder() -> Fallible<Folder> {
        Ok(Folder::temporary()?)
    }

    /// Starts its Envoys.
    pub fn start(folder: Folder, plan: Plan) -> Fallible<Self> {
        Self::start_for(folder, plan, Arc::new(Callers::new()?))
    }

    /// The same for callers that there are already.
    pub fn start_for(folder: Folder, plan: Plan, callers: Arc<Callers>) -> Fallible<Self> {
        let upstream = Upstream::start()?;
        let mut site = Self { envoys: Vec::new(), upstream, callers, folder, plan };
        let binary = find_binary(None, std::env::var_os("PATH").as_deref())?;
        for number in 0..site.plan.envoys {
            let folder = site.folder.path().join(format!("envoy-{number}"));
            fs::create_dir(&folder)?;
            let (listener, mut bootstrap) = site.configuration("1")?;
            if site.plan.watched {
                write_listener(&folder, &listener, 1)?;
                bootstrap["node"] = json!({ "id": "test", "cluster": "test" });
                let source =
                    json!({ "resource_api_version": "V3", "path_config_source": { "path": lds_file(&folder) } });
                bootstrap["dynamic_resources"] = json!({ "lds_config": source });
            } else {
                bootstrap["static_resources"]["listeners"] = json!([listener]);
            }
            let config = folder.join("envoy.json");
            fs::write(&config, bootstrap.to_string())?;
            let launch = Launch { binary: binary.clone(), config, folder, workers: site.plan.workers };
            site.envoys.push(Envoy::start(&launch)?);
        }
        Ok(site)
    }

    /// Writes the listener of every Envoy anew, in this version of the policy.
    pub fn reload(&self, version: u32, change: impl Fn(&mut Value)) -> Fallible<()> {
        for number in 0..self.plan.envoys {
            let (mut listener, _) = self.configuration(&version.to_string())?;
            change(&mut listener);
            write_listener(&self.folder.path().join(format!("envoy-{number}")), &listener, version)?;
        }
        Ok(())
    }

    /// Waits until this count of every Envoy is so high.
    pub fn await_reload(&self, runtime: &Runtime, stat: &str, count: u64) -> Fallible<Duration> {
        let began = Instant::now();
        for envoy in &self.envoys {
            while runtime.block_on(admin::stats(envoy.admin(), stat))?.get(stat).is_none_or(|seen| *seen < count) {
                if began.elapsed() > START {
                    return Err(format!("{stat} does not come to {count}").into());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(began.elapsed())
    }

    pub fn address(&self, envoy: usize) -> Fallible<SocketAddr> {
        let found = self.envoys.get(envoy).and_then(|envoy| envoy.listener(LISTENER));
        found.ok_or_else(|| format!("no listener of Envoy {envoy}").into())
    }

    pub fn addresses(&self) -> Fallible<Vec<SocketAddr>> {
        (0..self.envoys.len()).map(|envoy| self.address(envoy)).collect()
    }

    /// A read under a passport that nobody has seen.
    pub fn read(&self) -> Fallible<(u64, Wire)> {
        let number = self.callers.number();
        Ok((number, self.callers.sign(&Order::new(number, &Arc::from([]), clock::now()))?))
    }

    /// Waits until every Envoy admits: a store is cold at first.
    pub fn await_open(&self, runtime: &Runtime) -> Fallible<()> {
        for address in self.addresses()? {
            let began = Instant::now();
            loop {
                let (_, wire) = self.read()?;
                let answer = runtime.block_on(async { Lane::open(address).await?.send(&wire).await })?;
                if answer.status == 200 {
                    break;
                }
                if began.elapsed() > START {
                    return Err(format!("it does not open: {}", answer.word()).into());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// How many connections each worker of an Envoy has taken.
    pub async fn worker_connections(&self, envoy: usize) -> Fallible<Vec<u64>> {
        let admin = self.envoys.get(envoy).ok_or("no such Envoy")?.admin();
        Ok(admin::worker_connections(admin, LISTENER).await?)
    }

    /// The listener, and everything but it.
    fn configuration(&self, policy_version: &str) -> Fallible<(Value, Value)> {
        let mut filter = self.callers.configuration(clock::now());
        filter["policy_bundle"]["policy_version"] = policy_version.into();
        filter["skew_seconds"] = self.plan.skew.into();
        let service = (self.plan.store == Store::Service)
            .then(|| ReplayService::new(&socket(&self.folder.path().join("service"))));
        if service.is_some() {
            filter["replay"] = json!({
                "store": "callout",
                "cluster": ReplayService::CLUSTER,
                "authority": ReplayService::AUTHORITY,
                "timeout_ms": self.plan.callout.as_millis(),
                "replicas": self.plan.envoys,
            });
        }
        if self.plan.hold == Hold::TrailingBuffer {
            filter["hold"] = "trailing_buffer".into();
        }
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bootstrap = Bootstrap {
            admin: loopback,
            listeners: vec![Listener {
                name: LISTENER.into(),
                address: loopback,
                tls: None,
                domains: vec![HOST.into()],
                cluster: "upstream".into(),
                filter: Filter {
                    module: fs::canonicalize(artefact::path())?,
                    configuration: filter.to_string(),
                    hold: self.plan.hold,
                    vm_id: "trustplane".into(),
                },
                max_body_bytes: 1 << 20,
                normalize_path: true,
                exact_balance: true,
                access_log: LogTarget::File("/dev/null".into()),
            }],
            clusters: vec![Cluster {
                name: "upstream".into(),
                host: self.upstream.address.ip().to_string(),
                port: self.upstream.address.port(),
                trusted_ca: None,
            }],
            replay: service,
            bundles: None,
        };
        let mut document: Value = serde_json::from_str(&trustplane::value::compact(&bootstrap.to_json()))?;
        let listener = document["static_resources"]["listeners"][0].take();
        document["static_resources"]["listeners"] = json!([]);
        Ok((listener, document))
    }
}

fn lds_file(folder: &Path) -> std::path::PathBuf {
    folder.join("listeners/lds.json")
}

/// Envoy takes up a file that is moved into its place.
fn write_listener(folder: &Path, listener: &Value, version: u32) -> Fallible<()> {
    let file = lds_file(folder);
    fs::create_dir_all(file.with_file_name(""))?;
    let mut resource = listener.clone();
    resource["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
    let document = json!({ "version_info": version.to_string(), "resources": [resource] });
    let new = file.with_extension("new");
    fs::write(&new, document.to_string())?;
    Ok(fs::rename(new, file)?)
}
