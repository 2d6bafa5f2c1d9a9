//! Calling into the guest, and doing what it asked for once it returns.

use wasmi::Val;

use super::state::Deferred;
use super::{AfterTrap, Delivery, Host, LocalResponse, Moment, StreamId, length};

/// What a callback of a stream decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Continue,
    Pause,
    /// The request was settled, or its VM is gone.
    Over,
}

impl Host {
    /// The export's answer; `None` if there is no such export, or the operator
    /// never calls it.
    pub(super) fn call(&mut self, context: u32, export: &str, arguments: &[u32]) -> Result<Option<u32>, String> {
        let state = self.state_mut();
        state.current = context;
        state.effective = None;
        state.deferred.clear();
        if state.suppressed.iter().any(|name| name == export) {
            return Ok(None);
        }
        let Some(function) = self.instance.get_func(&self.store, export) else {
            return Ok(None);
        };
        let arguments: Vec<Val> = arguments.iter().map(|word| Val::from(word.cast_signed())).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &arguments, &mut results).map_err(|error| format!("{export}: {error}"))?;
        Ok(results.first().and_then(Val::i32).map(i32::cast_unsigned))
    }

    /// One callback of a request.
    pub(super) fn callback(&mut self, id: StreamId, moment: Moment, export: &str, arguments: &[u32]) -> Verdict {
        self.moment = moment;
        self.stream_mut(id).moment = moment;
        if let Some(verdict) = self.without_guest(id) {
            return verdict;
        }
        let arguments: Vec<u32> = [id.0].iter().chain(arguments).copied().collect();
        let pending = self.state().pending.len();
        match self.call(id.0, export, &arguments) {
            Err(why) => {
                self.trapped(id, moment, why);
                Verdict::Over
            }
            Ok(answer) => {
                let called_out = self.state().pending.len() > pending;
                self.drop_shadowed_replies(called_out);
                self.run_deferred();
                self.verdict(id, export, answer.unwrap_or(0), called_out)
            }
        }
    }

    fn without_guest(&mut self, id: StreamId) -> Option<Verdict> {
        let after_trap = self.state().profile.after_trap;
        let status = self.state().profile.trap_status;
        let stream = self.stream_mut(id);
        if stream.outcome.bypassed {
            stream.moment = Moment::Bypass;
            return Some(Verdict::Continue);
        }
        if stream.lost {
            return Some(Verdict::Pause);
        }
        self.failed.as_ref()?;
        match after_trap {
            AfterTrap::SameVm => None,
            AfterTrap::Bypass => Some(Verdict::Continue),
            AfterTrap::Closed | AfterTrap::Reload => {
                self.stream_mut(id).reply(LocalResponse::by_host(status, "wasm_fail_stream"));
                Some(Verdict::Over)
            }
        }
    }

    fn verdict(&mut self, id: StreamId, export: &str, answer: u32, called_out: bool) -> Verdict {
        let delivery = self.state().profile.delivery;
        let status = self.state().profile.trap_status;
        let stream = self.stream_mut(id);
        if stream.settled() {
            if answer == 0 && stream.outcome.local_response.is_some() {
                stream.violation(format!("{export} answered Continue after a reply"));
            }
            return Verdict::Over;
        }
        if answer > 1 {
            stream.violation(format!("{export} answered {answer}"));
        }
        if delivery != Delivery::OnceIfAsked {
            return if answer == 0 { Verdict::Continue } else { Verdict::Pause };
        }
        // APISIX looks for a callout, not at the answer; a pause without one
        // sends it after a callout that is not there.
        if called_out {
            return Verdict::Pause;
        }
        if answer != 0 {
            stream.violation(format!("{export} paused with no callout under way"));
            stream.reply(LocalResponse::by_host(status, "pause_without_callout"));
            return Verdict::Over;
        }
        Verdict::Continue
    }

    // On APISIX a callout of the same callback wins over a reply.
    fn drop_shadowed_replies(&mut self, called_out: bool) {
        if !called_out || self.state().profile.delivery != Delivery::OnceIfAsked {
            return;
        }
        let deferred = std::mem::take(&mut self.state_mut().deferred);
        for (context, what) in deferred {
            if matches!(what, Deferred::Reply(_)) {
                self.stream_mut(StreamId(context)).violation("a reply beside a callout is lost");
            } else {
                self.state_mut().deferred.push((context, what));
            }
        }
    }

    pub(super) fn run_deferred(&mut self) {
        for (context, what) in std::mem::take(&mut self.state_mut().deferred) {
            let id = StreamId(context);
            match what {
                Deferred::Resume => self.resume(id),
                Deferred::Reply(reply) => self.stream_mut(id).reply(reply),
                Deferred::Close => self.stream_mut(id).outcome.closed = true,
            }
        }
    }

    fn resume(&mut self, id: StreamId) {
        let moment = self.moment;
        let streams = self.state().profile.streams();
        let stream = self.stream_mut(id);
        if stream.settled() {
            stream.violation("a settled request was resumed");
            return;
        }
        stream.moment = moment;
        if streams {
            self.resume_streamed(id);
        } else {
            self.resume_whole(id);
        }
    }

    pub(super) fn trapped(&mut self, id: StreamId, moment: Moment, why: String) {
        self.fail(&why);
        let status = self.state().profile.trap_status;
        // Envoy has nothing to answer with outside a request's own callbacks:
        // the client waits.
        let unanswered = self.state().profile.streams() && moment == Moment::Callout;
        let stream = self.stream_mut(id);
        stream.outcome.trapped = Some(why);
        if !unanswered && !stream.settled() {
            stream.reply(LocalResponse::by_host(status, "wasm_fail_stream"));
        }
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.state_mut().deferred.clear();
        self.failed = Some(why.to_owned());
    }

    pub(super) fn count_headers(&self, id: StreamId) -> u32 {
        match self.state().profile.delivery {
            Delivery::OnceIfAsked => 0,
            _ => length(self.state().profile.head.of(&self.stream(id).headers).len()),
        }
    }
}
