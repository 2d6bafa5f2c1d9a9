//! The local stack's policy and trust material.

use trustplane_broker::SigningKey;
use trustplane_core::json::Value;
use trustplane_core::{DocumentError, PublicKey, UnixTime};

use super::caller::{AUDIENCE, FORMER_SUBJECT, ISSUER, KID, SUBJECT, TRUST_DOMAIN};
use super::up::Scenario;
use super::{attested, broker, tiers};
use crate::bundle::{self, Kind, Signer};
use crate::value::{Json, value};

/// How long ago the acceptance scenario's bundles were issued; its `bounded` route wants younger.
const STALE: u64 = 120;

/// Whom both documents are about.
pub(super) struct Issuers<'a> {
    /// Of the caller that issues its own passports.
    pub(super) caller: &'a PublicKey,
    /// Of the broker, where there is one.
    pub(super) broker: Option<&'a PublicKey>,
    /// Of the token service of the acceptance scenario.
    pub(super) service: &'a PublicKey,
    /// Of a broker that vouches for workloads.
    pub(super) attested: Option<&'a PublicKey>,
}

/// Both documents, signed.
pub(super) struct Documents {
    pub(super) policy: Json,
    pub(super) trust: Json,
}

impl Documents {
    pub(super) fn new(
        scenario: Scenario,
        issuers: &Issuers<'_>,
        signer: &SigningKey,
        now: UnixTime,
    ) -> Result<Self, DocumentError> {
        let issued_at = match scenario {
            Scenario::Acceptance => now.minus(STALE),
            Scenario::Orders => now,
        };
        let signer = Signer { key: signer, issuer: "local://trustplane.up", kid: "bundle-signer-1", issued_at };
        let sign = |kind, authored| bundle::sign(kind, &bundle::build(kind, authored)?, &signer);
        Ok(Self {
            policy: sign(Kind::Policy, policy(scenario, issuers))?,
            trust: sign(Kind::Trust, trust(scenario, issuers, now))?,
        })
    }
}

fn policy(scenario: Scenario, issuers: &Issuers<'_>) -> Json {
    let route = |route_id: &str, method: &str, path: &str| {
        crate::value::object!({
            "route_id": (route_id),
            "method": (method),
            "path_template": (path),
            "allowed_sources": (sources(scenario, issuers)),
        })
    };
    let mut routes = vec![
        Value::Object(route("orders.read", "GET", "/orders/{id}")),
        Value::Object(route("orders.create", "POST", "/orders")),
    ];
    if issuers.attested.is_some() {
        let mut ledger = route(attested::ROUTE, "GET", "/ledger/{id}");
        let mut allowed = sources(scenario, issuers);
        allowed.push(attested::rule());
        ledger.insert("allowed_sources", value!(allowed));
        ledger.insert("required_key_binding", value!("attested_workload"));
        routes.push(Value::Object(ledger));
    }
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
        let mut stock = route("stock.read", "GET", "/stock/{id}");
        stock.insert("freshness_class", value!("realtime"));
        routes.push(Value::Object(stock));
    }
    value!({
        "policy_id": "trustplane-up",
        "policy_version": "1",
        "trust_domain": (TRUST_DOMAIN),
        "apis": [{ "api_id": "orders-api", "audience": (AUDIENCE) }],
        "route_groups": [{ "route_group_id": "orders", "api_id": "orders-api", "routes": (routes) }],
        "default_required_key_binding": "software",
        // Nobody refreshes these files, and no caller should notice.
        "default_freshness_class": "offline-ok",
        "revocations": [],
    })
}

fn sources(scenario: Scenario, issuers: &Issuers<'_>) -> Vec<Json> {
    let source = |issuer: &str, subject: &str| {
        value!({
            "source_type": "software_jwks",
            "issuer": (issuer),
            "trust_domain": (TRUST_DOMAIN),
            "subject_exact": (subject),
            "required_key_binding": "software",
        })
    };
    let mut sources = vec![source(ISSUER, SUBJECT)];
    if scenario == Scenario::Acceptance {
        sources.push(source(ISSUER, FORMER_SUBJECT));
        sources.extend(tiers::rules());
    }
    if issuers.broker.is_some() {
        sources.push(source(broker::ISSUER, broker::SUBJECT));
    }
    sources
}

fn trust(scenario: Scenario, issuers: &Issuers<'_>, now: UnixTime) -> Json {
    let revocations = match scenario {
        Scenario::Acceptance => vec![value!({
            "type": "subject",
            "value": (FORMER_SUBJECT),
            "revoked_at": (now.minus(STALE).as_secs()),
            "reason": "left the project",
        })],
        Scenario::Orders => Vec::new(),
    };
    let granting = |issuer: &str, kid: &str, key: &PublicKey, class: &str| {
        value!({
            "issuer": (issuer),
            "trust_domain": (TRUST_DOMAIN),
            "keys": [{
                "kid": (kid),
                "alg": "EdDSA",
                "public_key_b64url": (key.to_base64url()),
                "max_key_binding": (class),
            }],
        })
    };
    // A key that lies in a file grants no more.
    let issuer = |issuer: &str, kid: &str, key: &PublicKey| granting(issuer, kid, key, "software");
    let mut known = vec![issuer(ISSUER, KID, issuers.caller)];
    if scenario == Scenario::Acceptance {
        known.push(issuer(tiers::SERVICE, tiers::SERVICE_KID, issuers.service));
    }
    known.extend(issuers.broker.map(|key| issuer(broker::ISSUER, broker::KID, key)));
    // What this one's passports say of workloads is what it verified; it is believed in that.
    known.extend(issuers.attested.map(|key| granting(attested::ISSUER, attested::KID, key, "attested_workload")));
    value!({ "issuers": (known), "revocations": (revocations) })
}
