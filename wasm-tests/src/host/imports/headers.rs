//! Header maps. One that is not there reads as empty when read whole, and
//! answers 2 to everything else.

use super::super::memory::{Guest, give, read, write_u32};
use super::super::pairs;
use super::super::state::State;
use super::super::status::{Status, Stop};
use super::super::{Answer, Pair};

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const CALLOUT_HEADERS: u32 = 6;
const CALLOUT_TRAILERS: u32 = 7;
const LAST_MAP: u32 = 8;

pub(super) fn pairs(guest: &mut Guest<'_>, map: u32, pairs_at: u32, size_at: u32) -> Result<(), Stop> {
    let found = view(guest.data(), map)?.unwrap_or_default();
    let bytes = if found.is_empty() { Vec::new() } else { pairs::encode(&found) };
    give(guest, &bytes, pairs_at, size_at)
}

pub(super) fn size(guest: &mut Guest<'_>, map: u32, size_at: u32) -> Result<(), Stop> {
    let found = view(guest.data(), map)?.ok_or(Status::BadArgument)?;
    let bytes: usize = found.iter().map(|(name, value)| name.len() + value.len()).sum();
    let bytes = u32::try_from(bytes).map_err(|_| Status::InternalFailure)?;
    write_u32(guest, size_at, bytes)
}

pub(super) fn value(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value_at: u32,
    size_at: u32,
) -> Result<(), Stop> {
    let name = read(guest, name, name_size)?.to_ascii_lowercase();
    let found = view(guest.data(), map)?.ok_or(Status::BadArgument)?;
    let value = pairs::first(&found, &name).ok_or(Status::NotFound)?;
    give(guest, value, value_at, size_at)
}

pub(super) fn set_pairs(guest: &mut Guest<'_>, map: u32, at: u32, size: u32) -> Result<(), Stop> {
    let new = pairs::decode(&read(guest, at, size)?);
    let new = new.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    edit(guest.data_mut(), map, |pairs| *pairs = new.collect())
}

pub(super) fn add(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Stop> {
    let name = read(guest, name, name_size)?.to_ascii_lowercase();
    let value = read(guest, value, value_size)?;
    edit(guest.data_mut(), map, |pairs| pairs.push((name, value)))
}

pub(super) fn replace(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Stop> {
    let name = read(guest, name, name_size)?.to_ascii_lowercase();
    let value = read(guest, value, value_size)?;
    edit(guest.data_mut(), map, |pairs| {
        let first = pairs.iter().position(|(key, _)| *key == name);
        let at = first.unwrap_or(pairs.len());
        pairs.retain(|(key, _)| *key != name);
        pairs.insert(at, (name, value));
    })
}

pub(super) fn remove(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32) -> Result<(), Stop> {
    let name = read(guest, name, name_size)?.to_ascii_lowercase();
    edit(guest.data_mut(), map, |pairs| pairs.retain(|(key, _)| *key != name))
}

fn view(state: &State, map: u32) -> Result<Option<Vec<Pair>>, Status> {
    let stream = state.stream();
    let found = match map {
        REQUEST_HEADERS => {
            stream.filter(|stream| stream.headers_there).map(|stream| state.profile.head.of(&stream.headers))
        }
        REQUEST_TRAILERS => stream.filter(|stream| stream.trailers_there).map(|stream| stream.trailers.clone()),
        CALLOUT_HEADERS | CALLOUT_TRAILERS => match &state.answer {
            Some(Answer::Response { headers, .. }) if map == CALLOUT_HEADERS => Some(headers.clone()),
            Some(Answer::Response { trailers, .. }) => Some(trailers.clone()),
            _ => None,
        },
        _ if map <= LAST_MAP => None,
        _ => return Err(Status::BadArgument),
    };
    Ok(found)
}

fn edit(state: &mut State, map: u32, edit: impl FnOnce(&mut Vec<Pair>)) -> Result<(), Stop> {
    let stream = state.stream_mut().ok_or(Status::BadArgument)?;
    match map {
        REQUEST_HEADERS if stream.headers_there => {
            if stream.outcome.forwarded.is_some() {
                stream.violation("a header was edited after the head had gone upstream");
            }
            // Envoy then chooses the route again, by the edited headers.
            stream.outcome.route_clears += 1;
            edit(&mut stream.headers);
        }
        REQUEST_TRAILERS if stream.trailers_there => edit(&mut stream.trailers),
        _ => return Err(Status::BadArgument.into()),
    }
    Ok(())
}
