//! What clusters of our own services have in common.

use std::path::Path;

use crate::value::{Json, value};

/// One endpoint: a Unix socket.
pub(super) fn endpoint(cluster: &str, socket: &Path) -> Json {
    value!({
        "cluster_name": (cluster),
        "endpoints": [{
            "lb_endpoints": [{
                "endpoint": { "address": { "pipe": { "path": (socket.display().to_string()) } } },
            }],
        }],
    })
}

/// HTTP/1.1 over connections that Envoy gives up first.
pub(super) fn http1() -> Json {
    value!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            // The service closes a silent connection after five seconds: a question that meets the
            // close would be lost, and a passport with it.
            "common_http_protocol_options": { "idle_timeout": "3s" },
            "explicit_http_config": { "http_protocol_options": {} },
        },
    })
}
