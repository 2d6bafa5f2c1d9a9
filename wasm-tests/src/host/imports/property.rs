//! Properties: what the host knows of the request, and what the guest leaves
//! behind for access logs.

use super::super::memory::{Guest, give, read};
use super::super::pairs::first;
use super::super::state::State;
use super::super::status::{Status, Stop};
use super::super::{Delivery, HeadView};

pub(super) fn get(guest: &mut Guest<'_>, path: u32, path_size: u32, value_at: u32, size_at: u32) -> Result<(), Stop> {
    let path = dotted(&read(guest, path, path_size)?);
    let value = find(guest.data(), &path).ok_or(Status::NotFound)?;
    give(guest, &value, value_at, size_at)
}

pub(super) fn set(guest: &mut Guest<'_>, path: u32, path_size: u32, value: u32, value_size: u32) -> Result<(), Stop> {
    let path = dotted(&read(guest, path, path_size)?);
    let value = read(guest, value, value_size)?;
    let state = guest.data_mut();
    let known = state.profile.settable;
    if known.is_some_and(|known| !known.contains(&path.as_str())) {
        return Err(Status::NotFound.into());
    }
    let stream = state.stream_mut().ok_or(Status::NotFound)?;
    stream.outcome.properties.insert(path, value);
    Ok(())
}

/// Path parts come with zero bytes between them.
fn dotted(path: &[u8]) -> String {
    String::from_utf8_lossy(path).replace('\0', ".")
}

fn find(state: &State, path: &str) -> Option<Vec<u8>> {
    let stream = state.stream();
    let own = stream.and_then(|stream| stream.outcome.properties.get(path));
    if let Some(value) = own.or_else(|| state.properties.get(path)) {
        return Some(value.clone());
    }
    // APISIX knows nginx variables only, none of these names.
    let stream = stream.filter(|_| state.profile.delivery != Delivery::OnceIfAsked)?;
    let header = |name: &str| first(&stream.headers, name.as_bytes()).map(<[u8]>::to_vec);
    match path {
        "request.method" => header(":method"),
        "request.scheme" => header(":scheme"),
        "request.host" => header(":authority"),
        "request.path" => header(":path"),
        // A plaintext connection, until a test says otherwise.
        "connection.mtls" if state.profile.head == HeadView::AsSent => Some(vec![0]),
        _ => None,
    }
}
