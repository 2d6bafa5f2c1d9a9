use trustplane_core::Hold;

use super::bootstrap::{Listener, LogTarget};
use crate::value::{Json, object, value};

/// Envoy's HTTP settings, with every leniency off that would let a service read a request other
/// than the filter did.
pub(super) fn connection_manager(listener: &Listener) -> Json {
    value!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": (listener.name.as_str()),
        "normalize_path": (listener.normalize_path),
        "merge_slashes": (listener.normalize_path),
        "path_with_escaped_slashes_action": (if listener.normalize_path { "REJECT_REQUEST" } else { "KEEP_UNCHANGED" }),
        // `x-forwarded-proto` and `x-envoy-*` of a caller are not believed, whoever it is: without a
        // range here, callers on this host and in private networks would be.
        "use_remote_address": true,
        "internal_address_config": { "cidr_ranges": [{ "address_prefix": "255.255.255.255", "prefix_len": 32 }] },
        // A caller's proof may cover its request id.
        "preserve_external_request_id": true,
        "common_http_protocol_options": {
            // `x_a` and `x-a` are one header to CGI and its heirs.
            "headers_with_underscores_action": "REJECT_REQUEST",
            "idle_timeout": "300s",
            "max_headers_count": 100,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "max_request_headers_kb": 60,
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "stream_idle_timeout": "60s",
        "route_config": {
            // The filter, which runs first, binds the port.
            "ignore_port_in_host_matching": true,
            "virtual_hosts": [{
                "name": "protected",
                "domains": (listener.domains.iter().map(|name| value!(name.as_str())).collect::<Vec<_>>()),
                "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": (listener.cluster.as_str()), "timeout": "60s" } }],
            }],
        },
        "http_filters": (filters(listener)),
        "access_log": [(access_log(&listener.access_log))],
    })
}

/// Ours stands last before the router: nothing behind it may rewrite what it judged.
fn filters(listener: &Listener) -> Vec<Json> {
    let mut filters = vec![verifier(listener)];
    if listener.filter.hold == Hold::TrailingBuffer {
        filters.push(value!({
            "name": "envoy.filters.http.buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": (listener.buffer_bytes()),
            },
        }));
    }
    filters.push(value!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    }));
    filters
}

fn verifier(listener: &Listener) -> Json {
    let filter = &listener.filter;
    let mut config = object!({
        "name": "trustplane",
        "root_id": (listener.name.as_str()),
        "vm_config": {
            "vm_id": (filter.vm_id.as_str()),
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": (filter.module.display().to_string()) } },
        },
        // Not FAIL_OPEN; and a worker whose machine was lost gets a new one.
        "failure_policy": "FAIL_RELOAD",
        "reload_config": { "backoff": { "base_interval": "1s" } },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": (filter.configuration.as_str()),
        },
    });
    if filter.hold == Hold::StopIteration {
        config.insert("allow_on_headers_stop_iteration", value!(true));
    }
    value!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": (config),
        },
    })
}

/// The path goes without its query, which may hold what no log should.
fn access_log(target: &LogTarget) -> Json {
    let format = value!({
        "json_format": {
            "time": "%START_TIME%",
            "status": "%RESPONSE_CODE%",
            "decision": "%FILTER_STATE(wasm.trustplane_decision:PLAIN)%",
            "details": "%RESPONSE_CODE_DETAILS%",
            "flags": "%RESPONSE_FLAGS%",
            "method": "%REQ(:METHOD)%",
            "authority": "%REQ(:AUTHORITY)%",
            "path": "%PATH(NQ)%",
            "request_id": "%REQ(X-REQUEST-ID)%",
            "duration_ms": "%DURATION%",
            "audit": "%FILTER_STATE(wasm.trustplane_audit:PLAIN)%",
        },
    });
    match target {
        LogTarget::File(path) => value!({
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": (path.display().to_string()),
                "log_format": (format),
            },
        }),
        LogTarget::Stdout => value!({
            "name": "envoy.access_loggers.stdout",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": (format),
            },
        }),
    }
}
