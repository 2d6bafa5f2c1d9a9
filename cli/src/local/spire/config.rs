use crate::local::Folder;

/// The server's configuration: keys in memory, entries in the folder, nobody but this machine.
pub(super) fn server(folder: &Folder, trust_domain: &str, port: u16) -> String {
    let [socket, data, store] = ["server.sock", "server", "server/entries.sqlite3"].map(|name| folder.file(name));
    format!(
        r#"server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = {socket:?}
    trust_domain = {trust_domain:?}
    data_dir = {data:?}
    log_level = "WARN"
}}
plugins {{
    DataStore "sql" {{ plugin_data {{ database_type = "sqlite3", connection_string = {store:?} }} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    KeyManager "memory" {{ plugin_data {{}} }}
}}
"#
    )
}

/// The agent's: its key stays on its disk, so that it may be killed; it asks for changes each second.
pub(super) fn agent(folder: &Folder, trust_domain: &str, port: u16) -> String {
    let [socket, data, bundle] = ["agent.sock", "agent", "bundle.pem"].map(|name| folder.file(name));
    format!(
        r#"agent {{
    server_address = "127.0.0.1"
    server_port = "{port}"
    socket_path = {socket:?}
    trust_bundle_path = {bundle:?}
    trust_domain = {trust_domain:?}
    data_dir = {data:?}
    log_level = "WARN"
    experimental {{ sync_interval = "1s" }}
}}
plugins {{
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    KeyManager "disk" {{ plugin_data {{ directory = {data:?} }} }}
    WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"#
    )
}
