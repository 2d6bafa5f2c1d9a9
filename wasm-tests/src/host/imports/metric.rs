//! Metrics.

use super::super::Delivery;
use super::super::memory::{Guest, read, write, write_u32};
use super::super::status::Stop;

pub(super) fn define(guest: &mut Guest<'_>, kind: u32, name: u32, name_size: u32, id_at: u32) -> Result<(), Stop> {
    let name = read(guest, name, name_size)?;
    if absent(guest) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    let id = guest.data_mut().metrics.define(kind, &name)?;
    write_u32(guest, id_at, id)
}

pub(super) fn increment(guest: &mut Guest<'_>, id: u32, offset: i64) -> Result<(), Stop> {
    if absent(guest) {
        return Ok(());
    }
    Ok(guest.data_mut().metrics.increment(id, offset)?)
}

pub(super) fn record(guest: &mut Guest<'_>, id: u32, value: u64) -> Result<(), Stop> {
    if absent(guest) {
        return Ok(());
    }
    Ok(guest.data_mut().metrics.record(id, value)?)
}

pub(super) fn value(guest: &mut Guest<'_>, id: u32, value_at: u32) -> Result<(), Stop> {
    if absent(guest) {
        return Ok(());
    }
    let value = guest.data_mut().metrics.value(id)?;
    write(guest, value_at, &value.to_le_bytes())
}

/// APISIX accepts metrics and keeps none.
fn absent(guest: &Guest<'_>) -> bool {
    guest.data().profile.delivery == Delivery::OnceIfAsked
}
