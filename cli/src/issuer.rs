//! An issuer whose key this process holds.

mod args;
mod endpoint;
mod request;

use trustplane_broker::SigningKey;
use trustplane_core::{DocumentError, UnixTime};

use crate::bundle::{self, Kind, Signer};
use crate::value::{pretty, value};

pub(crate) use args::IssuerArgs;
pub(crate) use endpoint::{Issued, Issuing};
pub use request::PassportRequest;
#[cfg(feature = "schema")]
pub use request::schema;

/// Who issues, and under which key.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) key: SigningKey,
    /// `iss`.
    pub(crate) name: String,
    pub(crate) kid: String,
    pub(crate) trust_domain: String,
}

impl Issuer {
    /// The key is on this host, in a file or in memory: it grants `software` and no more.
    pub(crate) fn trust_material(&self, issued_at: UnixTime) -> Result<String, DocumentError> {
        let authored = value!({
            "issuers": [{
                "issuer": (self.name.as_str()),
                "trust_domain": (self.trust_domain.as_str()),
                "keys": [{
                    "kid": (self.kid.as_str()),
                    "alg": "EdDSA",
                    "public_key_b64url": (self.key.public_key().to_base64url()),
                    "max_key_binding": "software",
                }],
            }],
            "revocations": [],
        });
        let document = bundle::build(Kind::Trust, authored)?;
        let signer = Signer { key: &self.key, issuer: &self.name, kid: &self.kid, issued_at };
        bundle::sign(Kind::Trust, &document, &signer).map(|document| pretty(&document))
    }
}
