//! A workload that a broker vouches for, and the one route that is for such workloads alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use trustplane_broker::SigningKey;
use trustplane_broker::client::{Ask, AskError, ask, headers};
use trustplane_broker::ipc::{Request, Response};
use trustplane_core::{KeyBinding, sha256};

use super::broker::{Broker, Plan};
use super::caller::{AUDIENCE, TRUST_DOMAIN};
use super::folder::Folder;
use super::spire::Spire;
use crate::client::Message;
use crate::exit::Fault;
use crate::value::{Json, value};

/// The broker's name as one that vouches.
pub(super) const ISSUER: &str = "https://broker.local.trustplane.test/spire";
pub(super) const KID: &str = "spire-1";
/// `GET /ledger/{id}`.
pub(super) const ROUTE: &str = "ledger.read";
/// The SPIFFE ID of the one workload.
pub const WORKLOAD: &str = "spiffe://local.trustplane.test/ns/shop/sa/ledger";

const PATIENCE: Duration = Duration::from_secs(10);

/// A broker that vouches for what a Workload API knows.
#[derive(Debug)]
pub struct Attested {
    broker: Broker,
}

/// The rule of the route: whom the broker names, and how it must have come to know them.
pub(super) fn rule() -> Json {
    value!({
        "source_type": "spiffe_spire",
        "issuer": (ISSUER),
        "trust_domain": (TRUST_DOMAIN),
        "subject_prefix": "spiffe://local.trustplane.test/ns/shop/sa/",
        "required_key_binding": "attested_workload",
        "provenance_policy": {
            "profile": "trustplane-spiffe-spire-k8s-v1",
            "required_spiffe_trust_domain": (TRUST_DOMAIN),
            "required_posture": "spiffe_svid_verified",
        },
    })
}

impl Attested {
    /// The flags of a broker that vouches for [`WORKLOAD`], known to `spire`, when `uid` asks.
    pub fn flags(spire: &Spire, uid: u32) -> Vec<String> {
        [
            ("--spiffe-profile", "trustplane-spiffe-spire-k8s-v1".to_owned()),
            ("--spiffe-endpoint-socket", spire.endpoint()),
            ("--spiffe-trust-domain", TRUST_DOMAIN.to_owned()),
            ("--spiffe-allowed-id", WORKLOAD.to_owned()),
            ("--spiffe-bind", format!("uid={uid}")),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
    }

    /// Starts one that issues for the ledger to these users; what is `software` bears the workload's name too. Blocks.
    pub fn start(
        program: &Path,
        key: &SigningKey,
        folder: &Folder,
        trust_domain: &str,
        (uids, flags): (Vec<u32>, Vec<String>),
    ) -> Result<Self, Fault> {
        let (routes, subject) = (&[(ROUTE, "GET")], WORKLOAD);
        let plan = Plan { issuer: ISSUER, kid: KID, trust_domain, subject, uids, routes, flags };
        Ok(Self { broker: Broker::launch(program, key, folder, &plan)? })
    }

    /// The process.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Asks for a passport of this class for `GET /ledger/7`.
    pub fn ask(
        &self,
        listener: SocketAddr,
        class: KeyBinding,
        or_software: bool,
    ) -> Result<(Request, Response), Fault> {
        let request = order(listener, class, or_software)?;
        let socket: PathBuf = self.broker.socket().into();
        let response = ask(&socket, &request, PATIENCE).map_err(|err: AskError| Fault::file(&socket, err))?;
        Ok((request, response))
    }

    /// The request with the headers that were issued for it; none for a denial.
    pub fn message(request: &Request, response: &Response) -> Option<Message> {
        let own = headers(request, response)?;
        Some(Message {
            method: request.http.method.clone(),
            target: request.http.path.clone(),
            authority: request.http.authority.clone(),
            headers: own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: Vec::new(),
        })
    }
}

/// What to ask for, with a nonce of its own.
fn order(listener: SocketAddr, key_binding: KeyBinding, allow_software_fallback: bool) -> Result<Request, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|err| Fault::new(err.to_string()))?;
    let ask = Ask {
        method: "GET",
        scheme: "http",
        authority: &listener.to_string(),
        path: "/ledger/7",
        query: "",
        content_encoding: "identity",
        headers: &[],
        audience: AUDIENCE,
        route_id: ROUTE,
        body_sha256: sha256(b""),
        random,
        key_binding,
        allow_software_fallback,
        context: &[],
    };
    ask.request().map_err(|err| Fault::new(err.to_string()))
}
