//! One Envoy with a listener for every way to authorise a request, and no service behind any.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};
use trustplane::envoy::{Envoy, Launch, ReplayService};

use super::cpu;

/// Envoy must hold a whole body of the largest row.
const BUFFER: u32 = 4 << 20;

/// How a listener authorises.
#[derive(Debug)]
pub enum Gate {
    /// Not at all.
    Open,
    /// Not at all, after the whole body.
    Buffer,
    /// A Wasm filter with this configuration.
    Wasm {
        /// Its file.
        module: PathBuf,
        /// As the filter reads it.
        configuration: String,
    },
    /// Not at all, but a module of its own shares its memory with that of another gate.
    Beside {
        /// Its file.
        module: PathBuf,
        /// The other's name.
        gate: String,
    },
    /// The same, with the replay service behind a Unix socket.
    Callout {
        /// Its file.
        module: PathBuf,
        /// As the filter reads it.
        configuration: String,
        /// Where that service listens.
        socket: PathBuf,
    },
    /// Envoy's own filter for JSON web tokens.
    Jwt {
        /// Whose tokens it takes.
        provider: Value,
    },
    /// A service behind a Unix socket.
    Service {
        /// Where it listens.
        socket: PathBuf,
    },
}

/// Starts an Envoy whose only worker runs on the measured core.
pub fn start(binary: &Path, folder: &Path, gates: &[(&str, Gate)]) -> io::Result<Envoy> {
    start_with(binary, folder, gates, &[cpu::MEASURED])
}

/// Starts an Envoy with a worker for each of these cores.
pub fn start_with(binary: &Path, folder: &Path, gates: &[(&str, Gate)], cores: &[usize]) -> io::Result<Envoy> {
    let listeners: Vec<_> = gates.iter().map(|(name, gate)| listener(name, gate)).collect();
    let clusters: Vec<_> = gates.iter().filter_map(|(name, gate)| cluster(name, gate)).collect();
    let bootstrap = json!({
        "admin": { "address": socket_address(0) },
        "static_resources": { "listeners": listeners, "clusters": clusters },
    });
    let workers = u32::try_from(cores.len()).map_err(io::Error::other)?;
    let config = folder.join("envoy.json");
    fs::write(&config, bootstrap.to_string())?;
    let launch = Launch { binary: binary.to_owned(), config, folder: folder.to_owned(), workers };
    // A child inherits the cores of the thread that starts it.
    cpu::pin_to(cores)?;
    let envoy = Envoy::start(&launch).map_err(io::Error::other);
    cpu::pin(cpu::OTHERS)?;
    envoy
}

/// Where a gate listens.
pub fn address(envoy: &Envoy, gate: &str) -> io::Result<SocketAddr> {
    envoy.listener(gate).ok_or_else(|| io::Error::other(format!("Envoy has no listener {gate}")))
}

fn listener(name: &str, gate: &Gate) -> Value {
    let mut filters: Vec<_> = filter(name, gate).into_iter().collect();
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    }));
    json!({
        "name": name,
        "address": socket_address(0),
        "per_connection_buffer_limit_bytes": BUFFER,
        "filter_chains": [{
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": name,
                    "generate_request_id": false,
                    "http_filters": filters,
                    "route_config": {
                        "virtual_hosts": [{
                            "name": "all",
                            "domains": ["*"],
                            "routes": [{
                                "match": { "prefix": "/" },
                                "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
                            }],
                        }],
                    },
                },
            }],
        }],
    })
}

fn filter(name: &str, gate: &Gate) -> Option<Value> {
    let (filter, config) = match gate {
        Gate::Open => return None,
        Gate::Buffer => (
            "buffer",
            json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": BUFFER,
            }),
        ),
        Gate::Wasm { module, configuration } | Gate::Callout { module, configuration, .. } => {
            ("wasm", wasm(name, name, module, configuration))
        }
        Gate::Beside { module, gate } => ("wasm", wasm(name, gate, module, "")),
        Gate::Jwt { provider } => (
            "jwt_authn",
            json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": { "bench": provider },
                "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "bench" } }],
            }),
        ),
        Gate::Service { .. } => (
            "ext_authz",
            json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                "http_service": {
                    "server_uri": { "uri": "http://ext-authz", "cluster": name, "timeout": "5s" },
                    "authorization_response": { "allowed_upstream_headers": { "patterns": [{ "prefix": "x-trustplane-" }] } },
                },
                "allowed_headers": { "patterns": [{ "prefix": "x-trustplane-" }, { "exact": "user-agent" }, { "exact": "accept" }] },
            }),
        ),
    };
    Some(json!({ "name": format!("envoy.filters.http.{filter}"), "typed_config": config }))
}

fn wasm(name: &str, vm_id: &str, module: &Path, configuration: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": name,
            "root_id": name,
            "vm_config": {
                "vm_id": vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": module } },
            },
            "failure_policy": "FAIL_CLOSED",
            "allow_on_headers_stop_iteration": true,
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
        },
    })
}

fn cluster(name: &str, gate: &Gate) -> Option<Value> {
    let socket = match gate {
        Gate::Service { socket } => socket,
        // As it is rendered for operators.
        Gate::Callout { socket, .. } => return serde_json::to_value(ReplayService::new(socket).to_json()).ok(),
        _ => return None,
    };
    Some(json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": { "pipe": { "path": socket } } } }] }],
        },
    }))
}

fn socket_address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
