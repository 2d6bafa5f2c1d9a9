use trustplane_core::Reason;
use trustplane_core::json::{JsonError, Limits, Value, decode, parse};

use super::request::{Envelope, Request};
use super::{KIND, OPERATION, PROTOCOL, VERSION};

/// A line that is no request, with as much of it as the answer echoes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// The request's id where it could be read, else empty.
    pub request_id: String,
    /// Why it is refused.
    pub reason: Reason,
    /// What is wrong, and where.
    pub fault: JsonError,
}

/// Reads one line, without its LF.
pub fn read(line: &[u8]) -> Result<Request, Unreadable> {
    let value = match parse(line, Limits::IPC) {
        Ok(value) => value,
        Err(fault) => {
            return Err(Unreadable { request_id: String::new(), reason: Reason::BrokerRequestInvalid, fault });
        }
    };
    let refuse = |reason, fault| Unreadable { request_id: request_id(&value).into(), reason, fault };
    // Another version may shape everything else otherwise, so these are looked at first.
    for (pointer, wanted, reason) in [
        ("/version", VERSION, Reason::BrokerRequestInvalid),
        ("/kind", KIND, Reason::BrokerRequestInvalid),
        ("/request/protocol", PROTOCOL, Reason::BrokerRequestInvalid),
        ("/request/operation", OPERATION, Reason::BrokerUnsupportedOperation),
    ] {
        if at(&value, pointer).is_some_and(|found| found != wanted) {
            let fault = JsonError { pointer: pointer.into(), ..JsonError::new(format!("expected {wanted:?}")) };
            return Err(refuse(reason, fault));
        }
    }
    let envelope: Envelope = decode(&value).map_err(|fault| refuse(Reason::BrokerRequestInvalid, fault))?;
    if envelope.request.request_id.len() > MAX_ID_BYTES {
        let fault = JsonError { pointer: "/request/request_id".into(), ..JsonError::new("longer than 256 bytes") };
        return Err(refuse(Reason::BrokerRequestInvalid, fault));
    }
    Ok(envelope.request)
}

/// The id goes into every answer and audit record.
const MAX_ID_BYTES: usize = 256;

fn request_id<'v>(value: &'v Value<'_>) -> &'v str {
    at(value, "/request/request_id").filter(|id| id.len() <= MAX_ID_BYTES).unwrap_or_default()
}

fn at<'v>(value: &'v Value<'_>, pointer: &str) -> Option<&'v str> {
    let mut names = pointer.split('/').skip(1);
    names.try_fold(value, |value, name| value.as_object()?.get(name))?.as_str()
}
