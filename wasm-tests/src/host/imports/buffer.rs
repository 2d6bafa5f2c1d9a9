//! `proxy_get_buffer_bytes`: bodies and configurations.

use super::super::memory::{Guest, give};
use super::super::state::State;
use super::super::status::{Status, Stop};
use super::super::{Answer, BufferKind, Delivery};

const LAST_KIND: u32 = 8;

pub(super) fn get(
    guest: &mut Guest<'_>,
    kind: u32,
    start: u32,
    size: u32,
    bytes_at: u32,
    size_at: u32,
) -> Result<(), Stop> {
    let state = guest.data();
    let kind = match kind {
        0 => BufferKind::RequestBody,
        4 => BufferKind::CalloutBody,
        6 => BufferKind::VmConfiguration,
        7 => BufferKind::PluginConfiguration,
        1..=LAST_KIND => return Err(Status::NotFound.into()),
        _ => return Err(Status::BadArgument.into()),
    };
    let buffer = buffer(state, kind).ok_or(Status::NotFound)?;
    let mut part = part(state, kind, buffer, start, size)?.to_vec();
    part.truncate(part.len().saturating_sub(state.faults.shortened(kind)));
    give(guest, &part, bytes_at, size_at)
}

fn buffer(state: &State, kind: BufferKind) -> Option<&[u8]> {
    match kind {
        BufferKind::VmConfiguration => Some(&state.vm_config),
        BufferKind::PluginConfiguration => state.plugin_config.as_deref(),
        BufferKind::CalloutBody => match state.answer.as_ref()? {
            Answer::Response { body, .. } => Some(body),
            Answer::Reset | Answer::Never => None,
        },
        BufferKind::RequestBody => {
            let stream = state.stream()?;
            match state.profile.delivery {
                // The last body this worker saw, of whatever request.
                Delivery::OnceIfAsked => Some(&state.stale_body),
                Delivery::OnceIfAny => Some(stream.body()).filter(|body| !body.is_empty()),
                Delivery::Stream { .. } => Some(stream.body()),
            }
        }
    }
}

fn part<'b>(state: &State, kind: BufferKind, buffer: &'b [u8], start: u32, size: u32) -> Result<&'b [u8], Status> {
    let asked = start as usize;
    let end = start.checked_add(size).ok_or(Status::BadArgument)? as usize;
    match state.profile.delivery {
        Delivery::OnceIfAsked if buffer.is_empty() => Err(Status::NotFound),
        Delivery::OnceIfAsked if kind == BufferKind::PluginConfiguration => Ok(buffer),
        Delivery::OnceIfAsked if size == 0 || asked >= buffer.len() => Err(Status::BadArgument),
        _ => {
            let (start, end) = if state.profile.buffer_offsets { (asked, end) } else { (0, size as usize) };
            let end = end.min(buffer.len());
            Ok(buffer.get(start..end).unwrap_or_default())
        }
    }
}
