//! Logs, time, and what becomes of a stream.

use super::super::memory::{Guest, give, read, write, write_u32};
use super::super::pairs;
use super::super::state::Deferred;
use super::super::status::{Status, Stop};
use super::super::{Delivery, LocalResponse, LogLine};

const REQUEST_STREAM: u32 = 0;
const LAST_STREAM: u32 = 3;

pub(super) fn log(guest: &mut Guest<'_>, level: u32, text: u32, size: u32) -> Result<(), Stop> {
    let text = read(guest, text, size)?;
    if level > 5 {
        return Err(Status::BadArgument.into());
    }
    let state = guest.data_mut();
    let context = state.acting();
    let message = String::from_utf8_lossy(&text).into_owned();
    state.logs.push(LogLine { context, level, message });
    Ok(())
}

pub(super) fn log_level(guest: &mut Guest<'_>, level_at: u32) -> Result<(), Stop> {
    let level = guest.data().log_level;
    write_u32(guest, level_at, level)
}

pub(super) fn now(guest: &mut Guest<'_>, time_at: u32) -> Result<(), Stop> {
    let now = guest.data().now_nanos;
    write(guest, time_at, &now.to_le_bytes())
}

pub(super) fn set_tick_period(guest: &mut Guest<'_>, period: u32) -> Result<(), Stop> {
    guest.data_mut().tick_period_ms = period;
    Ok(())
}

pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Result<(), Stop> {
    let state = guest.data_mut();
    if !state.knows(context) {
        return Err(Status::BadArgument.into());
    }
    state.effective = Some(context);
    Ok(())
}

// Only a context whose `proxy_on_done` answered no may be done later, and this
// host deletes contexts at once.
pub(super) fn done(_guest: &mut Guest<'_>) -> Result<(), Stop> {
    Err(Status::NotFound.into())
}

pub(super) fn status(guest: &mut Guest<'_>, code_at: u32, text_at: u32, size_at: u32) -> Result<(), Stop> {
    write_u32(guest, code_at, 0)?;
    give(guest, b"", text_at, size_at)
}

pub(super) fn continue_stream(guest: &mut Guest<'_>, kind: u32) -> Result<(), Stop> {
    if kind > LAST_STREAM {
        return Err(Status::BadArgument.into());
    }
    let state = guest.data_mut();
    // APISIX answers yes and does nothing.
    if kind != REQUEST_STREAM || state.profile.delivery == Delivery::OnceIfAsked {
        return Ok(());
    }
    let acting = state.acting();
    let streams = state.profile.streams();
    if let Some(stream) = state.stream_mut() {
        // Envoy takes the maps away at once, before the stream moves on.
        if streams {
            stream.headers_there = false;
            stream.trailers_there = false;
        }
        state.deferred.push((acting, Deferred::Resume));
    }
    Ok(())
}

pub(super) fn close_stream(guest: &mut Guest<'_>, kind: u32) -> Result<(), Stop> {
    if kind > LAST_STREAM {
        return Err(Status::BadArgument.into());
    }
    let state = guest.data_mut();
    let acting = state.acting();
    if state.stream().is_some() && state.profile.delivery != Delivery::OnceIfAsked {
        state.deferred.push((acting, Deferred::Close));
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's own list")]
pub(super) fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: i32,
) -> Result<(), Stop> {
    let reply = LocalResponse {
        status,
        details: read(guest, details, details_size)?,
        body: read(guest, body, body_size)?,
        headers: pairs::decode(&read(guest, headers, headers_size)?),
        grpc_status,
        by_host: false,
    };
    let state = guest.data_mut();
    let acting = state.acting();
    if state.stream().is_some() {
        state.deferred.push((acting, Deferred::Reply(reply)));
    }
    Ok(())
}
