//! The local stack's policy and trust material.

use trustplane_broker::SigningKey;
use trustplane_core::json::Value;
use trustplane_core::{DocumentError, UnixTime};

use super::caller::{AUDIENCE, FORMER_SUBJECT, ISSUER, KID, SUBJECT, TRUST_DOMAIN};
use super::up::Scenario;
use crate::bundle::{self, Kind, Signer};
use crate::value::{Json, value};

/// How long ago the acceptance scenario's bundles were issued; its `bounded` route wants younger.
const STALE: u64 = 120;

/// Both documents, signed.
pub(super) struct Documents {
    pub(super) policy: Json,
    pub(super) trust: Json,
}

impl Documents {
    pub(super) fn new(
        scenario: Scenario,
        caller: &SigningKey,
        signer: &SigningKey,
        now: UnixTime,
    ) -> Result<Self, DocumentError> {
        let issued_at = match scenario {
            Scenario::Acceptance => now.minus(STALE),
            Scenario::Orders => now,
        };
        let signer = Signer { key: signer, issuer: "local://trustplane.up", kid: "bundle-signer-1", issued_at };
        let sign = |kind, authored| bundle::sign(kind, bundle::build(kind, authored)?, &signer);
        Ok(Self {
            policy: sign(Kind::Policy, policy(scenario))?,
            trust: sign(Kind::Trust, trust(scenario, caller, now))?,
        })
    }
}

fn policy(scenario: Scenario) -> Json {
    let route = |route_id: &str, method: &str, path: &str| {
        crate::value::object!({
            "route_id": (route_id),
            "method": (method),
            "path_template": (path),
            "allowed_sources": (sources(scenario)),
        })
    };
    let mut routes = vec![
        Value::Object(route("orders.read", "GET", "/orders/{id}")),
        Value::Object(route("orders.create", "POST", "/orders")),
    ];
    if scenario == Scenario::Acceptance {
        // A request whose method was changed must reach a route, or no proof is looked at.
        routes.push(Value::Object(route("orders.replace", "PUT", "/orders/{id}")));
        let mut payouts = route("payouts.read", "GET", "/payouts/{id}");
        payouts.insert("required_key_binding", value!("hardware_local"));
        routes.push(Value::Object(payouts));
        let mut prices = route("prices.read", "GET", "/prices/{id}");
        prices.insert("freshness_class", value!("bounded"));
        prices.insert("max_staleness_seconds", value!(STALE / 2));
        routes.push(Value::Object(prices));
    }
    value!({
        "policy_id": "trustplane-up",
        "policy_version": "1",
        "trust_domain": (TRUST_DOMAIN),
        "apis": [{ "api_id": "orders-api", "audience": (AUDIENCE) }],
        "route_groups": [{ "route_group_id": "orders", "api_id": "orders-api", "routes": (routes) }],
        "default_required_key_binding": "software",
        // These bundles live as long as the stack: nothing refreshes them.
        "default_freshness_class": "offline-ok",
        "revocations": [],
    })
}

fn sources(scenario: Scenario) -> Vec<Json> {
    let source = |subject: &str| {
        value!({
            "source_type": "software_jwks",
            "issuer": (ISSUER),
            "trust_domain": (TRUST_DOMAIN),
            "subject_exact": (subject),
            "required_key_binding": "software",
        })
    };
    match scenario {
        Scenario::Acceptance => vec![source(SUBJECT), source(FORMER_SUBJECT)],
        Scenario::Orders => vec![source(SUBJECT)],
    }
}

fn trust(scenario: Scenario, caller: &SigningKey, now: UnixTime) -> Json {
    let revocations = match scenario {
        Scenario::Acceptance => vec![value!({
            "type": "subject",
            "value": (FORMER_SUBJECT),
            "revoked_at": (now.minus(STALE).as_secs()),
            "reason": "left the project",
        })],
        Scenario::Orders => Vec::new(),
    };
    value!({
        "issuers": [{
            "issuer": (ISSUER),
            "trust_domain": (TRUST_DOMAIN),
            "keys": [{
                "kid": (KID),
                "alg": "EdDSA",
                "public_key_b64url": (caller.public_key().to_base64url()),
                // It lies in a file: it grants no more.
                "max_key_binding": "software",
            }],
        }],
        "revocations": (revocations),
    })
}
