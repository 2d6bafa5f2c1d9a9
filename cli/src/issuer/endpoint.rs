use hyper::StatusCode;
use trustplane_broker::mint::{Claims, mint_passport};
use trustplane_core::json::JsonError;
use trustplane_core::{KeyBinding, UnixTime};

use super::{Issuer, PassportRequest};
use crate::clock;
use crate::output::Report;
use crate::serve::{Endpoint, Reply};
use crate::sign_request::Stamp;

/// A passport, and what it says.
#[derive(Debug)]
pub(crate) struct Issued {
    token: String,
    request: PassportRequest,
    stamp: Stamp,
}

/// An issuer that is asked over HTTP, and who hears of what it issued.
pub(crate) struct Issuing<T> {
    pub(crate) issuer: Issuer,
    pub(crate) tell: T,
}

impl Issuer {
    fn issue(&self, body: &[u8], now: UnixTime) -> Result<Issued, JsonError> {
        let request = PassportRequest::parse(body)?;
        if request.trust_domain.as_ref().is_some_and(|own| *own != self.trust_domain) {
            let problem = format!("this issuer speaks for {:?}", self.trust_domain);
            return Err(JsonError::new(problem).within("trust_domain"));
        }
        let stamp = Stamp::new(now, request.ttl_seconds).map_err(|err| JsonError::new(err.to_string()))?;
        let context: Vec<_> = request.context.clone().into_iter().collect();
        let claims = Claims {
            issuer: &self.name,
            subject: &request.subject,
            audience: &request.audience,
            issued_at: stamp.issued_at,
            expires_at: stamp.expires_at,
            jti: &stamp.jti,
            trust_domain: &self.trust_domain,
            proof_key: &request.proof_key()?,
            key_binding: KeyBinding::Software,
            provenance: None,
            context: &context,
        };
        let token = mint_passport(&claims, &self.kid, &self.key).map_err(|err| JsonError::new(err.to_string()))?;
        Ok(Issued { token, request, stamp })
    }
}

impl Issued {
    /// One line for the issuer's own user.
    pub(crate) fn line(&self) -> String {
        let Self { request, stamp, .. } = self;
        format!("issued {} to {:?} for {:?}", stamp.jti, request.subject, request.audience)
    }

    fn report(&self, issuer: &Issuer) -> Report {
        let Self { token, request, stamp } = self;
        Report::new()
            .with("token", token.as_str())
            .with("issuer", issuer.name.as_str())
            .with("kid", issuer.kid.as_str())
            .with("subject", request.subject.as_str())
            .with("audience", request.audience.as_str())
            .with("trust_domain", issuer.trust_domain.as_str())
            .with("jti", stamp.jti.as_str())
            .with("issued_at", stamp.issued_at.as_secs())
            .with("expires_at", stamp.expires_at.as_secs())
            .with("key_binding", request.key_binding.as_str())
    }
}

impl<T: Fn(&Issued) + Send + Sync + 'static> Endpoint for Issuing<T> {
    const PATH: &'static str = "/v1/passports";
    const MOST_BYTES: usize = PassportRequest::MOST_BYTES;

    fn answer(&self, body: &[u8]) -> Reply {
        match self.issuer.issue(body, clock::now()) {
            Ok(issued) => {
                (self.tell)(&issued);
                Reply::new(StatusCode::CREATED, &issued.report(&self.issuer))
            }
            Err(error) => Reply::faulty(body, error),
        }
    }
}
