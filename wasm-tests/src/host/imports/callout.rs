//! `proxy_http_call`.

use super::super::Callout;
use super::super::memory::{Guest, read, write_u32};
use super::super::pairs::{decode, first};
use super::super::status::{Status, Stop};

// What an HTTP request cannot be without.
const REQUIRED: [&[u8]; 3] = [b":method", b":path", b":authority"];

#[expect(clippy::too_many_arguments, reason = "the ABI's own list")]
pub(super) fn http_call(
    guest: &mut Guest<'_>,
    upstream: u32,
    upstream_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout_ms: u32,
    token_at: u32,
) -> Result<(), Stop> {
    let upstream = read(guest, upstream, upstream_size)?;
    let upstream = String::from_utf8_lossy(&upstream).into_owned();
    let headers = decode(&read(guest, headers, headers_size)?);
    let body = read(guest, body, body_size)?;
    let trailers = decode(&read(guest, trailers, trailers_size)?);
    write_u32(guest, token_at, 0)?;

    let state = guest.data_mut();
    let known = state.upstreams.as_ref();
    if known.is_some_and(|known| !known.contains(&upstream))
        || i32::try_from(timeout_ms).is_err()
        || REQUIRED.iter().any(|name| first(&headers, name).is_none())
    {
        return Err(Status::BadArgument.into());
    }
    let token = u32::try_from(state.callouts.len()).map_err(|_| Status::InternalFailure)? + 1;
    let context = state.acting();
    let callout = Callout { token, context, upstream, headers, body, trailers, timeout_ms };
    if let Some(stream) = state.stream_mut() {
        stream.outcome.callouts.push(callout.clone());
    }
    state.callouts.push(callout);
    state.pending.push(token);
    write_u32(guest, token_at, token)
}
