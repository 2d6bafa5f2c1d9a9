use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use redis::Value;
use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use trustplane_core::UnixTime;

use super::fault::Fault;
use super::marker::{self, Marker};

/// Looks at a server before anything relies on it: it is a primary, it keeps what it is told, and
/// since when.
pub(super) async fn examine(wire: &mut MultiplexedConnection, evicting: bool) -> Result<Marker, Fault> {
    let mut pipe = redis::pipe();
    pipe.cmd("ROLE");
    pipe.cmd("INFO").arg("memory");
    pipe.cmd("INFO").arg("server");
    pipe.cmd("TIME");
    pipe.cmd("GET").arg(marker::KEY);
    let (role, memory, server, (seconds, _), written): (Value, String, String, (u64, u64), Option<Vec<u8>>) =
        pipe.query_async(wire).await?;
    if !is_primary(&role) {
        return Err(Fault::Replica);
    }
    if !evicting {
        keeps(&memory)?;
    }
    let run_id = field(&server, "run_id").ok_or(Fault::Strange("INFO server"))?;
    if let Some(marker) = written.and_then(|text| Marker::of_run(run_id, &text)) {
        return Ok(marker);
    }
    // The later of two clocks: too late costs callers a retry, too early would let a passport in twice.
    let began = UnixTime::from_secs(seconds.max(now()));
    let marker = Marker::new(run_id.to_owned(), began);
    redis::cmd("SET").arg(marker::KEY).arg(marker.text()).exec_async(wire).await?;
    Ok(marker)
}

/// Looks at all primaries of a cluster.
pub(super) async fn examine_cluster(wire: &mut ClusterConnection, evicting: bool) -> Result<(), Fault> {
    let primaries = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    let told = wire.route_command(info, primaries).await?;
    let told: HashMap<String, String> = redis::from_redis_value(told).map_err(|_| Fault::Strange("INFO memory"))?;
    if told.is_empty() {
        return Err(Fault::Strange("INFO memory"));
    }
    if !evicting {
        told.values().try_for_each(|memory| keeps(memory))?;
    }
    Ok(())
}

fn is_primary(role: &Value) -> bool {
    match role {
        Value::Array(items) => matches!(items.first(), Some(Value::BulkString(name)) if name == b"master"),
        _ => false,
    }
}

fn keeps(memory: &str) -> Result<(), Fault> {
    match field(memory, "maxmemory_policy") {
        Some("noeviction") => Ok(()),
        Some(policy) => Err(Fault::Evicts(policy.to_owned())),
        None => Err(Fault::Evicts("unknown".into())),
    }
}

fn field<'t>(info: &'t str, name: &str) -> Option<&'t str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}
