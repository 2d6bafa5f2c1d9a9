//! What is measured: one row for every way to authorise a request.

use std::io;
use std::sync::Arc;

use trustplane_core::UnixTime;
use trustplane_wasm_tests::load::{CALLERS, Callers, Flaw, Order, Wire, anonymous, bearing};

use crate::tokens::Signer;

/// One line of the table.
pub struct Row {
    pub name: &'static str,
    /// The listener it asks.
    pub gate: &'static str,
    /// The row that is sent the same without authorising.
    pub baseline: &'static str,
    pub traffic: Traffic,
    /// Requests in a round.
    pub total: usize,
    /// What every one of them is answered.
    pub status: u16,
    /// The same listener's answer to what it must refuse; one that refuses nothing is sent few requests
    /// in rotation.
    pub refusals: Vec<(Refusal, u16)>,
}

/// What a row sends.
pub enum Traffic {
    Anonymous(Arc<[u8]>),
    /// Every request under a passport of its own.
    Signed(Arc<[u8]>, Flaw),
    Tokens(Arc<Signer>),
}

/// What no gate may let through.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    Anonymous,
    Flawed(Flaw),
    /// A passport that was good once already.
    Replay,
    /// A token that another key signed.
    Token,
}

/// What the rows without credentials are measured against.
const OPEN: &str = "no filter";
/// The requests that others authorise: Envoy reads their credentials whether anybody asks for them
/// or not.
const OPEN_SIGNED: &str = "no filter, signed";
const OPEN_TOKEN: &str = "no filter, token";
pub const ALLOW: &str = "trustplane, allow";
/// Measured only where another build is named.
pub const OTHER: &str = "other build, allow";
pub const EDDSA: &str = "jwt_authn EdDSA";
pub const SERVICE: &str = "ext_authz, our verifier";
/// As any service would verify that keeps no tables.
pub const PLAIN_SERVICE: &str = "ext_authz, without tables";

/// Requests in rotation, to a gate that takes them again; Envoy's cache of 1,000 tokens holds them all.
const REPEATED: u16 = 400;

/// Enough of every caller's requests for its key to have a table.
pub const WARM_UP: usize = CALLERS * 12;

pub fn rows() -> Vec<Row> {
    let zeros = |size| Arc::from(vec![0; size]);
    let (none, small, medium, large) = (zeros(0), zeros(1 << 10), zeros(64 << 10), zeros(1 << 20));
    let open = |name, gate, body: &Arc<[u8]>, total| Row {
        name,
        gate,
        baseline: name,
        traffic: Traffic::Anonymous(Arc::clone(body)),
        total,
        status: 200,
        refusals: Vec::new(),
    };
    let signed = |name, gate, baseline, body: &Arc<[u8]>, total| Row {
        name,
        gate,
        baseline,
        traffic: Traffic::Signed(Arc::clone(body), Flaw::None),
        total,
        status: 200,
        refusals: vec![
            (Refusal::Anonymous, 401),
            (Refusal::Flawed(Flaw::Issuer), 401),
            (Refusal::Flawed(Flaw::Proof), 403),
            (Refusal::Replay, 403),
        ],
    };
    let unasked = |name, gate, body, total| Row { refusals: Vec::new(), ..signed(name, gate, name, body, total) };
    let token = |name, gate, signer: &Arc<Signer>, total| Row {
        name,
        gate,
        baseline: OPEN_TOKEN,
        traffic: Traffic::Tokens(Arc::clone(signer)),
        total,
        status: 200,
        refusals: vec![(Refusal::Anonymous, 401), (Refusal::Token, 401)],
    };
    let (eddsa, es256) = (Arc::new(Signer::eddsa(1)), Arc::new(Signer::es256(1)));
    vec![
        open(OPEN, "open", &none, 15_000),
        unasked(OPEN_SIGNED, "open", &none, 10_000),
        Row { refusals: Vec::new(), ..token(OPEN_TOKEN, "open", &eddsa, 12_500) },
        unasked("no filter, 1 KiB held", "buffer", &small, 7_500),
        unasked("no filter, 64 KiB held", "buffer", &medium, 2_000),
        unasked("no filter, 1 MiB held", "buffer", &large, 200),
        open("empty Wasm filter", "noop", &none, 15_000).over(OPEN),
        signed(ALLOW, "trustplane", OPEN_SIGNED, &none, 4_000),
        signed(OTHER, "other", OPEN_SIGNED, &none, 4_000),
        signed("trustplane, allow, 1 KiB", "trustplane", "no filter, 1 KiB held", &small, 3_000),
        signed("trustplane, allow, 64 KiB", "trustplane", "no filter, 64 KiB held", &medium, 1_250),
        signed("trustplane, allow, 1 MiB", "trustplane", "no filter, 1 MiB held", &large, 125),
        Row { status: 401, ..open("trustplane, no credentials", "trustplane", &none, 10_000).over(OPEN) },
        Row {
            traffic: Traffic::Signed(Arc::clone(&none), Flaw::Proof),
            status: 403,
            ..signed("trustplane, bad proof", "trustplane", OPEN_SIGNED, &none, 3_000)
        },
        token(EDDSA, "jwt-eddsa", &eddsa, 5_000),
        token("jwt_authn EdDSA, cached", "jwt-eddsa-cached", &eddsa, 12_500),
        token("jwt_authn ES256", "jwt-es256", &es256, 5_000),
        token("jwt_authn ES256, cached", "jwt-es256-cached", &es256, 12_500),
        signed(SERVICE, "service", OPEN_SIGNED, &none, 3_000),
        signed(PLAIN_SERVICE, "service-plain", OPEN_SIGNED, &none, 2_000),
        unasked("ext_authz, allows all", "service-open", &none, 3_000).over(OPEN_SIGNED),
        signed("trustplane, callout, Redis", "callout", OPEN_SIGNED, &none, 3_000),
    ]
}

impl Row {
    fn over(self, baseline: &'static str) -> Self {
        Self { baseline, ..self }
    }

    /// This many requests that the row answers with its status; they may repeat, where that is
    /// nothing to the gate.
    pub fn requests(&self, callers: &Callers, total: usize, now: UnixTime) -> io::Result<Vec<Wire>> {
        match &self.traffic {
            Traffic::Anonymous(body) => Ok(vec![anonymous(body)]),
            Traffic::Signed(body, flaw) => {
                let total = if self.refusals.is_empty() { total.min(REPEATED.into()) } else { total };
                (0..total).map(|_| signed(callers, body, now, *flaw)).collect()
            }
            Traffic::Tokens(signer) => {
                let wire = |number| bearer(&signer.token(number, now));
                Ok((0..REPEATED.into()).map(wire).collect())
            }
        }
    }

    /// Requests of which the gate must refuse the last.
    pub fn refused(&self, refusal: Refusal, callers: &Callers, now: UnixTime) -> io::Result<Vec<Wire>> {
        let none = Arc::from([]);
        let body = match &self.traffic {
            Traffic::Anonymous(body) | Traffic::Signed(body, _) => body,
            Traffic::Tokens(_) => &none,
        };
        Ok(match refusal {
            Refusal::Anonymous => vec![anonymous(body)],
            Refusal::Flawed(flaw) => vec![signed(callers, body, now, flaw)?],
            Refusal::Replay => vec![signed(callers, body, now, Flaw::None)?; 2],
            Refusal::Token => {
                let other = match &self.traffic {
                    Traffic::Tokens(signer) if matches!(**signer, Signer::Es256(_)) => Signer::es256(2),
                    _ => Signer::eddsa(2),
                };
                vec![bearer(&other.token(0, now))]
            }
        })
    }
}

fn signed(callers: &Callers, body: &Arc<[u8]>, now: UnixTime, flaw: Flaw) -> io::Result<Wire> {
    callers.sign(&Order { flaw, ..Order::new(callers.number(), body, now) })
}

fn bearer(token: &str) -> Wire {
    bearing(&Arc::from([]), &format!("authorization: Bearer {token}\r\n"))
}
