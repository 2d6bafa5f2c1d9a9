//! The adapter, over real connections.

use serde_json::Value;

use trustplane_wasm_tests::case::{Case, Store};
use trustplane_wasm_tests::subject::{Answer, Forwarded, Subject};

use crate::reply;
use crate::site::{Gate, Site};
use crate::wire::Reply;
use crate::{http2, wire};

/// What a case is sent over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// To the byte.
    Http1,
    /// With trailers.
    Http2,
}

/// What came of one request.
pub struct Outcome {
    /// What the caller got.
    pub reply: Result<Reply, String>,
    /// What was recorded; nothing where hyper answered.
    pub event: Option<Value>,
    /// What the service behind saw meanwhile.
    pub seen: Vec<Forwarded>,
}

/// The adapters, asked over one protocol.
pub struct OverHttp<'s> {
    pub site: &'s Site,
    pub protocol: Protocol,
}

impl Outcome {
    fn answer(self) -> Result<Answer, String> {
        reply::answer(&self.reply?, self.event, &self.seen, "adapter")
    }
}

impl OverHttp<'_> {
    /// Sends the case's request once.
    pub fn present(&self, case: &Case) -> Result<Outcome, String> {
        let gate = self.site.gate(case)?;
        gate.script.set(case);
        let before = self.site.upstream.count();
        let reply = match self.protocol {
            Protocol::Http1 => wire::send(gate.address, case, None),
            Protocol::Http2 => http2::send(gate.address, case, None),
        };
        let seen = self.site.upstream.seen().split_off(before);
        Ok(Outcome { reply, event: gate.script.event()?, seen })
    }

    fn gate(&self, case: &Case) -> Result<&Gate, String> {
        self.site.gate(case)
    }
}

impl<'c> Subject<'c> for OverHttp<'_> {
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String> {
        if case.store == Store::Replayed {
            let first = self.present(case)?.answer()?;
            if first.reason != "request_allowed" {
                return Err(format!("the first presentation: {}", first.reason));
            }
        }
        let asked = self.gate(case)?.script.asked();
        let answer = self.present(case)?.answer()?;
        if case.settled_before_replay() && self.gate(case)?.script.asked() != asked {
            return Err("the replay store was asked, and might have burnt the jti".into());
        }
        Ok(answer)
    }
}
