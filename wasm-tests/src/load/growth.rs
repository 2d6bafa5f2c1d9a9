use std::io;

use serde_json::{Value, json};
use trustplane_broker::SigningKey;

use super::callers::{DOMAIN, ISSUER};

/// How much the documents hold beside what the callers need.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Further routes, see [`super::Order::route`].
    pub routes: usize,
    /// Source rules of each; the callers' own is the last.
    pub sources: usize,
    /// Further issuers, with one key each.
    pub issuers: usize,
    /// Revocations of every type, about nobody here.
    pub revocations: usize,
}

impl Growth {
    /// Lets the two documents of a configuration grow.
    pub fn apply(&self, configuration: &mut Value) -> io::Result<()> {
        let policy = &mut configuration["policy_bundle"];
        policy["revocations"] = (0..self.revocations).map(revocation).collect();
        let routes = policy["route_groups"][0]["routes"].as_array_mut().ok_or(io::ErrorKind::InvalidData)?;
        routes.extend((0..self.routes).map(|number| self.route(number)));
        let issuers = configuration["trust_bundle"]["issuers"].as_array_mut().ok_or(io::ErrorKind::InvalidData)?;
        for number in 0..self.issuers {
            let key = SigningKey::generate().map_err(io::Error::other)?.public_key().to_base64url();
            issuers.push(json!({
                "issuer": issuer(number),
                "trust_domain": DOMAIN,
                "keys": [{ "kid": "1", "alg": "EdDSA", "public_key_b64url": key }],
            }));
        }
        Ok(())
    }

    fn route(&self, number: usize) -> Value {
        let others = (1..self.sources).map(|source| {
            json!({
                "issuer": issuer((number + source) % self.issuers.max(1)),
                "trust_domain": DOMAIN,
                "subject_exact": format!("service:other-{number}-{source}"),
                "required_key_binding": "software",
            })
        });
        let own = json!({
            "issuer": ISSUER,
            "trust_domain": DOMAIN,
            "subject_prefix": "service:",
            "required_key_binding": "software",
        });
        json!({
            "route_id": format!("further.{number}"),
            "method": "GET",
            "path_template": format!("/further-{number}/{{id}}"),
            "allowed_sources": others.chain([own]).collect::<Value>(),
        })
    }
}

/// The name of a further issuer; its key has the id `1`.
pub fn issuer(number: usize) -> String {
    format!("https://issuer-{number}.bench.example")
}

fn revocation(number: usize) -> Value {
    let (kind, value) = match number % 5 {
        0 => ("jti", format!("gone-{number}")),
        1 => ("kid", format!("gone-{number}")),
        2 => ("subject", format!("service:gone-{number}")),
        3 => ("issuer", format!("https://gone-{number}.bench.example")),
        _ => ("source", format!("service:gone-{number}/")),
    };
    json!({ "type": kind, "value": value, "revoked_at": 1 })
}
