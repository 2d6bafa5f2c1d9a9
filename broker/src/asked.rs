use trustplane_core::json::JsonError;
use trustplane_core::{
    CoveredHeader, KeyBinding, Transcript, UnixTime, canonical_authority, canonical_method, canonical_path, hex,
    hex_array, normalize_query, sha256,
};

use crate::ipc::{INTENT, NORMALIZATION, Request, Selected};

/// The covered header that carries the nonce.
const NONCE_HEADER: &str = "x-trustplane-nonce";

/// A request whose parts are canonical and agree with one another.
#[derive(Debug)]
pub struct Asked<'r> {
    request: &'r Request,
    query: String,
    headers: Vec<CoveredHeader<'r>>,
    body_sha256: [u8; 32],
    /// The class asked for.
    pub requested: KeyBinding,
    /// Classes that would do.
    pub acceptable: Vec<KeyBinding>,
    /// The context that enters the passport, in the caller's order.
    pub context: Vec<(String, String)>,
}

impl<'r> Asked<'r> {
    /// Checks a request; the fault says at which member of the line.
    pub fn check(request: &'r Request) -> Result<Self, JsonError> {
        let http = &request.http;
        let query = query(request)?;
        let headers = headers(request)?;
        let body_sha256 = digest("/request/http/body_sha256", &http.body_sha256)?;
        let asked = Self {
            requested: class("/request/key_binding/requested_key_binding", &request.key_binding.requested_key_binding)?,
            acceptable: acceptable(request)?,
            context: context(request)?,
            request,
            query,
            headers,
            body_sha256,
        };
        // By the verifier's own rules: nothing is signed that it would refuse to read.
        for (pointer, canonical) in [
            ("/request/request_id", is_printable(&request.request_id)),
            ("/request/http/method", canonical_method(http.method.as_bytes()).is_some()),
            ("/request/http/scheme", is_token(&http.scheme)),
            (
                "/request/http/authority",
                canonical_authority(http.authority.as_bytes()).as_deref() == Some(&*http.authority),
            ),
            ("/request/http/path", canonical_path(http.path.as_bytes()).is_some()),
            ("/request/http/content_encoding", !http.content_encoding.contains(char::is_uppercase)),
            (
                "/request/http/nonce",
                (1..=256).contains(&http.nonce.len()) && http.nonce.bytes().all(|byte| byte.is_ascii_graphic()),
            ),
            ("/request/key_binding/intent", request.key_binding.intent == INTENT),
        ] {
            if !canonical {
                return Err(fault(pointer, "not in its canonical form"));
            }
        }
        // A control character in any field could forge the lines after it.
        if !asked.transcript("jti", UnixTime::from_secs(1), asked.requested).is_sound() {
            return Err(fault(
                "/request/http",
                "a member is empty, has outer white space or holds a control character",
            ));
        }
        Ok(asked)
    }

    /// The request as it came.
    pub const fn request(&self) -> &'r Request {
        self.request
    }

    /// Whether `software` would do, though it was not asked for.
    pub const fn software_fallback(&self) -> bool {
        self.request.key_binding.allow_software_fallback
    }

    /// The transcript of this request under one passport, rebuilt from its fields: a digest that a
    /// caller sends is never signed.
    pub fn transcript<'a>(&'a self, jti: &'a str, issued_at: UnixTime, key_binding: KeyBinding) -> Transcript<'a> {
        let http = &self.request.http;
        Transcript {
            method: &http.method,
            scheme: &http.scheme,
            authority: &http.authority,
            path: &http.path,
            audience: &http.audience,
            route_id: &http.route_id,
            content_encoding: &http.content_encoding,
            query: &self.query,
            headers: &self.headers,
            body_sha256: self.body_sha256,
            passport_jti: jti,
            nonce: &http.nonce,
            issued_at: issued_at.as_secs(),
            key_binding,
        }
    }
}

fn query(request: &Request) -> Result<String, JsonError> {
    let query = &request.http.query;
    if query.normalization != NORMALIZATION {
        return Err(fault("/request/http/query/normalization", format!("expected {NORMALIZATION:?}")));
    }
    // The normaliser drops one `?`: with it the caller's query and ours would be two.
    if query.raw.starts_with('?') {
        return Err(fault("/request/http/query/raw", "a leading '?' is no part of the query"));
    }
    let normalized = normalize_query(query.raw.as_bytes())
        .map_err(|problem| fault("/request/http/query/raw", problem.to_string()))?;
    if query.normalized != normalized {
        return Err(fault("/request/http/query/normalized", "not the normal form of raw"));
    }
    if query.sha256 != hex(&sha256(normalized.as_bytes())) {
        return Err(fault("/request/http/query/sha256", "not the SHA-256 of normalized"));
    }
    Ok(normalized)
}

fn headers(request: &Request) -> Result<Vec<CoveredHeader<'_>>, JsonError> {
    let headers = &request.http.headers;
    if !headers.allow_list.is_sorted_by(|a, b| a < b) {
        return Err(fault("/request/http/headers/allow_list", "not sorted, or a name twice"));
    }
    if !headers.allow_list.iter().eq(headers.selected.iter().map(|selected| &selected.name)) {
        return Err(fault("/request/http/headers/selected", "not the names of allow_list"));
    }
    let covered = headers.selected.iter().enumerate().map(|(index, Selected { name, value_sha256 })| {
        let pointer = format!("/request/http/headers/selected/{index}/value_sha256");
        Ok(CoveredHeader { name, value_sha256: digest(&pointer, value_sha256)? })
    });
    let covered: Vec<_> = covered.collect::<Result<_, JsonError>>()?;
    let nonce = covered.iter().find(|header| header.name == NONCE_HEADER);
    if nonce.is_none_or(|header| header.value_sha256 != sha256(request.http.nonce.as_bytes())) {
        return Err(fault("/request/http/headers/selected", "the nonce's header is missing or is not its SHA-256"));
    }
    Ok(covered)
}

fn acceptable(request: &Request) -> Result<Vec<KeyBinding>, JsonError> {
    let names = request.key_binding.acceptable_key_bindings.iter().enumerate();
    names.map(|(index, name)| class(&format!("/request/key_binding/acceptable_key_bindings/{index}"), name)).collect()
}

fn context(request: &Request) -> Result<Vec<(String, String)>, JsonError> {
    let mut context: Vec<(String, String)> = Vec::new();
    for (index, name) in request.ctx.selected_fields.iter().enumerate() {
        let at = |problem| fault(&format!("/request/ctx/selected_fields/{index}"), problem);
        let value = request.ctx.values.get(name).ok_or_else(|| at("no value of this name"))?;
        if !is_printable(name) || name.is_empty() || !is_printable(value) {
            return Err(at("the name is empty, or name or value hold a control character"));
        }
        if context.iter().any(|(earlier, _)| earlier == name) {
            return Err(at("named twice"));
        }
        context.push((name.clone(), value.clone()));
    }
    Ok(context)
}

fn class(pointer: &str, name: &str) -> Result<KeyBinding, JsonError> {
    KeyBinding::parse(name).ok_or_else(|| fault(pointer, "no key-binding class"))
}

fn digest(pointer: &str, text: &str) -> Result<[u8; 32], JsonError> {
    hex_array(text.as_bytes()).ok_or_else(|| fault(pointer, "not 64 lower-case hex digits"))
}

fn is_printable(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_control())
}

/// Visible ASCII without capitals.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}

fn fault(pointer: &str, problem: impl Into<String>) -> JsonError {
    JsonError { pointer: pointer.into(), ..JsonError::new(problem) }
}
