//! What hosts do differently, as measured on them or read in their sources.

use super::CasRule;

/// One host's behaviour. Change a field for a variant:
/// `Profile { after_trap: AfterTrap::Reload, ..Profile::envoy_hold() }`.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub delivery: Delivery,
    pub shared_data: CasRule,
    /// The status that answers when a VM has trapped in a request callback.
    pub trap_status: u32,
    pub after_trap: AfterTrap,
    /// What becomes of requests when `on_configure` failed in this worker.
    pub unconfigured: Unconfigured,
    /// A held body over this many bytes is answered 413 by the host.
    pub body_limit: Option<usize>,
    /// False: a buffer is always read from its first byte, whatever the offset.
    pub buffer_offsets: bool,
    /// How the guest sees the request line and the authority.
    pub head: HeadView,
    /// The only properties the guest may set; `None` allows all.
    pub settable: Option<&'static [&'static str]>,
    pub vm_start: bool,
    pub log_callback: bool,
    /// Hostcalls that answer 12.
    pub unimplemented: &'static [&'static str],
    /// Hostcalls that take the VM down.
    pub trapping: &'static [&'static str],
    /// Hostcalls that are not there: a module that imports one does not load.
    pub missing: &'static [&'static str],
}

/// When the guest sees what of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// As it arrives. `hold` is Envoy's `allow_on_headers_stop_iteration`: a
    /// pause at the headers holds them back and still lets the body come.
    /// Without it such a pause stops everything until the guest resumes.
    Stream { hold: bool },
    /// nginx reads the body before it proxies: end of stream is never told with
    /// the headers, the body comes once and only if there is one, trailers
    /// never.
    OnceIfAny,
    /// APISIX: end of stream is always told with the headers, and the body
    /// comes once, but only after the guest set `wasm_process_req_body`. A
    /// callout's answer lets the request go on, unless the guest refuses it
    /// there and then.
    OnceIfAsked,
}

/// What later requests meet after a trap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AfterTrap {
    /// The same refusal, for ever.
    Closed,
    /// A new VM, with the last configuration.
    Reload,
    /// No filter at all.
    Bypass,
    /// The same VM, whatever state it was left in.
    SameVm,
}

/// What requests meet when the worker could not be configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unconfigured {
    /// No filter at all: Envoy, even with FAIL_CLOSED, once the canary passed.
    Bypass,
    Refused,
}

/// How a host presents the request line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadView {
    AsSent,
    /// nginx variables: `:authority` is the configured server name, `:path` is
    /// decoded and normalised; the client's authority is in `host`.
    Nginx {
        server_name: &'static str,
    },
    /// `host` beside `:authority`, and pseudo headers after all the others.
    PseudoLast,
}

impl Profile {
    /// Envoy with `allow_on_headers_stop_iteration: true`.
    pub const fn envoy_hold() -> Self {
        Self {
            name: "envoy_hold",
            delivery: Delivery::Stream { hold: true },
            shared_data: CasRule::Overwrite,
            trap_status: 503,
            after_trap: AfterTrap::Closed,
            unconfigured: Unconfigured::Bypass,
            body_limit: Some(1024 * 1024),
            buffer_offsets: true,
            head: HeadView::AsSent,
            settable: None,
            vm_start: true,
            log_callback: true,
            unimplemented: &[],
            trapping: &[],
            missing: &[],
        }
    }

    /// Envoy as it comes, and all that is built on it.
    pub const fn envoy_default() -> Self {
        let mut profile = Self::envoy_hold();
        profile.name = "envoy_default";
        profile.delivery = Delivery::Stream { hold: false };
        profile
    }

    /// ngx_wasm_module, once part of Kong.
    pub const fn ngx() -> Self {
        Self {
            name: "ngx",
            delivery: Delivery::OnceIfAny,
            shared_data: CasRule::InsertOrUpdate,
            trap_status: 500,
            after_trap: AfterTrap::Reload,
            unconfigured: Unconfigured::Refused,
            body_limit: None,
            buffer_offsets: false,
            head: HeadView::Nginx { server_name: "localhost" },
            settable: None,
            vm_start: true,
            log_callback: true,
            unimplemented: &[],
            trapping: &["proxy_get_log_level", "proxy_done", "proxy_close_stream"],
            missing: &[],
        }
    }

    /// APISIX's wasm-nginx-module.
    pub const fn apisix() -> Self {
        Self {
            name: "apisix",
            delivery: Delivery::OnceIfAsked,
            // Never asked: the calls are not implemented.
            shared_data: CasRule::Overwrite,
            trap_status: 503,
            after_trap: AfterTrap::SameVm,
            unconfigured: Unconfigured::Refused,
            body_limit: None,
            buffer_offsets: true,
            head: HeadView::PseudoLast,
            settable: Some(&["wasm_process_req_body"]),
            vm_start: false,
            log_callback: false,
            unimplemented: &[
                "proxy_get_current_time_nanoseconds",
                "proxy_set_tick_period_milliseconds",
                "proxy_get_shared_data",
                "proxy_set_shared_data",
                "proxy_get_status",
                "proxy_done",
                "proxy_set_header_map_pairs",
            ],
            trapping: &[],
            missing: &["proxy_get_log_level"],
        }
    }

    /// MOSN's shared data, all else as Envoy. (The real one also refuses a
    /// module that only exports the marker of ABI 0.2.1.)
    pub const fn mosn() -> Self {
        let mut profile = Self::envoy_hold();
        profile.name = "mosn";
        profile.shared_data = CasRule::Insert;
        profile
    }

    /// Every host modelled, for tests that hold on all of them.
    pub const fn all() -> [Self; 5] {
        [Self::envoy_hold(), Self::envoy_default(), Self::ngx(), Self::apisix(), Self::mosn()]
    }

    pub(super) const fn streams(&self) -> bool {
        matches!(self.delivery, Delivery::Stream { .. })
    }
}
