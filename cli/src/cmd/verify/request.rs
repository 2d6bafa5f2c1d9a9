use std::fs;
use std::io::Read as _;
use std::path::Path;

use trustplane_core::{Checked, Policy, Settings, Trust, UnixTime, Verifier};

use super::Verify;
use crate::exit::{Fault, Verdict};
use crate::input::header;
use crate::judge::{Body, Lines, Request, load};
use crate::output::Output;

impl Verify {
    pub(super) fn request(self, output: Output, now: UnixTime) -> Result<Verdict, Fault> {
        let verifier = self.verifier(now)?;
        let request = &self.request;
        let mut headers = request.headers.clone();
        if let Some(path) = &request.headers_file {
            headers.extend(read_headers(path)?);
        }
        if let Some(token) = &self.token {
            headers.push(("authorization".into(), format!("Bearer {}", super::passport::token(token)?)));
        }
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        let missing = |flag| Fault::new(format!("{flag} is missing: it is part of the request"));
        let body = match (&request.body, &request.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(path)) => fs::read(path).map_err(|err| Fault::file(path, err))?,
            (None, None) => Vec::new(),
        };
        let request = Request {
            method: request.method.clone(),
            scheme: request.scheme.clone(),
            authority: request.authority.clone().ok_or_else(|| missing("--authority"))?,
            target: request.path.clone().ok_or_else(|| missing("--path"))?,
            headers,
            body: Body::Bytes(body),
            store: request.store,
            explain: request.explain,
            signer: request.signer_transcript.as_deref().map(Lines::read).transpose()?,
        };
        let answer = request.judge(&verifier, now);
        match output.is_json() && !request.explain {
            // Whoever asks for no more gets the event that a host would write.
            true => output.line(&answer.event().to_string())?,
            false => output.show(&answer)?,
        }
        Ok(answer.verdict())
    }

    fn verifier(&self, now: UnixTime) -> Result<Verifier, Fault> {
        let (Some(policy), Some(trust)) = (&self.request.policy_bundle, &self.bundle) else {
            return Err(Fault::new("--bundle is missing: a request is judged by policy and trust material"));
        };
        let (policy, _) = load(policy, &self.pins.policy()?, Policy::load)?;
        let (trust, _) = load(trust, &self.pins.trust()?, Trust::load)?;
        Ok(Verifier::new(Settings::default(), Some(Checked::new(policy, now)), Checked::new(trust, now)))
    }
}

fn read_headers(path: &Path) -> Result<Vec<(String, String)>, Fault> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|err| Fault::file(path, err))?;
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines.map(|line| header(line).map_err(|problem| Fault::file(path, problem))).collect()
}
