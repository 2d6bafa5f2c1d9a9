use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, TlsCertificates, TlsMode,
};
use tokio::sync::Mutex;

use super::args::ReplayArgs;
use super::fault::Fault;

/// A slot that moved or a node that is gone is looked up again this often within one question.
const CLUSTER_TRIES: u32 = 3;

/// Where Redis is.
#[expect(clippy::large_enum_variant, reason = "a service has one of them")]
pub(super) enum Place {
    Cluster(ClusterClient),
    Sentinel(Arc<Mutex<SentinelClient>>),
    Server(Client),
}

/// A connection; its copies share one socket, on which concurrent commands are pipelined.
#[derive(Clone)]
pub(super) enum Wire {
    Many(ClusterConnection),
    One(MultiplexedConnection),
}

impl Place {
    pub(super) fn new(args: &ReplayArgs) -> Result<Self, Fault> {
        // Whoever embeds us may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let password = args.replay_password_file.as_deref().map(read_password).transpose()?;
        let certificates = args.replay_ca.as_deref().map(read_certificates).transpose()?;
        let mut infos = Vec::new();
        for url in &args.replay_redis {
            // The URL may hold a password, so it is not repeated.
            let info = url.as_str().into_connection_info().map_err(|_| {
                Fault::Options("--replay-redis: expected redis://host:port, rediss://host:port or unix:///path".into())
            })?;
            infos.push(info);
        }
        let [first, rest @ ..] = infos.as_slice() else {
            return Err(Fault::Options("--replay-redis: no URL".into()));
        };
        let tls = matches!(first.addr(), ConnectionAddr::TcpTls { .. });
        let with_credentials = |info: &ConnectionInfo| {
            let mut settings = info.redis_settings().clone();
            if let (None, Some(user)) = (settings.username(), &args.replay_user) {
                settings = settings.set_username(user);
            }
            if let (None, Some(password)) = (settings.password(), &password) {
                settings = settings.set_password(password);
            }
            info.clone().set_redis_settings(settings)
        };
        if args.replay_cluster {
            let mut builder = ClusterClient::builder(infos.iter().map(with_credentials)).retries(CLUSTER_TRIES);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            return Ok(Self::Cluster(builder.build()?));
        }
        if let Some(name) = &args.replay_sentinel {
            let addresses = infos.iter().map(|info| info.addr().clone());
            let mut builder = SentinelClientBuilder::new(addresses, name, SentinelServerType::Master)?
                .set_client_to_redis_db(first.redis_settings().db());
            if let Some(user) = &args.replay_user {
                builder = builder.set_client_to_redis_username(user);
            }
            if let Some(password) = &password {
                builder = builder.set_client_to_redis_password(password);
            }
            // What the URLs name are the Sentinels' own credentials.
            if let Some(user) = first.redis_settings().username() {
                builder = builder.set_client_to_sentinel_username(user);
            }
            if let Some(password) = first.redis_settings().password() {
                builder = builder.set_client_to_sentinel_password(password);
            }
            if tls {
                builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            }
            if let (true, Some(certificates)) = (tls, certificates) {
                builder = builder
                    .set_client_to_redis_certificates(certificates.clone())
                    .set_client_to_sentinel_certificates(certificates);
            }
            return Ok(Self::Sentinel(Arc::new(Mutex::new(builder.build()?))));
        }
        if !rest.is_empty() {
            let problem = "--replay-redis: more than one URL is for --replay-sentinel and --replay-cluster";
            return Err(Fault::Options(problem.into()));
        }
        let info = with_credentials(first);
        Ok(Self::Server(match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates)?,
            None => Client::open(info)?,
        }))
    }

    /// A new connection, on which no answer takes longer than `answer`.
    pub(super) async fn connect(&self, connect: Duration, answer: Duration) -> Result<Wire, Fault> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(connect)).set_response_timeout(Some(answer));
        Ok(match self {
            Self::Server(client) => Wire::One(client.get_multiplexed_async_connection_with_config(&config).await?),
            Self::Sentinel(client) => Wire::One(client.lock().await.get_async_connection_with_config(&config).await?),
            Self::Cluster(client) => {
                let config =
                    redis::cluster::ClusterConfig::new().set_connection_timeout(connect).set_response_timeout(answer);
                Wire::Many(client.get_async_connection_with_config(config).await?)
            }
        })
    }
}

fn read_password(path: &Path) -> Result<String, Fault> {
    let text = fs::read_to_string(path).map_err(|err| Fault::File(path.display().to_string(), err.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_certificates(path: &Path) -> Result<TlsCertificates, Fault> {
    let pem = fs::read(path).map_err(|err| Fault::File(path.display().to_string(), err.to_string()))?;
    Ok(TlsCertificates { client_tls: None, root_cert: Some(pem) })
}
