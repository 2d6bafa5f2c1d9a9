//! What is posted to the commands that serve.

use serde_json::{Value, json};

use crate::tool::PUBLIC;

/// What is asked of the development issuer, with every member.
pub fn passport_request() -> Value {
    json!({
        "subject": "s", "audience": "a", "trust_domain": "td", "ttl_seconds": 900, "public_key_b64url": PUBLIC,
        "key_binding": "software", "context": { "purpose": "p" },
    })
}

/// A request in words with every member, and each of the three ways to tell its body.
pub fn descriptions() -> [Value; 3] {
    let lines = [
        "version=trustplane-transcript-v1",
        "method=GET",
        "scheme=https",
        "authority=h",
        "path=/",
        "audience=a",
        "route_id=r",
        "content_encoding=identity",
        "query_normalization.algorithm=rfc3986-sort-keys-values",
        "query_normalization.normalized=",
        "query_normalization.sha256=",
        "query_sha256=",
        "headers.allow_list=x-trustplane-nonce",
        "headers.selected=",
        "body_sha256=",
        "passport_jti=j",
        "nonce=n",
        "issued_at=1",
        "time_bucket=0",
        "key_binding=software",
    ];
    [("body", "x".to_owned()), ("body_b64url", "_-8".to_owned()), ("body_sha256", "0a".repeat(32))].map(
        |(name, body)| {
            let mut description = json!({
                "method": "GET", "scheme": "http", "authority": "h", "path": "/?a", "headers": [["A", "b"], ["c", ""]],
                "at": 0, "store": "cold", "explain": true, "signer_transcript": lines,
            });
            description[name] = body.into();
            description
        },
    )
}
