//! Other ways to know a caller than by a key of its own: a token service, and a fleet's key.

use std::net::SocketAddr;

use trustplane_broker::{SigningKey, mint};
use trustplane_core::UnixTime;

use super::caller::{Caller, Draft, ISSUER, TRUST_DOMAIN, message, outgoing};
use crate::client::Message;
use crate::exit::Fault;
use crate::sign_request::{Held, Stamp, sign_under};
use crate::value::{Json, value};

/// A service that knows its callers by OIDC and issues passports for their keys.
pub(super) const SERVICE: &str = "https://sts.local.trustplane.test";
pub(super) const SERVICE_KID: &str = "passports-1";
const RUNNER: &str = "system:serviceaccount:automation:orders-runner";
const FLEET: &str = "aws:ec2:us-east-1:";

/// The rules that let both in; what they call themselves grants nothing.
pub(super) fn rules() -> [Json; 2] {
    [
        value!({
            "source_type": "oidc_jwks",
            "issuer": (SERVICE),
            "trust_domain": (TRUST_DOMAIN),
            "subject_exact": (RUNNER),
            "required_key_binding": "software",
        }),
        value!({
            "source_type": "aws_ec2_software",
            "issuer": (ISSUER),
            "trust_domain": (TRUST_DOMAIN),
            "subject_prefix": (FLEET),
            "required_key_binding": "software",
        }),
    ]
}

impl Caller {
    /// A request of a caller that the token service vouches for: the passport names `named`, and
    /// `holder` signs the request.
    pub(crate) fn vouched(
        &self,
        (named, holder): (&SigningKey, &SigningKey),
        draft: &Draft,
        listener: SocketAddr,
        now: UnixTime,
    ) -> Result<Message, Fault> {
        let refused = |problem: String| Fault::new(problem);
        let stamp = Stamp::new(now.minus(draft.age), draft.ttl).map_err(|err| refused(err.to_string()))?;
        let claims = mint::Claims {
            issuer: SERVICE,
            subject: RUNNER,
            audience: draft.audience,
            issued_at: stamp.issued_at,
            expires_at: stamp.expires_at,
            jti: &stamp.jti,
            trust_domain: TRUST_DOMAIN,
            proof_key: named.public_key(),
            key_binding: draft.key_binding,
            provenance: None,
            context: &[],
        };
        let token =
            mint::mint_passport(&claims, SERVICE_KID, self.service()).map_err(|err| refused(err.to_string()))?;
        let held = Held { token, jti: stamp.jti, issued_at: stamp.issued_at, key_binding: draft.key_binding };
        let authority = listener.to_string();
        let request = outgoing(draft, &authority);
        let signed = sign_under(&held, holder, &request, &stamp.nonce).map_err(|err| refused(err.to_string()))?;
        Ok(message(&request, signed))
    }
}
