use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use trustplane_broker::client::{self, Ask};
use trustplane_broker::ipc::{ErrorBody, Request, Response};
use trustplane_core::{KeyBinding, sha256};

use crate::cmd::sign::curl::curl;
use crate::cmd::sign::split_url;
use crate::exit::{Fault, Verdict};
use crate::input::{header, key_binding};
use crate::output::{Output, Report};
use crate::sign_request::{Outgoing, coverable};
use crate::value::{Json, value};

/// A broker answers at once, or after what vouches for workloads has answered it.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Args, Debug)]
#[command(override_usage = "\
trustplane broker issue --socket <PATH> --audience <AUDIENCE>
                               --route-id <ID> --url <URL> [OPTIONS]")]
pub(crate) struct Issue {
    /// Unix socket of the broker
    #[arg(long, value_name = "PATH", env = "TRUSTPLANE_BROKER_SOCKET")]
    socket: PathBuf,
    /// Audience of the route
    #[arg(long)]
    audience: String,
    /// Id of the route
    #[arg(long, value_name = "ID")]
    route_id: String,
    /// Method
    #[arg(long, default_value = "GET")]
    method: String,
    /// Where the request goes: scheme, authority, path and query in one
    #[arg(long, conflicts_with_all = ["authority", "scheme", "path"])]
    url: Option<String>,
    /// Path, with the query
    #[arg(long, required_unless_present = "url")]
    path: Option<String>,
    /// Host and port that the caller dials
    #[arg(long, required_unless_present = "url")]
    authority: Option<String>,
    /// Scheme that the caller dials
    #[arg(long, default_value = "https", value_parser = ["http", "https"])]
    scheme: String,
    /// Header to cover and send; repeatable. The broker sees only its hash
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Body; the broker sees only its hash
    #[arg(long, conflicts_with = "body_file")]
    body: Option<String>,
    /// File with the body
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// The class of signer that is wanted
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    key_binding: KeyBinding,
    /// Take software where the broker does not have that class
    #[arg(long)]
    allow_software_fallback: bool,
    /// Context to assert in the passport; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = context)]
    context: Vec<(String, String)>,
    /// Print a ready curl command instead of the headers
    #[arg(long)]
    curl: bool,
}

/// Where the request goes, and what it carries.
struct Meaning {
    method: String,
    scheme: String,
    authority: String,
    target: String,
    body: Vec<u8>,
}

impl Issue {
    pub(super) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let meaning = self.meaning()?;
        coverable(&self.headers).map_err(|err| Fault::new(err.to_string()))?;
        let request = self.request(&meaning)?;
        let response = client::ask(&self.socket, &request, PATIENCE).map_err(|err| Fault::file(&self.socket, err))?;
        match client::headers(&request, &response) {
            Some(own) => self.show(output, &meaning, &own, &response),
            None => denied(output, &self.socket.display().to_string(), response),
        }
    }

    fn meaning(&self) -> Result<Meaning, Fault> {
        let (scheme, authority, target) = match (&self.url, &self.authority, &self.path) {
            (Some(url), _, _) => split_url("--url", url)?,
            (None, Some(authority), Some(path)) => (self.scheme.clone(), authority.to_ascii_lowercase(), path.clone()),
            _ => return Err(Fault::new("--url, or --authority and --path, are missing")),
        };
        if !target.starts_with('/') || target.contains('#') {
            return Err(Fault::new("the path must begin with / and hold no fragment"));
        }
        let body = match (&self.body, &self.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(path)) => fs::read(path).map_err(|err| Fault::file(path, err))?,
            (None, None) => Vec::new(),
        };
        Ok(Meaning { method: self.method.to_ascii_uppercase(), scheme, authority, target, body })
    }

    fn request(&self, meaning: &Meaning) -> Result<Request, Fault> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let context: Vec<_> = self.context.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let encoding = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        let encoding = encoding.map(|(_, value)| value.to_lowercase()).filter(|value| !value.is_empty());
        let (path, query) = meaning.target.split_once('?').unwrap_or((&meaning.target, ""));
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|err| Fault::new(err.to_string()))?;
        let ask = Ask {
            method: &meaning.method,
            scheme: &meaning.scheme,
            authority: &meaning.authority,
            path,
            query,
            content_encoding: encoding.as_deref().unwrap_or("identity"),
            headers: &headers,
            audience: &self.audience,
            route_id: &self.route_id,
            body_sha256: sha256(&meaning.body),
            random,
            key_binding: self.key_binding,
            allow_software_fallback: self.allow_software_fallback,
            context: &context,
        };
        ask.request().map_err(|err| Fault::new(err.to_string()))
    }

    fn show(
        &self,
        output: Output,
        meaning: &Meaning,
        own: &[(&'static str, String)],
        response: &Response,
    ) -> Result<Verdict, Fault> {
        let outgoing = Outgoing {
            method: &meaning.method,
            scheme: &meaning.scheme,
            authority: &meaning.authority,
            target: &meaning.target,
            audience: &self.audience,
            route_id: &self.route_id,
            headers: &self.headers,
            body: &meaning.body,
        };
        let curl = self.curl.then(|| curl(&outgoing, own, self.body_file.as_deref()));
        let covered = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = covered.chain(own.iter().map(|(name, value)| (*name, value.as_str())));
        if output.is_json() {
            let headers = all.map(|(name, value)| value!([(name), (value)])).collect::<Vec<Json>>();
            output.show(
                &Report::new()
                    .with("accepted", true)
                    .with("reason_code", response.reason_code.as_str())
                    .with("expires_at", response.expires_at)
                    .with("headers", headers)
                    .with_some("curl", curl),
            )?;
        } else if let Some(curl) = curl {
            output.line(&curl)?;
        } else {
            for (name, value) in all {
                output.line(&format!("{name}: {value}"))?;
            }
        }
        Ok(Verdict::Allow)
    }
}

fn denied(output: Output, socket: &str, response: Response) -> Result<Verdict, Fault> {
    let Some(ErrorBody { code, message, retryable, details }) = response.error.filter(|_| !response.accepted) else {
        return Err(Fault::of(socket, "the broker's answer is neither passport and proof nor a denial"));
    };
    let mut report = Report::new()
        .with("accepted", false)
        .with("reason_code", code)
        .with("retryable", retryable)
        .with("message", message);
    for name in ["at", "problem", "requested_key_binding", "available_key_binding"] {
        report = report.with_some(name, details.get(name).map(String::as_str));
    }
    output.show(&report)?;
    Ok(Verdict::Deny)
}

fn context(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
