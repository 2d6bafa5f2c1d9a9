use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use trustplane_core::json::{Object, Value};
use trustplane_core::{ConfigError, DocumentError, FilterConfig, Policy, Replay};

use crate::envoy::{Bootstrap, BundleService, Cluster, Filter, Listener, LogTarget, ReplayService, Tls};
use crate::exit::{Fault, Verdict};
use crate::files::{self, Readers};
use crate::input::{PinArgs, Source};
use crate::output::{Output, Report};
use crate::value::{compact, object, pretty};

/// The cluster of the service behind.
const UPSTREAM: &str = "upstream";

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane envoy render --policy-bundle <FILE> --bundle <FILE>
                               --filter <FILE> --upstream <URL> [OPTIONS]")]
pub(crate) struct Render {
    /// Policy bundle, to be put inline
    #[arg(long, value_name = "FILE")]
    policy_bundle: PathBuf,
    /// Trust material, to be put inline
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    #[command(flatten)]
    pins: PinArgs,
    /// The .wasm file, as Envoy will find it
    #[arg(long, value_name = "FILE")]
    filter: PathBuf,
    /// Other members of the filter's configuration, JSON
    #[arg(long, value_name = "FILE")]
    filter_config: Option<PathBuf>,
    /// The service behind, http://host:port, or https:// with --upstream-ca
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// Authorities that vouch for the service, PEM, as Envoy will find them
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Where callers connect
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Envoy's admin interface, which knows no passwords
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Host to serve, without port; repeatable; those of the policy's APIs when not given
    #[arg(long = "domain", value_name = "HOST")]
    domains: Vec<String>,
    /// Certificate for callers, PEM, as Envoy will find it
    #[arg(long, value_name = "FILE", requires = "tls_private_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key, PEM, as Envoy will find it
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_private_key: Option<PathBuf>,
    /// Scheme that callers dial, where a proxy in front ends their TLS
    #[arg(long, value_parser = ["http", "https"])]
    scheme: Option<String>,
    /// Authority that callers dial, where a proxy in front rewrites it
    #[arg(long)]
    authority: Option<String>,
    /// How a request is held until its body is hashed
    #[arg(long, value_parser = ["stop_iteration", "trailing_buffer"])]
    hold: Option<String>,
    /// Unix socket of the replay service, as Envoy will find it; consumed passports are then remembered there
    #[arg(long, value_name = "PATH")]
    replay_socket: Option<PathBuf>,
    /// Unix socket of a service with newer bundles, as Envoy will find it; the given ones are where it begins
    #[arg(long, value_name = "PATH")]
    bundle_socket: Option<PathBuf>,
    /// How many Envoys will serve the same routes; more than one needs a shared replay store
    #[arg(long, value_name = "COUNT")]
    replicas: Option<u64>,
    /// Listeners with one id share one replay memory
    #[arg(long, value_name = "ID", default_value = "trustplane")]
    vm_id: String,
    /// Where access logs go; standard output when not given
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Where the configuration goes; standard output when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Render {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let base = self.filter_config.as_deref().map(Source::read).transpose()?;
        let policy = Source::read(&self.policy_bundle)?;
        let trust = Source::read(&self.bundle)?;
        let members = self.members(base.as_ref(), &policy, &trust)?;
        let text = compact(&members);
        // Each fault is told of the file that the user wrote, not of the text made here.
        let fault = |error: ConfigError| {
            let inside = [("/policy_bundle/", &policy), ("/trust_bundle/", &trust)];
            let found = inside.into_iter().find(|(prefix, _)| error.pointer.starts_with(prefix));
            let (pointer, file) = match found {
                Some((prefix, file)) => (&error.pointer[prefix.len() - 1..], Some(file)),
                None => (error.pointer.as_str(), base.as_ref()),
            };
            match file {
                Some(file) => file.fault(DocumentError::new(pointer, error.problem.as_str())),
                None => Fault::member("filter configuration", pointer, error.problem.as_str()),
            }
        };
        let config = FilterConfig::parse(text.as_bytes()).map_err(fault)?;
        let (loaded, _) = config.load().map_err(fault)?;
        let Some(loaded) = loaded else { return Err(Fault::file(&self.policy_bundle, "no policy")) };
        let replay = match (&config.replay, &self.replay_socket) {
            (Replay::SharedData { .. }, None) => None,
            (Replay::SharedData { .. }, Some(_)) => {
                return Err(fault(DocumentError::new("/replay/store", "--replay-socket is for callout").into()));
            }
            (Replay::Callout { cluster, .. }, Some(socket)) if cluster != UPSTREAM => {
                Some(ReplayService { cluster: cluster.clone(), socket: socket.clone() })
            }
            (Replay::Callout { cluster, .. }, socket) => {
                let problem = match socket {
                    None => format!("no cluster {cluster:?}: --replay-socket says where it is"),
                    Some(_) => format!("{cluster:?} is the service behind"),
                };
                return Err(fault(DocumentError::new("/replay/cluster", problem).into()));
            }
        };
        let bundles = match (&config.bundle_source, &self.bundle_socket) {
            (None, _) => None,
            (Some(source), Some(socket)) if source.cluster != UPSTREAM => {
                Some(BundleService { cluster: source.cluster.clone(), socket: socket.clone() })
            }
            (Some(source), Some(_)) => {
                let problem = format!("{:?} is the service behind", source.cluster);
                return Err(fault(DocumentError::new("/bundle_source/cluster", problem).into()));
            }
            (Some(source), None) => {
                let problem = format!("no cluster {:?}: --bundle-socket says where it is", source.cluster);
                return Err(fault(DocumentError::new("/bundle_source/cluster", problem).into()));
            }
        };
        let max_body_bytes = loaded.routes().map(|route| route.max_body_bytes().unwrap_or(config.max_body_bytes));
        let listener = Listener {
            name: "trustplane".into(),
            address: self.listen,
            tls: self
                .tls_certificate
                .clone()
                .zip(self.tls_private_key.clone())
                .map(|(certificate, private_key)| Tls { certificate, private_key }),
            domains: self.domains(&loaded)?,
            cluster: UPSTREAM.into(),
            filter: Filter {
                module: self.filter.clone(),
                configuration: text.clone(),
                hold: config.hold,
                vm_id: self.vm_id.clone(),
            },
            max_body_bytes: max_body_bytes.max().unwrap_or(config.max_body_bytes),
            normalize_path: true,
            exact_balance: false,
            access_log: self.access_log.clone().map_or(LogTarget::Stdout, LogTarget::File),
        };
        let bootstrap = Bootstrap {
            admin: self.admin,
            listeners: vec![listener],
            clusters: vec![self.cluster()?],
            replay,
            bundles,
        };
        let text = pretty(&bootstrap.to_json());
        match &self.out {
            None => output.line(&text)?,
            Some(out) => {
                files::write(out, text.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(out, err))?;
                output.show(&Report::new().with("out", out.display().to_string()))?;
            }
        }
        Ok(Verdict::Allow)
    }

    /// The configuration file, with what the flags say in its place.
    fn members<'a>(
        &self,
        base: Option<&'a Source>,
        policy: &'a Source,
        trust: &'a Source,
    ) -> Result<Object<'a>, Fault> {
        let mut members = match base.map(Source::value).transpose()? {
            None => Object::new(),
            Some(Value::Object(members)) => members,
            Some(other) => {
                let problem = format!("expected an object, found {}", other.kind());
                return Err(base.map_or_else(
                    || Fault::new(problem.as_str()),
                    |base| base.fault(DocumentError::new("", problem.as_str())),
                ));
            }
        };
        members.insert("policy_bundle", policy.value()?);
        members.insert("trust_bundle", trust.value()?);
        let keys = [
            ("policy_bundle_signature_public_key", &self.pins.policy_bundle_signature_public_key),
            ("trust_bundle_signature_public_key", &self.pins.bundle_signature_public_key),
        ];
        for (name, key) in keys {
            if let Some(key) = key {
                members.insert(name, Value::from(key.to_base64url()));
            }
        }
        if self.pins.allow_unsigned_dev_bundles {
            members.insert("allow_unsigned_dev_bundles", Value::Bool(true));
        }
        for (name, text) in [("scheme", &self.scheme), ("authority", &self.authority), ("hold", &self.hold)] {
            if let Some(text) = text {
                members.insert(name, Value::from(text.clone()));
            }
        }
        if self.replay_socket.is_some() && members.get("replay").is_none() {
            let replay = object!({
                "store": "callout",
                "cluster": (ReplayService::CLUSTER),
                "authority": (ReplayService::AUTHORITY),
            });
            members.insert("replay", Value::Object(replay));
        }
        if self.bundle_socket.is_some() && members.get("bundle_source").is_none() {
            members.insert("bundle_source", Value::Object(object!({ "cluster": (BundleService::CLUSTER) })));
        }
        if let Some(replicas) = self.replicas {
            let mut replay = match members.remove("replay") {
                Some(Value::Object(replay)) => replay,
                _ => object!({ "store": "shared_data" }),
            };
            replay.insert("replicas", Value::Integer(i64::try_from(replicas).unwrap_or(i64::MAX)));
            members.insert("replay", Value::Object(replay));
        }
        Ok(members)
    }

    fn domains(&self, policy: &Policy) -> Result<Vec<String>, Fault> {
        if !self.domains.is_empty() {
            return Ok(self.domains.clone());
        }
        let mut hosts = BTreeSet::new();
        for route in policy.routes() {
            let base = route.base().ok_or_else(|| {
                let route_id = route.route_id();
                Fault::new(format!("no --domain, and route {route_id} has no API with a base_url that would name one"))
            })?;
            let authority = base.authority();
            hosts.insert(match authority.rsplit_once(':') {
                Some((host, port)) if !port.contains(']') => host.to_owned(),
                _ => authority.to_owned(),
            });
        }
        Ok(hosts.into_iter().collect())
    }

    fn cluster(&self) -> Result<Cluster, Fault> {
        let fault = |problem: &str| Fault::of("--upstream", problem);
        let (scheme, rest) = self.upstream.split_once("://").ok_or_else(|| fault("expected http://host:port"))?;
        let default_port = match (scheme, &self.upstream_ca) {
            ("http", None) => 80,
            ("https", Some(_)) => 443,
            ("http", Some(_)) => return Err(fault("--upstream-ca is for https://")),
            ("https", None) => return Err(fault("https:// needs --upstream-ca: without it anyone could answer")),
            _ => return Err(fault("expected http://host:port")),
        };
        let authority = rest.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| fault("no such port"))?),
            _ => (authority, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', '@', '?', '#']) {
            return Err(fault("expected http://host:port, without a path: the caller's is passed on"));
        }
        Ok(Cluster { name: UPSTREAM.into(), host: host.into(), port, trusted_ca: self.upstream_ca.clone() })
    }
}
