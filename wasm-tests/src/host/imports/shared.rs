//! Shared data, by the rule of the host.

use super::super::memory::{Guest, give, read, write_u32};
use super::super::status::Stop;

pub(super) fn get(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value_at: u32,
    size_at: u32,
    cas_at: u32,
) -> Result<(), Stop> {
    let key = read(guest, key, key_size)?;
    let state = guest.data();
    let rule = state.profile.shared_data;
    let (value, cas) = state.shared.get(rule, &state.vm_id, &key)?;
    give(guest, &value, value_at, size_at)?;
    write_u32(guest, cas_at, cas)
}

pub(super) fn set(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value: u32,
    value_size: u32,
    cas: u32,
) -> Result<(), Stop> {
    let key = read(guest, key, key_size)?;
    let bytes = read(guest, value, value_size)?;
    let state = guest.data();
    let rule = state.profile.shared_data;
    // A null pointer is how a guest says "no value".
    let bytes = (value != 0).then_some(bytes.as_slice());
    Ok(state.shared.set(rule, &state.vm_id, &key, bytes, cas)?)
}
