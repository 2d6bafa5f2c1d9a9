//! What Envoy's admin interface tells about a running process.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::client::{self, ClientError, Message};

/// The body of an admin page, when it is there.
pub async fn page(admin: SocketAddr, target: &str) -> Result<Option<String>, ClientError> {
    let message =
        Message { method: "GET".into(), target: target.into(), authority: admin.to_string(), ..Message::default() };
    let answer = client::send(admin, &message).await?;
    Ok((answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned()))
}

/// Whether every listener is at work.
pub async fn ready(admin: SocketAddr) -> bool {
    matches!(page(admin, "/ready").await, Ok(Some(text)) if text.trim() == "LIVE")
}

/// Where each listener really listens, by its name.
pub async fn listeners(admin: SocketAddr) -> Result<BTreeMap<String, SocketAddr>, ClientError> {
    let text = page(admin, "/listeners?format=json").await?.unwrap_or_default();
    Ok(read_listeners(&text))
}

/// Envoy's version, such as `1.40.0`.
pub async fn version(admin: SocketAddr) -> Result<String, ClientError> {
    let text = page(admin, "/server_info").await?.unwrap_or_default();
    Ok(read_version(&text))
}

/// The counters and gauges whose names match a regular expression.
///
/// It goes into the URL as it is: letters, digits, `.`, `_` and `|` only.
pub async fn stats(admin: SocketAddr, filter: &str) -> Result<BTreeMap<String, u64>, ClientError> {
    let text = page(admin, &format!("/stats?filter={filter}")).await?.unwrap_or_default();
    Ok(read_stats(&text))
}

/// How many connections each worker took from a listener, by the listener's `stat_prefix`.
pub async fn worker_connections(admin: SocketAddr, stat_prefix: &str) -> Result<Vec<u64>, ClientError> {
    let stats = stats(admin, "worker_.*downstream_cx_total").await?;
    let prefix = format!("listener.{stat_prefix}.worker_");
    Ok(stats.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, count)| *count).collect())
}

#[derive(Deserialize)]
struct Listeners {
    #[serde(default)]
    listener_statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    name: String,
    local_address: Address,
}

#[derive(Deserialize)]
struct Address {
    socket_address: Socket,
}

#[derive(Deserialize)]
struct Socket {
    address: IpAddr,
    port_value: u16,
}

fn read_listeners(text: &str) -> BTreeMap<String, SocketAddr> {
    let statuses = serde_json::from_str::<Listeners>(text).map(|read| read.listener_statuses).unwrap_or_default();
    let place = |status: Status| {
        let Socket { address, port_value } = status.local_address.socket_address;
        (status.name, SocketAddr::new(address, port_value))
    };
    statuses.into_iter().map(place).collect()
}

/// The second part of `hash/version/state/kind/tls`.
fn read_version(text: &str) -> String {
    let info: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let version = info.get("version").and_then(serde_json::Value::as_str);
    version.and_then(|version| version.split('/').nth(1)).unwrap_or("unknown").to_owned()
}

fn read_stats(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
    lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_by_name() {
        let text = r#"{"listener_statuses":[{"name":"a","local_address":{"socket_address":{"address":"127.0.0.1","port_value":36819}}}]}"#;
        let read = read_listeners(text);
        assert_eq!(read.get("a"), Some(&"127.0.0.1:36819".parse().unwrap()));
        assert!(read_listeners("{}").is_empty());
    }

    #[test]
    fn the_version_is_one_part_of_the_build() {
        assert_eq!(read_version(r#"{"version":"9e55/1.40.0/Clean/RELEASE/BoringSSL","state":"LIVE"}"#), "1.40.0");
        assert_eq!(read_version("{}"), "unknown");
    }

    #[test]
    fn stats_are_read_and_what_is_no_number_is_left_out() {
        let read = read_stats("a.b: 3\nh: P0(1,2)\nlistener.127.0.0.1_0.x: 4\n");
        assert_eq!(read.into_iter().collect::<Vec<_>>(), [("a.b".into(), 3), ("listener.127.0.0.1_0.x".into(), 4)]);
    }
}
