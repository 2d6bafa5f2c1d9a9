//! The hostcalls: module `env` of ABI 0.2.1, as far as an HTTP filter uses it.

mod buffer;
mod callout;
mod context;
mod headers;
mod metric;
mod property;
mod shared;

use wasmi::{Caller, Linker};

use super::fault::trap;
use super::memory::Guest;
use super::state::State;
use super::status::{Status, Stop};

// All that a module may call while it starts; the rest trap, as in cpp-host.
const WHILE_STARTING: [&str; 2] = ["proxy_log", "proxy_get_current_time_nanoseconds"];

macro_rules! hostcalls {
    (
        done { $($name:ident($($argument:ident: $type:ty),*) = $body:path;)* }
        refused { $($other:ident($($other_type:ty),*) = $status:expr;)* }
    ) => {
        /// Every hostcall there is.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name),)* $(stringify!($other)),*];

        pub(super) fn link(linker: &mut Linker<State>, missing: &[&str]) {
            $(
                let call = |mut guest: Caller<'_, State>, $(_: $other_type),*| {
                    let refused = gate(&mut guest, stringify!($other))?;
                    Ok::<u32, wasmi::Error>(refused.unwrap_or($status.into()))
                };
                let linked = linker.func_wrap("env", stringify!($other), call);
                linked.expect("each hostcall has its own name");
            )*
            $(
                let call = |mut guest: Caller<'_, State>, $($argument: $type),*| {
                    if let Some(status) = gate(&mut guest, stringify!($name))? {
                        return Ok(status);
                    }
                    Stop::settle($body(&mut guest, $($argument),*))
                };
                if !missing.contains(&stringify!($name)) {
                    let linked = linker.func_wrap("env", stringify!($name), call);
                    linked.expect("each hostcall has its own name");
                }
            )*
        }
    };
}

hostcalls! {
    done {
        proxy_log(level: u32, text: u32, size: u32) = context::log;
        proxy_get_log_level(level_at: u32) = context::log_level;
        proxy_get_current_time_nanoseconds(time_at: u32) = context::now;
        proxy_set_tick_period_milliseconds(period: u32) = context::set_tick_period;
        proxy_set_effective_context(context: u32) = context::set_effective;
        proxy_done() = context::done;
        proxy_continue_stream(kind: u32) = context::continue_stream;
        proxy_close_stream(kind: u32) = context::close_stream;
        proxy_get_status(code_at: u32, text_at: u32, size_at: u32) = context::status;
        proxy_send_local_response(
            status: u32, details: u32, details_size: u32, body: u32, body_size: u32,
            headers: u32, headers_size: u32, grpc_status: i32
        ) = context::send_local_response;
        proxy_get_buffer_bytes(
            kind: u32, start: u32, size: u32, bytes_at: u32, size_at: u32
        ) = buffer::get;
        proxy_get_header_map_pairs(map: u32, pairs_at: u32, size_at: u32) = headers::pairs;
        proxy_set_header_map_pairs(map: u32, pairs: u32, size: u32) = headers::set_pairs;
        proxy_get_header_map_size(map: u32, size_at: u32) = headers::size;
        proxy_get_header_map_value(
            map: u32, name: u32, name_size: u32, value_at: u32, size_at: u32
        ) = headers::value;
        proxy_add_header_map_value(
            map: u32, name: u32, name_size: u32, value: u32, value_size: u32
        ) = headers::add;
        proxy_replace_header_map_value(
            map: u32, name: u32, name_size: u32, value: u32, value_size: u32
        ) = headers::replace;
        proxy_remove_header_map_value(map: u32, name: u32, name_size: u32) = headers::remove;
        proxy_get_property(path: u32, path_size: u32, value_at: u32, size_at: u32) = property::get;
        proxy_set_property(path: u32, path_size: u32, value: u32, value_size: u32) = property::set;
        proxy_get_shared_data(
            key: u32, key_size: u32, value_at: u32, size_at: u32, cas_at: u32
        ) = shared::get;
        proxy_set_shared_data(
            key: u32, key_size: u32, value: u32, value_size: u32, cas: u32
        ) = shared::set;
        proxy_define_metric(kind: u32, name: u32, name_size: u32, id_at: u32) = metric::define;
        proxy_increment_metric(id: u32, offset: i64) = metric::increment;
        proxy_record_metric(id: u32, value: u64) = metric::record;
        proxy_get_metric(id: u32, value_at: u32) = metric::value;
        proxy_http_call(
            upstream: u32, upstream_size: u32, headers: u32, headers_size: u32, body: u32,
            body_size: u32, trailers: u32, trailers_size: u32, timeout_ms: u32, token_at: u32
        ) = callout::http_call;
    }
    refused {
        // An SDK imports these whether or not its user calls them. No filter of an
        // HTTP request needs them, so they are there and do nothing.
        proxy_set_buffer_bytes(u32, u32, u32, u32, u32) = Status::BadArgument;
        proxy_call_foreign_function(u32, u32, u32, u32, u32, u32) = Status::NotFound;
        proxy_register_shared_queue(u32, u32, u32) = Status::Unimplemented;
        proxy_resolve_shared_queue(u32, u32, u32, u32, u32) = Status::Unimplemented;
        proxy_dequeue_shared_queue(u32, u32, u32) = Status::Unimplemented;
        proxy_enqueue_shared_queue(u32, u32, u32) = Status::Unimplemented;
        proxy_grpc_call(
            u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) = Status::Unimplemented;
        proxy_grpc_stream(u32, u32, u32, u32, u32, u32, u32, u32, u32) = Status::Unimplemented;
        proxy_grpc_send(u32, u32, u32, u32) = Status::Unimplemented;
        proxy_grpc_cancel(u32) = Status::Unimplemented;
        proxy_grpc_close(u32) = Status::Unimplemented;
    }
}

/// What comes before every hostcall: the count, the things a test arranged to
/// happen first, then the faults, then what this host lacks.
fn gate(guest: &mut Guest<'_>, call: &'static str) -> Result<Option<u32>, wasmi::Error> {
    let due = {
        let state = guest.data_mut();
        state.faults.count(call);
        state.faults.due(call)
    };
    if let Some(run) = due {
        run();
    }
    match refusal(guest.data_mut(), call) {
        Err(Stop::Trap(error)) => Err(error),
        Err(Stop::Status(status)) => Ok(Some(status.into())),
        Ok(status) => Ok(status),
    }
}

fn refusal(state: &mut State, call: &str) -> Result<Option<u32>, Stop> {
    if state.starting && !WHILE_STARTING.contains(&call) {
        return Err(trap(call, "may not be called while the module starts"));
    }
    if let Some(status) = state.faults.strike(call)? {
        return Ok(Some(status));
    }
    if state.profile.trapping.contains(&call) {
        return Err(trap(call, "is not there on this host"));
    }
    if state.profile.unimplemented.contains(&call) {
        return Err(Status::Unimplemented.into());
    }
    Ok(None)
}
