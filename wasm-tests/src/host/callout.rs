//! Answers to callouts.

use super::{AfterTrap, Answer, Callout, Delivery, Host, Moment, StreamId, length};

impl Host {
    /// Callouts that wait for an answer, oldest first.
    pub fn pending_callouts(&self) -> Vec<Callout> {
        let state = self.state();
        let waits = |callout: &&Callout| state.pending.contains(&callout.token);
        state.callouts.iter().filter(waits).cloned().collect()
    }

    /// What [`Host::request`] answers callouts with; without this, never.
    pub fn answer_with(&mut self, answers: impl FnMut(&Callout) -> Answer + Send + 'static) {
        self.answers = Box::new(answers);
    }

    /// Answers one callout now. The request it was made for may be long gone.
    pub fn answer_callout(&mut self, token: u32, answer: Answer) {
        let pending = &mut self.state_mut().pending;
        let index = pending.iter().position(|waiting| *waiting == token);
        pending.remove(index.expect("a callout that is under way"));
        let (headers, body, trailers) = match &answer {
            Answer::Never => return,
            Answer::Reset => (0, 0, 0),
            Answer::Response { headers, body, trailers } => {
                (length(headers.len()), length(body.len()), length(trailers.len()))
            }
        };
        if self.failed.is_some() && self.state().profile.after_trap != AfterTrap::SameVm {
            return;
        }
        let state = self.state_mut();
        let callout = state.callouts.iter().find(|callout| callout.token == token);
        let context = callout.expect("pending callouts are known").context;
        let root = match state.streams.get(&context) {
            Some(stream) => stream.root,
            None => self.root(),
        };
        self.moment = Moment::Callout;
        self.state_mut().answer = Some(answer);
        let arguments = [root, token, headers, body, trailers];
        let called = self.call(root, "proxy_on_http_call_response", &arguments);
        self.state_mut().answer = None;
        match called {
            Ok(_) => self.after_answer(context),
            Err(why) if self.state().streams.contains_key(&context) => {
                self.trapped(StreamId(context), Moment::Callout, why);
            }
            Err(why) => self.fail(&why),
        }
    }

    fn after_answer(&mut self, context: u32) {
        self.run_deferred();
        let waits = |callout: &Callout| callout.context == context;
        if self.state().profile.delivery != Delivery::OnceIfAsked
            || !self.state().streams.contains_key(&context)
            || self.pending_callouts().iter().any(waits)
        {
            return;
        }
        // On APISIX no answer to the answer means: go on.
        if !self.stream(StreamId(context)).settled() {
            self.stream_mut(StreamId(context)).moment = Moment::Callout;
            self.resume_whole(StreamId(context));
        }
    }

    /// Answers what waits, and what is asked meanwhile, as
    /// [`Host::answer_with`] says.
    pub fn settle(&mut self) {
        let mut never = Vec::new();
        loop {
            let pending = self.pending_callouts();
            let next = pending.iter().find(|callout| !never.contains(&callout.token));
            let Some(callout) = next else { return };
            match (self.answers)(callout) {
                Answer::Never => never.push(callout.token),
                answer => self.answer_callout(callout.token, answer),
            }
        }
    }
}
