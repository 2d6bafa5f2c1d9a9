//! The guest's memory, as hostcalls read and write it.

use wasmi::{AsContext, AsContextMut, Caller};

use super::Status;
use super::state::State;
use super::status::Stop;

pub(super) type Guest<'c> = Caller<'c, State>;

pub(super) fn read(guest: &Guest<'_>, at: u32, size: u32) -> Result<Vec<u8>, Stop> {
    let data = guest.data().memory.ok_or(Status::InternalFailure)?;
    let data = data.data(guest.as_context());
    let start = at as usize;
    let bytes = data.get(start..start + size as usize);
    Ok(bytes.ok_or(Status::InvalidMemoryAccess)?.to_vec())
}

pub(super) fn write(guest: &mut Guest<'_>, at: u32, bytes: &[u8]) -> Result<(), Stop> {
    let memory = guest.data().memory.ok_or(Status::InternalFailure)?;
    let written = memory.write(guest.as_context_mut(), at as usize, bytes);
    Ok(written.map_err(|_| Status::InvalidMemoryAccess)?)
}

pub(super) fn write_u32(guest: &mut Guest<'_>, at: u32, value: u32) -> Result<(), Stop> {
    write(guest, at, &value.to_le_bytes())
}

/// Gives the guest bytes in memory that it allocates itself and then owns.
/// Nothing is allocated for nothing.
pub(super) fn give(guest: &mut Guest<'_>, bytes: &[u8], pointer_at: u32, size_at: u32) -> Result<(), Stop> {
    let size = u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?;
    let mut pointer = 0;
    if size > 0 {
        let allocate = guest.data().allocate.ok_or(Status::InternalFailure)?;
        pointer = allocate.call(guest.as_context_mut(), size)?;
        if pointer == 0 {
            return Err(Status::InvalidMemoryAccess.into());
        }
        write(guest, pointer, bytes)?;
    }
    write_u32(guest, pointer_at, pointer)?;
    write_u32(guest, size_at, size)
}
