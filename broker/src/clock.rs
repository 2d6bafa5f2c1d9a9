use std::time::SystemTime;

use trustplane_core::UnixTime;

/// A clock before its epoch issues nothing: claims of the year 1970 are refused by the mint.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}
