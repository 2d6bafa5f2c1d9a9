//! The caller's side of broker IPC v1.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use trustplane_core::json::{JsonError, Limits, decode, parse};
use trustplane_core::{KeyBinding, QueryError, base64url, hex, normalize_query, sha256};

use crate::ipc::{
    Artifacts, Ctx, Envelope, Headers, Http, INTENT, KIND, NORMALIZATION, OPERATION, PASSPORT_FORMAT, PROTOCOL, Query,
    Request, Response, STAMP_FORMAT, Selected, VERSION, Wish,
};

/// No answer is longer.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// A request that a caller is about to make, in the forms of the transcript.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Lower case.
    pub scheme: &'a str,
    /// Lower case.
    pub authority: &'a str,
    /// As it will be sent.
    pub path: &'a str,
    /// Without `?`.
    pub query: &'a str,
    /// Lower case, `identity` when there is none.
    pub content_encoding: &'a str,
    /// Headers to cover, besides the nonce's.
    pub headers: &'a [(&'a str, &'a str)],
    /// The route's audience.
    pub audience: &'a str,
    /// The route.
    pub route_id: &'a str,
    /// Digest of the body.
    pub body_sha256: [u8; 32],
    /// Sixteen random bytes; they become nonce and request id.
    pub random: [u8; 16],
    /// The class asked for.
    pub key_binding: KeyBinding,
    /// Whether `software` would do, too.
    pub allow_software_fallback: bool,
    /// Context to assert.
    pub context: &'a [(&'a str, &'a str)],
}

/// Why there is no answer from the broker; a denial is one.
#[derive(Debug)]
pub enum AskError {
    /// What came is no answer to what was asked.
    Answer(String),
    /// The socket could not be used.
    Io(io::Error),
}

impl Ask<'_> {
    /// The request of broker IPC.
    pub fn request(&self) -> Result<Request, QueryError> {
        let nonce = hex_of(&self.random);
        let normalized = normalize_query(self.query.as_bytes())?;
        let mut covered: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in self.headers.iter().chain([&("x-trustplane-nonce", nonce.as_str())]) {
            let value = value.trim_matches([' ', '\t']);
            covered.insert(name.to_ascii_lowercase(), hex(&sha256(value.as_bytes())));
        }
        Ok(Request {
            request_id: format!("ask-{}", base64url(&self.random)),
            protocol: PROTOCOL.into(),
            operation: OPERATION.into(),
            http: Http {
                method: self.method.into(),
                scheme: self.scheme.into(),
                authority: self.authority.into(),
                path: self.path.into(),
                content_encoding: self.content_encoding.into(),
                query: Query {
                    raw: self.query.into(),
                    normalization: NORMALIZATION.into(),
                    sha256: hex(&sha256(normalized.as_bytes())),
                    normalized,
                },
                headers: Headers {
                    allow_list: covered.keys().cloned().collect(),
                    selected: covered.into_iter().map(|(name, value_sha256)| Selected { name, value_sha256 }).collect(),
                },
                audience: self.audience.into(),
                route_id: self.route_id.into(),
                body_sha256: hex(&self.body_sha256),
                nonce,
            },
            key_binding: Wish {
                intent: INTENT.into(),
                requested_key_binding: self.key_binding.as_str().into(),
                acceptable_key_bindings: [self.key_binding.as_str().into()].into(),
                allow_software_fallback: self.allow_software_fallback,
            },
            ctx: Ctx {
                selected_fields: self.context.iter().map(|(name, _)| (*name).into()).collect(),
                values: self.context.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            },
        })
    }
}

/// Asks the broker at `socket`; a denial is an answer.
pub fn ask(socket: &Path, request: &Request, patience: Duration) -> Result<Response, AskError> {
    let envelope = Envelope { version: VERSION.into(), kind: KIND.into(), request: request.clone() };
    let mut line = serde_json::to_vec(&envelope).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(MAX_ANSWER_BYTES)).read_until(b'\n', &mut answer)?;
    let value = parse(&answer, Limits { max_bytes: 1 << 20, ..Limits::IPC })?;
    let response: Response = decode(&value)?;
    if response.request_id != request.request_id {
        return Err(AskError::Answer("it echoes another request_id".into()));
    }
    Ok(response)
}

/// The five headers that carry what was issued for `request`; `None` for a denial.
pub fn headers(request: &Request, response: &Response) -> Option<[(&'static str, String); 5]> {
    let Artifacts { passport, stamp } = response.artifacts.as_ref().filter(|_| response.accepted)?;
    if passport.format != PASSPORT_FORMAT || stamp.format != STAMP_FORMAT {
        return None;
    }
    Some([
        ("Authorization", format!("Bearer {}", passport.value)),
        ("X-TrustPlane-Transcript-SHA256", stamp.transcript_sha256.clone()),
        ("X-TrustPlane-Proof", stamp.value.clone()),
        ("X-TrustPlane-Nonce", request.http.nonce.clone()),
        ("X-TrustPlane-Body-SHA256", request.http.body_sha256.clone()),
    ])
}

fn hex_of(random: &[u8; 16]) -> String {
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<io::Error> for AskError {
    fn from(err: io::Error) -> Self {
        Self::Io(err)
    }
}

impl From<JsonError> for AskError {
    fn from(err: JsonError) -> Self {
        Self::Answer(err.to_string())
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(problem) => write!(f, "the broker's answer is not one: {problem}"),
            Self::Io(err) => write!(f, "the broker cannot be reached: {err}"),
        }
    }
}

impl std::error::Error for AskError {}
