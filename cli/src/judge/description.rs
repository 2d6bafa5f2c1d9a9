use serde::Deserialize;
use trustplane_core::json::{self, JsonError, Limits};
use trustplane_core::{UnixTime, base64url_bytes, hex_array};

use super::lines::Lines;
use super::request::{Body, Request};
use super::store::Store;
use crate::input::is_header_name;

/// A request in words, and what is asked about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = super::schema::consistent))]
pub struct RequestDescription {
    /// Method, upper case as it is sent.
    method: String,
    /// The scheme that the caller dialled, where the policy does not say; https where this is silent.
    scheme: Option<Scheme>,
    /// Host and port that the request names.
    authority: String,
    /// Path, with the query.
    path: String,
    /// Every header, repeats included: name and value.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::headers"))]
    headers: Vec<(String, String)>,
    /// The body, as text.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::any_text"))]
    body: Option<String>,
    /// The body, as unpadded base64url.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::base64url"))]
    body_b64url: Option<String>,
    /// SHA-256 of a body that is not here, and no longer than the route takes; lower-case hex.
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Digest>"))]
    body_sha256: Option<String>,
    /// Judge as of this time, Unix seconds; now where this is silent.
    at: Option<u64>,
    /// What the replay store is taken to answer; fresh where this is silent.
    store: Option<Store>,
    /// Show the transcript as the verifier rebuilt it.
    #[serde(default)]
    explain: bool,
    /// The `canonical_lines` of `trustplane sign --explain --json`, to show what differs.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::lines"))]
    signer_transcript: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Scheme {
    Http,
    Https,
}

/// A description that was read.
#[derive(Debug)]
pub struct Description {
    pub(crate) request: Request,
    pub(crate) at: Option<UnixTime>,
}

impl Description {
    /// The longest description that is read: a body of a mebibyte, and what goes with it.
    pub const MOST_BYTES: usize = 4 << 20;

    /// Reads a posted description.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let limits = Limits { max_bytes: Self::MOST_BYTES, max_depth: 4 };
        let value = json::parse(bytes, limits)?;
        json::check_present(&value)?;
        json::decode::<RequestDescription>(&value)?.read()
    }
}

impl RequestDescription {
    fn read(self) -> Result<Description, JsonError> {
        for (name, text) in [("method", &self.method), ("authority", &self.authority), ("path", &self.path)] {
            // No host hands a verifier such a request.
            if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(JsonError::new("empty, or with a control character").within(name));
            }
        }
        let body = self.body()?;
        let headers = self.headers.into_iter().enumerate().map(|(index, (name, value))| {
            let fault =
                |part: usize, problem: &str| Err(JsonError::new(problem).within(part).within(index).within("headers"));
            if !is_header_name(&name) {
                return fault(0, "no header's name");
            }
            // No host hands a verifier such a value: it would end the header.
            if value.bytes().any(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
                return fault(1, "a line break or a zero byte in a header's value");
            }
            Ok((name.to_ascii_lowercase(), value))
        });
        let signer = self.signer_transcript.map(Lines::new).transpose();
        let signer = signer.map_err(|error| error.within("signer_transcript"))?;
        if signer.is_some() && !self.explain {
            return Err(JsonError::new("is for an explanation, and `explain` is not true").within("signer_transcript"));
        }
        let scheme = match self.scheme {
            Some(Scheme::Http) => "http",
            Some(Scheme::Https) | None => "https",
        };
        let request = Request {
            method: self.method,
            scheme: scheme.to_owned(),
            authority: self.authority,
            target: self.path,
            headers: headers.collect::<Result<_, _>>()?,
            body,
            store: self.store.unwrap_or_default(),
            explain: self.explain,
            signer,
        };
        Ok(Description { request, at: self.at.map(UnixTime::from_secs) })
    }

    fn body(&self) -> Result<Body, JsonError> {
        match (&self.body, &self.body_b64url, &self.body_sha256) {
            (None, None, None) => Ok(Body::Bytes(Vec::new())),
            (Some(text), None, None) => Ok(Body::Bytes(text.clone().into_bytes())),
            (None, Some(text), None) => base64url_bytes(text.as_bytes())
                .map(Body::Bytes)
                .ok_or_else(|| JsonError::new("not unpadded base64url").within("body_b64url")),
            (None, None, Some(text)) => hex_array(text.as_bytes())
                .map(Body::Digest)
                .ok_or_else(|| JsonError::new("expected 64 hex digits in lower case").within("body_sha256")),
            _ => Err(JsonError::new("has more than one of body, body_b64url and body_sha256")),
        }
    }
}
