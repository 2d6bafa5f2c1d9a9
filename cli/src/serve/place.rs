use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use trustplane_broker::{Access, BoundSocket};

use super::listener::Listener;
use crate::exit::Fault;

/// Where a command listens.
#[derive(Args, Debug)]
#[command(next_help_heading = "Where it listens")]
pub(crate) struct PlaceArgs {
    /// Unix socket for this user alone; one of its own in $XDG_RUNTIME_DIR/trustplane when not given
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    socket: Option<PathBuf>,
    /// Loopback address instead, which every user of this host can reach; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Let --listen take an address that other hosts can reach, without TLS and for whoever asks
    #[arg(long, requires = "listen")]
    insecure_listen_beyond_loopback: bool,
}

impl PlaceArgs {
    /// Listens, at a socket of this name where no place is given.
    pub(crate) async fn listen(&self, name: &str) -> Result<Listener, Fault> {
        if let Some(address) = self.listen {
            if !address.ip().is_loopback() && !self.insecure_listen_beyond_loopback {
                return Err(Fault::of(
                    "--listen",
                    format!(
                        "{address} can be reached from other hosts; give a loopback address, \
                         or --insecure-listen-beyond-loopback as well"
                    ),
                ));
            }
            return Listener::tcp(address).await.map_err(|err| Fault::of("--listen", format!("{address}: {err}")));
        }
        let path = match &self.socket {
            Some(path) => path.clone(),
            None => match env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
                Some(folder) => PathBuf::from(folder).join("trustplane").join(name),
                None => {
                    return Err(Fault::new("no place to listen: give --socket or --listen, or set XDG_RUNTIME_DIR"));
                }
            },
        };
        let (socket, listener) =
            BoundSocket::bind(&path, Access::default()).map_err(|err| Fault::new(err.to_string()))?;
        Listener::unix(socket, listener).map_err(|err| Fault::file(&path, err))
    }
}
