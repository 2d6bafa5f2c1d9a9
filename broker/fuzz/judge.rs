//! What the target holds of every input; the seeds are held to it in the ordinary tests as well.

use trustplane_broker::{Asked, ipc};
use trustplane_core::UnixTime;

/// No line makes the reader fall over, and none that is taken can add a line to the transcript.
pub fn ipc(line: &[u8]) {
    let Ok(request) = ipc::read(line) else { return };
    let Ok(asked) = Asked::check(&request) else { return };
    let transcript = asked.transcript("jti", UnixTime::from_secs(1), asked.requested);
    assert_eq!(transcript.text().split('\n').count(), 20);
}
