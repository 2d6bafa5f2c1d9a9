use std::net::SocketAddr;

use trustplane_broker::SigningKey;
use trustplane_core::{KeyBinding, UnixTime};

use crate::client::Message;
use crate::exit::Fault;
use crate::sign_request::{self, Outgoing, SignedRequest, Stamp, sign_request};
use crate::value::{Json, value};

/// Of every caller of the local stack.
pub const TRUST_DOMAIN: &str = "local.trustplane.test";
pub(crate) const ISSUER: &str = "https://issuer.local.trustplane.test";
pub(super) const SUBJECT: &str = "service:orders-client";
/// Revoked in the acceptance scenario.
pub(super) const FORMER_SUBJECT: &str = "service:former-client";
pub(super) const KID: &str = "orders-client-1";
/// What every route of the local stack is for.
pub const AUDIENCE: &str = "orders-api";

/// A caller that issues its own passports, known to the local stack.
#[derive(Debug)]
pub struct Caller {
    key: SigningKey,
    /// Of the token service that vouches for others.
    service: SigningKey,
}

/// A request of the local stack's caller, before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Upper case.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The route's id.
    pub route_id: &'static str,
    /// `aud`.
    pub audience: &'static str,
    /// `sub`.
    pub subject: &'static str,
    /// The key's id.
    pub kid: &'static str,
    /// The class that is claimed.
    pub key_binding: KeyBinding,
    /// Headers to cover.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long ago the passport was issued.
    pub age: u64,
    /// How long it lives.
    pub ttl: u64,
}

impl Draft {
    /// `GET /orders/{id}`.
    pub fn get(target: &str) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            route_id: "orders.read",
            audience: AUDIENCE,
            subject: SUBJECT,
            kid: KID,
            key_binding: KeyBinding::Software,
            headers: Vec::new(),
            body: Vec::new(),
            age: 0,
            ttl: 600,
        }
    }

    /// `POST /orders` with a JSON body.
    pub fn post(body: &str) -> Self {
        Self {
            method: "POST",
            route_id: "orders.create",
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: body.into(),
            ..Self::get("/orders")
        }
    }
}

impl Caller {
    pub(super) fn new(key: SigningKey, service: SigningKey) -> Self {
        Self { key, service }
    }

    pub(super) fn service(&self) -> &SigningKey {
        &self.service
    }

    /// Its key, which signs passports and proofs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The draft, signed for a listener and ready to be sent once.
    pub fn sign(&self, draft: &Draft, listener: SocketAddr, now: UnixTime) -> Result<Message, Fault> {
        sign_with(&self.key, draft, listener, now, message)
    }

    /// The same under a key that is not this caller's.
    pub fn forge(
        &self,
        key: &SigningKey,
        draft: &Draft,
        listener: SocketAddr,
        now: UnixTime,
    ) -> Result<Message, Fault> {
        sign_with(key, draft, listener, now, message)
    }

    /// The draft, signed and put into another form than a message.
    pub(crate) fn sign_as<T>(
        &self,
        draft: &Draft,
        listener: SocketAddr,
        now: UnixTime,
        form: impl FnOnce(&Outgoing<'_>, SignedRequest) -> T,
    ) -> Result<T, Fault> {
        sign_with(&self.key, draft, listener, now, form)
    }
}

/// The signing profile of `GET /orders/{id}`, as the official SDK's `SigningProfile.from_control`
/// takes it.
pub fn get_profile(listener: SocketAddr) -> Json {
    profile("GET", "orders.read", "/orders/{id}", listener)
}

/// The signing profile of `POST /orders`.
pub fn post_profile(listener: SocketAddr) -> Json {
    profile("POST", "orders.create", "/orders", listener)
}

fn profile(method: &str, route_id: &str, route_path: &str, listener: SocketAddr) -> Json {
    value!({
        "state": "active",
        "reason": "",
        "key_origin": "local",
        "request_base_url": (format!("http://{listener}")),
        "kid": (KID),
        "subject": (SUBJECT),
        "trust_domain": (TRUST_DOMAIN),
        "issuer": (ISSUER),
        "audience": (AUDIENCE),
        "route_id": (route_id),
        "canonical_route_id": (route_id),
        "route_match_type": "Exact",
        "route_path": (route_path),
        "method": (method),
    })
}

fn sign_with<T>(
    key: &SigningKey,
    draft: &Draft,
    listener: SocketAddr,
    now: UnixTime,
    form: impl FnOnce(&Outgoing<'_>, SignedRequest) -> T,
) -> Result<T, Fault> {
    let caller = sign_request::Caller {
        key,
        kid: draft.kid,
        issuer: ISSUER,
        subject: draft.subject,
        trust_domain: TRUST_DOMAIN,
        key_binding: draft.key_binding,
    };
    let authority = listener.to_string();
    let request = outgoing(draft, &authority);
    let stamp = Stamp::new(now.minus(draft.age), draft.ttl).map_err(|err| Fault::new(err.to_string()))?;
    let signed = sign_request(&caller, &request, &stamp).map_err(|err| Fault::new(err.to_string()))?;
    Ok(form(&request, signed))
}

pub(super) fn outgoing<'a>(draft: &'a Draft, authority: &'a str) -> Outgoing<'a> {
    Outgoing {
        method: draft.method,
        scheme: "http",
        authority,
        target: &draft.target,
        audience: draft.audience,
        route_id: draft.route_id,
        headers: &draft.headers,
        body: &draft.body,
    }
}

pub(super) fn message(request: &Outgoing<'_>, signed: SignedRequest) -> Message {
    let mut headers = request.headers.to_vec();
    headers.extend(signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Message {
        method: request.method.into(),
        target: request.target.into(),
        authority: request.authority.into(),
        headers,
        body: request.body.into(),
    }
}
