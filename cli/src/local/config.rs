//! What the local stack's Envoy and filter are told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use trustplane_broker::SigningKey;
use trustplane_core::{BundleSource, FilterConfig, Hold, Scheme};

use super::documents::Documents;
use super::replay::Store;
use crate::envoy::{Bootstrap, BundleService, Cluster, Filter, Listener, LogTarget, ReplayService};
use crate::exit::Fault;
use crate::value::compact;

/// The name of the stack's one listener, and the prefix of its statistics.
pub(super) const LISTENER: &str = "orders";

/// The filter's configuration.
pub(super) fn configuration(documents: Documents, signer: &SigningKey, store: Store) -> Result<String, Fault> {
    let key = signer.public_key().to_base64url();
    let config = FilterConfig {
        policy_bundle: Some(documents.policy),
        trust_bundle: Some(documents.trust),
        policy_bundle_signature_public_key: Some(key.clone()),
        trust_bundle_signature_public_key: Some(key),
        scheme: Some(Scheme::Http),
        replay: store.members(),
        bundle_source: Some(BundleSource {
            cluster: BundleService::CLUSTER.into(),
            interval_seconds: 1,
            timeout_ms: 500,
            ..BundleSource::default()
        }),
        ..FilterConfig::default()
    };
    config
        .check()
        .and_then(|()| config.load())
        .map_err(|error| Fault::member("the local stack's configuration", error.pointer, error.problem))?;
    Ok(compact(&config))
}

/// Envoy's configuration around it.
pub(super) fn bootstrap(
    port: u16,
    filter: &Path,
    configuration: String,
    access_log: &Path,
    upstream: SocketAddr,
    (replay, bundle_socket): (Option<ReplayService>, &Path),
) -> Bootstrap {
    Bootstrap {
        admin: (Ipv4Addr::LOCALHOST, 0).into(),
        listeners: vec![Listener {
            name: LISTENER.into(),
            address: (Ipv4Addr::LOCALHOST, port).into(),
            tls: None,
            domains: vec!["127.0.0.1".into(), "localhost".into()],
            cluster: "upstream".into(),
            filter: Filter {
                module: filter.to_owned(),
                configuration,
                hold: Hold::StopIteration,
                vm_id: "trustplane".into(),
            },
            max_body_bytes: FilterConfig::default().max_body_bytes,
            normalize_path: true,
            // A handful of connections must not all land on one worker.
            exact_balance: true,
            access_log: LogTarget::File(access_log.to_owned()),
        }],
        clusters: vec![Cluster {
            name: "upstream".into(),
            host: upstream.ip().to_string(),
            port: upstream.port(),
            trusted_ca: None,
        }],
        replay,
        bundles: Some(BundleService::new(bundle_socket)),
    }
}
