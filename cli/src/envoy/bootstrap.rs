use std::net::SocketAddr;
use std::path::PathBuf;

use trustplane_core::Hold;

use super::bundles::BundleService;
use super::connection_manager::connection_manager;
use super::replay::ReplayService;
use crate::value::{Json, object, value};

/// Connections that one Envoy keeps at most; beyond them it refuses rather than starve.
const MAX_CONNECTIONS: u32 = 50_000;

/// Room beyond the largest body that the filter takes.
///
/// The filter must see the byte that is too many, so that the denial is its own, with an audit
/// event, and not Envoy's bare 413.
const BUFFER_MARGIN: u64 = 64 * 1024;

/// A whole Envoy configuration, hardened for a verifier.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Where the admin interface listens; it is unauthenticated, so a loopback address.
    pub admin: SocketAddr,
    /// The verifiers.
    pub listeners: Vec<Listener>,
    /// The services behind them.
    pub clusters: Vec<Cluster>,
    /// The service that remembers consumed passports, where that is not Envoy itself.
    pub replay: Option<ReplayService>,
    /// The service that serves newer bundles, where there is one.
    pub bundles: Option<BundleService>,
}

/// One listener with one filter and one service behind it.
///
/// Envoy takes no Wasm configuration for a virtual host or a route, so what must be configured
/// apart gets a listener of its own.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name, and the prefix of its statistics.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether callers speak TLS.
    pub tls: Option<Tls>,
    /// The hosts it serves, without ports.
    pub domains: Vec<String>,
    /// The cluster it passes allowed requests to.
    pub cluster: String,
    /// The filter.
    pub filter: Filter,
    /// The largest body that the filter takes on any route.
    pub max_body_bytes: u64,
    /// Whether Envoy brings paths into normal form before the filter sees them.
    ///
    /// Yes, outside tests: the filter refuses what is not normal, but a route that bypasses it
    /// does not, and what it judges must be what the router and the service see. A request whose
    /// path was respelled on the way is then judged, and passed on, in the form that was signed.
    pub normalize_path: bool,
    /// Whether connections are dealt out evenly among the workers, at the price of a lock.
    pub exact_balance: bool,
    /// Where access logs go.
    pub access_log: LogTarget,
}

/// The filter of a listener.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The `.wasm` file, as Envoy will find it.
    pub module: PathBuf,
    /// The plugin configuration, JSON.
    pub configuration: String,
    /// How a request is held, as the configuration says too: by Envoy itself (1.35 and newer), or by
    /// its buffer filter behind ours. In front of ours, that filter would leak request heads.
    pub hold: Hold,
    /// Listeners with one id share one replay memory and one virtual machine a worker. Nothing but
    /// this filter may use it: whoever shares it can write that memory.
    pub vm_id: String,
}

/// A certificate for callers.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM, the leaf first.
    pub certificate: PathBuf,
    /// PEM.
    pub private_key: PathBuf,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// A DNS name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The authorities that may vouch for it, PEM, where it speaks TLS.
    pub trusted_ca: Option<PathBuf>,
}

/// Where log lines go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogTarget {
    /// This file.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

impl Bootstrap {
    /// The configuration as Envoy reads it.
    pub fn to_json(&self) -> Json {
        let listeners: Vec<_> = self.listeners.iter().map(Listener::to_json).collect();
        let services = self.clusters.iter().map(Cluster::to_json);
        let clusters: Vec<_> = services
            .chain(self.replay.iter().map(ReplayService::to_json))
            .chain(self.bundles.iter().map(BundleService::to_json))
            .collect();
        value!({
            "admin": { "address": (socket(&self.admin)) },
            "static_resources": { "listeners": (listeners), "clusters": (clusters) },
            "stats_config": {
                // One counter with the reason as a label, instead of one name a reason.
                "stats_tags": [{
                    "tag_name": "trustplane_reason",
                    "regex": (r"^wasmcustom\.trustplane\.decision(\.([a-z_]+))$"),
                }],
            },
            "overload_manager": {
                "resource_monitors": [{
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": (MAX_CONNECTIONS),
                    },
                }],
            },
        })
    }
}

impl Listener {
    /// Bytes that Envoy may buffer of one request.
    pub(super) fn buffer_bytes(&self) -> u32 {
        u32::try_from(self.max_body_bytes.saturating_add(BUFFER_MARGIN)).unwrap_or(u32::MAX)
    }

    fn to_json(&self) -> Json {
        let mut chain = object!({
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": (connection_manager(self)),
            }],
        });
        if let Some(tls) = &self.tls {
            chain.insert("transport_socket", tls.to_json());
        }
        let mut listener = object!({
            "name": (self.name.as_str()),
            "stat_prefix": (self.name.as_str()),
            "address": (socket(&self.address)),
            "per_connection_buffer_limit_bytes": (self.buffer_bytes()),
        });
        if self.exact_balance {
            listener.insert("connection_balance_config", value!({ "exact_balance": {} }));
        }
        listener.insert("filter_chains", value!([(chain)]));
        listener.into()
    }
}

impl Tls {
    fn to_json(&self) -> Json {
        value!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                    "tls_certificates": [{
                        "certificate_chain": { "filename": (self.certificate.display().to_string()) },
                        "private_key": { "filename": (self.private_key.display().to_string()) },
                    }],
                    "alpn_protocols": ["h2", "http/1.1"],
                },
            },
        })
    }
}

impl Cluster {
    fn to_json(&self) -> Json {
        let literal = self.host.parse::<std::net::IpAddr>().is_ok();
        let mut cluster = object!({
            "name": (self.name.as_str()),
            "type": (if literal { "STATIC" } else { "STRICT_DNS" }),
            "connect_timeout": "2s",
            "per_connection_buffer_limit_bytes": (1024 * 1024_i64),
            "load_assignment": {
                "cluster_name": (self.name.as_str()),
                "endpoints": [{
                    "lb_endpoints": [{
                        "endpoint": {
                            "address": { "socket_address": { "address": (self.host.as_str()), "port_value": (self.port) } },
                        },
                    }],
                }],
            },
        });
        if let Some(trusted_ca) = &self.trusted_ca {
            let san_type = if literal { "IP_ADDRESS" } else { "DNS" };
            cluster.insert(
                "transport_socket",
                value!({
                    "name": "envoy.transport_sockets.tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                        "sni": (if literal { "" } else { self.host.as_str() }),
                        "common_tls_context": {
                            "validation_context": {
                                "trusted_ca": { "filename": (trusted_ca.display().to_string()) },
                                // Without it any name under these authorities would do.
                                "match_typed_subject_alt_names": [{
                                    "san_type": (san_type),
                                    "matcher": { "exact": (self.host.as_str()) },
                                }],
                            },
                        },
                    },
                }),
            );
        }
        cluster.into()
    }
}

fn socket(address: &SocketAddr) -> Json {
    value!({ "socket_address": { "address": (address.ip().to_string()), "port_value": (address.port()) } })
}
