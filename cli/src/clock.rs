//! Time, which the core takes as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use trustplane_core::UnixTime;

/// This host's clock.
pub fn now() -> UnixTime {
    // A clock before 1970 reads as the epoch: then every passport is from the future.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}
