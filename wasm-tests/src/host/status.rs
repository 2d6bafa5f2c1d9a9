/// What a hostcall answers, in the numbers of the ABI.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    BadExpression = 5,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    ResultMismatch = 9,
    InternalFailure = 10,
    BrokenConnection = 11,
    Unimplemented = 12,
}

impl From<Status> for u32 {
    fn from(status: Status) -> Self {
        status as u32
    }
}

/// Why a hostcall ends early: with a status for the guest, or by taking the VM
/// down, as some hosts do for calls they lack.
pub(super) enum Stop {
    Status(Status),
    Trap(wasmi::Error),
}

impl Stop {
    pub(super) fn settle(result: Result<(), Self>) -> Result<u32, wasmi::Error> {
        match result {
            Ok(()) => Ok(Status::Ok.into()),
            Err(Self::Status(status)) => Ok(status.into()),
            Err(Self::Trap(error)) => Err(error),
        }
    }
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<wasmi::Error> for Stop {
    fn from(error: wasmi::Error) -> Self {
        Self::Trap(error)
    }
}
