pub(crate) mod curl;
mod held;
mod profile;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use trustplane_core::{KeyBinding, QueryForm};

use self::curl::curl;
use self::held::Passport;
use self::profile::Profile;
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::input::{header, key_binding};
use crate::output::{Output, Report};
use crate::private_key::PrivateKeyArgs;
use crate::sign_request::{Caller, Outgoing, SignedRequest, Stamp, sign_request, sign_under};
use crate::value::{Json, value};

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// Signing profile, JSON: gives what the flags below do not
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Sign under this passport, which somebody else issued for the private key: gives subject,
    /// issuer, trust domain, kid and audience; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN|-", conflicts_with_all = ["subject", "issuer", "trust_domain", "kid", "audience"])]
    token: Option<String>,
    /// Subject of the passport
    #[arg(long)]
    subject: Option<String>,
    /// Issuer of the passport
    #[arg(long)]
    issuer: Option<String>,
    /// Trust domain of the issuer
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: Option<String>,
    /// The id under which verifiers know the key
    #[arg(long)]
    kid: Option<String>,
    /// Audience of the route
    #[arg(long)]
    audience: Option<String>,
    /// Id of the route
    #[arg(long, value_name = "ID")]
    route_id: Option<String>,
    /// Method; GET when nothing says
    #[arg(long)]
    method: Option<String>,
    /// Where the request goes: scheme, authority, path and query in one
    #[arg(long, conflicts_with_all = ["authority", "scheme", "path"])]
    url: Option<String>,
    /// Path, with the query
    #[arg(long)]
    path: Option<String>,
    /// Host and port that the caller dials
    #[arg(long)]
    authority: Option<String>,
    /// Scheme that the caller dials; https when nothing says
    #[arg(long)]
    scheme: Option<String>,
    /// Header to cover and send; repeatable
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Body
    #[arg(long, conflicts_with = "body_file")]
    body: Option<String>,
    /// File with the body
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// Life of the passport
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    ttl: u64,
    /// The class that the passport claims
    #[arg(long, value_name = "CLASS", value_parser = key_binding, default_value = "software")]
    key_binding: KeyBinding,
    #[command(flatten)]
    private_key: PrivateKeyArgs,
    /// Print a ready curl command instead of the headers
    #[arg(long)]
    curl: bool,
    /// Print the twenty canonical lines too
    #[arg(long)]
    explain: bool,
}

/// What is signed, once flags and profile are put together.
struct Meaning {
    caller: Profile,
    method: String,
    scheme: String,
    authority: String,
    target: String,
    body: Vec<u8>,
}

impl Sign {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let held = self.token.as_deref().map(Passport::read).transpose()?;
        let meaning = self.meaning(held.as_ref())?;
        let key = self.private_key.read()?;
        let caller = Caller {
            key: &key,
            kid: &meaning.caller.kid,
            issuer: &meaning.caller.issuer,
            subject: &meaning.caller.subject,
            trust_domain: &meaning.caller.trust_domain,
            key_binding: self.key_binding,
        };
        let request = Outgoing {
            method: &meaning.method,
            scheme: &meaning.scheme,
            authority: &meaning.authority,
            target: &meaning.target,
            audience: &meaning.caller.audience,
            route_id: &meaning.caller.route_id,
            headers: &self.headers,
            body: &meaning.body,
        };
        let stamp = Stamp::new(clock::now(), self.ttl).map_err(|err| Fault::new(err.to_string()))?;
        let signed = match &held {
            Some(passport) => sign_under(passport.held_by(&key)?, &key, &request, &stamp.nonce),
            None => sign_request(&caller, &request, &stamp),
        };
        let signed = signed.map_err(|err| Fault::new(err.to_string()))?;
        let query = meaning.target.split_once('?').map(|(_, query)| query.as_bytes());
        if QueryForm::Unambiguous.read(query).is_err() {
            output.note(
                "note: parsers may read this query in different ways; only a route with query_form compat takes it",
            );
        }
        self.show(output, &request, &signed)?;
        Ok(Verdict::Allow)
    }

    fn meaning(&self, held: Option<&Passport>) -> Result<Meaning, Fault> {
        let mut caller = match &self.profile {
            Some(path) => Profile::read(path)?,
            None => Profile::default(),
        };
        if let Some(passport) = held {
            passport.tell(&mut caller);
        }
        for (flag, own, value) in [
            ("--subject", &self.subject, &mut caller.subject),
            ("--issuer", &self.issuer, &mut caller.issuer),
            ("--trust-domain", &self.trust_domain, &mut caller.trust_domain),
            ("--kid", &self.kid, &mut caller.kid),
            ("--audience", &self.audience, &mut caller.audience),
            ("--route-id", &self.route_id, &mut caller.route_id),
        ] {
            if let Some(own) = own {
                value.clone_from(own);
            } else if value.is_empty() {
                return Err(Fault::new(format!("{flag} is missing, and no --profile gives it")));
            }
        }
        let base = match &self.url {
            Some(url) => Some(split_url("--url", url)?),
            None if !caller.request_base_url.is_empty() => {
                Some(split_url("request_base_url", &caller.request_base_url)?)
            }
            None => None,
        };
        let (scheme, authority, rest) = base.unwrap_or_default();
        let target = match (&self.url, &self.path) {
            (Some(_), _) => rest,
            (None, Some(path)) => path.clone(),
            (None, None) if !caller.route_path.is_empty() && !caller.route_path.contains('{') => {
                caller.route_path.clone()
            }
            (None, None) => return Err(Fault::new("--path or --url is missing, and no --profile names one path")),
        };
        let authority = self.authority.clone().or((!authority.is_empty()).then_some(authority));
        let scheme = self.scheme.clone().or((!scheme.is_empty()).then_some(scheme));
        let method = self.method.clone().or((!caller.method.is_empty()).then(|| caller.method.clone()));
        let body = match (&self.body, &self.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(path)) => fs::read(path).map_err(|err| Fault::file(path, err))?,
            (None, None) => Vec::new(),
        };
        Ok(Meaning {
            method: method.unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase(),
            scheme: scheme.unwrap_or_else(|| "https".to_owned()).to_ascii_lowercase(),
            authority: authority.ok_or_else(|| {
                Fault::new("--url or --authority is missing: a proof binds the host and port that are dialled")
            })?,
            target,
            body,
            caller,
        })
    }

    fn show(&self, output: Output, request: &Outgoing<'_>, signed: &SignedRequest) -> Result<(), Fault> {
        let curl = self.curl.then(|| curl(request, &signed.headers, self.body_file.as_deref()));
        if output.is_json() {
            let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let headers = headers.chain(signed.headers.iter().map(|(name, value)| (*name, value.as_str())));
            let lines = self.explain.then(|| signed.transcript.lines().map(|line| value!(line)).collect::<Vec<_>>());
            let headers = headers.map(|(name, value)| value!([(name), (value)])).collect::<Vec<Json>>();
            return output.show(
                &Report::new()
                    .with("headers", headers)
                    .with("transcript_sha256", trustplane_core::hex(&signed.transcript_sha256))
                    .with_some("canonical_lines", lines)
                    .with_some("curl", curl),
            );
        }
        match curl {
            Some(curl) => output.line(&curl)?,
            None => {
                for (name, value) in &self.headers {
                    output.line(&format!("{name}: {value}"))?;
                }
                for (name, value) in &signed.headers {
                    output.line(&format!("{name}: {value}"))?;
                }
            }
        }
        if self.explain {
            output.line(&format!("\n{}", signed.transcript))?;
        }
        Ok(())
    }
}

/// Scheme, authority, and path with query.
pub(super) fn split_url(source: &str, url: &str) -> Result<(String, String, String), Fault> {
    let (scheme, rest) = url
        .split_once("://")
        .filter(|(scheme, _)| matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https"))
        .ok_or_else(|| Fault::of(source, "expected http:// or https://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if authority.is_empty() || authority.contains('@') {
        return Err(Fault::of(source, "expected a host without user information after the scheme"));
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase(), target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_where_the_path_begins() {
        let split = |url| split_url("--url", url).map_err(|fault| fault.to_string());
        let parts = |a: &str, b: &str, c: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(split("HTTP://Host:1/p?q=/"), parts("http", "host:1", "/p?q=/"));
        assert_eq!(split("https://host"), parts("https", "host", "/"));
        assert_eq!(split("https://host?x=1"), parts("https", "host", "/?x=1"));
        assert_eq!(split("host/p"), Err("--url: expected http:// or https://".into()));
        assert_eq!(
            split("http://u@h/"),
            Err("--url: expected a host without user information after the scheme".into())
        );
    }
}
