//! The host's functions, each with the status it returned.
//!
//! The carrier's own wrappers panic on a status they do not list, and on bytes that are no UTF-8;
//! a panic ends the module for all requests of its worker. Here a status is a number, a value is
//! bytes, and what to make of them is the caller's matter.

mod data;
mod returned;

use trustplane_core::UnixTime;

use self::returned::Returned;
use crate::status;

pub use self::data::HostData;

const REQUEST_HEADERS: u32 = 0;
const CALL_RESPONSE_HEADERS: u32 = 6;
const REQUEST_BODY: u32 = 0;
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;
const HTTP_REQUEST: u32 = 0;
const COUNTER: u32 = 0;

/// No gRPC status: the host derives one where the caller speaks gRPC.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout_ms: u32,
        token: *mut u32,
    ) -> u32;
}

/// A header map of no pairs.
const NO_TRAILERS: [u8; 4] = [0; 4];

/// How grave a line of the host's log is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Every request is denied until someone acts.
    Error,
    /// The module ends.
    Critical,
}

/// Writes a line to the host's log; whether it arrives changes nothing.
pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Info => 2,
        Level::Error => 4,
        Level::Critical => 5,
    };
    // SAFETY: the pointer and the size are those of `message`, which outlives the call.
    let _status = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
}

/// The host's clock.
pub fn now() -> Option<UnixTime> {
    let mut nanoseconds = 0;
    // SAFETY: the host writes eight bytes to the place given.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    // A host without a clock may leave the zero in place.
    let told = status == status::OK && nanoseconds > 0;
    told.then(|| UnixTime::from_secs(nanoseconds / 1_000_000_000))
}

/// Has the host call back every so many milliseconds; whether it says so.
pub fn tick_every(milliseconds: u32) -> bool {
    // SAFETY: one number.
    let status = unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
    status == status::OK
}

/// `size` bytes of this plugin's configuration.
pub fn configuration(size: usize) -> Option<Vec<u8>> {
    buffer(PLUGIN_CONFIGURATION, 0, size)
}

/// At most `size` bytes of the request's body, from `start`.
pub fn body(start: usize, size: usize) -> Option<Vec<u8>> {
    buffer(REQUEST_BODY, start, size)
}

fn buffer(buffer: u32, start: usize, size: usize) -> Option<Vec<u8>> {
    let mut returned = Returned::default();
    // SAFETY: `returned` is two places of one word each, as the ABI writes them.
    let status = unsafe { proxy_get_buffer_bytes(buffer, start, size, &raw mut returned.data, &raw mut returned.size) };
    let bytes = returned.take();
    (status == status::OK).then_some(bytes)
}

/// At most `size` bytes of the answer to a call.
pub fn call_response_body(size: usize) -> Option<Vec<u8>> {
    buffer(CALL_RESPONSE_BODY, 0, size)
}

/// All pairs of the request's head, serialised, in one call.
pub fn request_headers() -> Option<Vec<u8>> {
    pairs(REQUEST_HEADERS)
}

/// All pairs of the head of the answer to a call, serialised.
pub fn call_response_headers() -> Option<Vec<u8>> {
    pairs(CALL_RESPONSE_HEADERS)
}

fn pairs(map: u32) -> Option<Vec<u8>> {
    let mut returned = Returned::default();
    // SAFETY: as in `buffer`.
    let status = unsafe { proxy_get_header_map_pairs(map, &raw mut returned.data, &raw mut returned.size) };
    let bytes = returned.take();
    (status == status::OK).then_some(bytes)
}

/// Removes every copy of a request header; whether the host says so.
pub fn remove_request_header(name: &[u8]) -> bool {
    // SAFETY: pointer and size are those of `name`, which outlives the call.
    let status = unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) };
    status == status::OK
}

/// Puts one value in place of every copy of a request header; whether the host says so.
pub fn replace_request_header(name: &str, value: &str) -> bool {
    // SAFETY: pointers and sizes are those of `name` and `value`, which outlive the call.
    let status = unsafe {
        proxy_replace_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    };
    status == status::OK
}

/// Whether the caller's connection is TLS; `None` when the host does not tell.
pub fn tls() -> Option<bool> {
    let path = b"connection\0tls_version";
    let mut returned = Returned::default();
    // SAFETY: the path outlives the call; `returned` as in `buffer`.
    let status =
        unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut returned.data, &raw mut returned.size) };
    let version = returned.take();
    match status {
        status::OK => Some(!version.is_empty()),
        status::NOT_FOUND => Some(false),
        _ => None,
    }
}

/// Leaves a value in the request's filter state, under `wasm.<name>`; whether it arrives changes
/// nothing.
pub fn set_filter_state(name: &str, value: &str) {
    // SAFETY: pointers and sizes are those of `name` and `value`, which outlive the call.
    let _status = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// The number under which the host counts `name`.
pub fn define_counter(name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: `name` outlives the call; the host writes four bytes to `id`.
    let status = unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) };
    (status == status::OK).then_some(id)
}

/// Counts one more; whether it arrives changes nothing.
pub fn increment(counter: u32) {
    // SAFETY: two numbers.
    let _status = unsafe { proxy_increment_metric(counter, 1) };
}

/// Answers the caller; whether the host took the answer.
pub fn send_local_response(status: u32, details: &str, body: &str, headers: &[u8]) -> bool {
    // SAFETY: pointers and sizes are those of the arguments, which outlive the call.
    let taken = unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    };
    taken == status::OK
}

/// Resets the request.
pub fn close_request() {
    // SAFETY: one number.
    let _status = unsafe { proxy_close_stream(HTTP_REQUEST) };
}

/// Lets a paused request go on; whether the host says so.
pub fn continue_request() -> bool {
    // SAFETY: one number.
    let status = unsafe { proxy_continue_stream(HTTP_REQUEST) };
    status == status::OK
}

/// Makes the calls that follow be about this request; whether the host says so.
pub fn set_effective_context(context: u32) -> bool {
    // SAFETY: one number.
    let status = unsafe { proxy_set_effective_context(context) };
    status == status::OK
}

/// Calls a cluster; the number under which the answer will come.
pub fn http_call(cluster: &str, headers: &[u8], body: &str, timeout_ms: u32) -> Option<u32> {
    let mut token = 0;
    // SAFETY: pointers and sizes are those of the arguments, which outlive the call; there are no
    // trailers; the host writes four bytes to `token`.
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            NO_TRAILERS.as_ptr(),
            NO_TRAILERS.len(),
            timeout_ms,
            &raw mut token,
        )
    };
    (status == status::OK).then_some(token)
}
