use std::fmt;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trustplane_core::json::{Object, Value};
use trustplane_core::{BodyMode, DocumentError, Freshness, MatchType, Pin, Policy, PublicKey, Route, UnixTime};

use crate::bundle::Kind;
use crate::exit::{Fault, Verdict};
use crate::input::{Source, public_key};
use crate::output::Output;
use crate::table::Table;

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// Policy bundle or trust material; a policy wrapped in `policy_bundle`, as in the published
    /// vectors, is unwrapped
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also check the signature under this public key
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    public_key: Option<PublicKey>,
}

/// What a document says, in short.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    kind: &'static str,
    signed_by: SignedBy<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<RouteLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyLine<'a>>,
    revocations: usize,
}

#[derive(Debug, Serialize)]
struct SignedBy<'a> {
    issuer: &'a str,
    kid: &'a str,
    alg: &'a str,
    /// Whether the signature was checked; a wrong one is a fault.
    verified: bool,
}

#[derive(Debug, Serialize)]
struct RouteLine<'a> {
    route_id: &'a str,
    method: &'a str,
    path_template: &'a str,
    match_type: &'static str,
    audience: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    required_key_binding: &'static str,
    freshness: String,
    query_form: &'static str,
    body_mode: &'static str,
    sources: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KeyLine<'a> {
    issuer: &'a str,
    trust_domain: &'a str,
    kid: &'a str,
    public_key: &'a str,
    max_key_binding: &'a str,
    status: &'a str,
}

impl Inspect {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let source = Source::read(&self.file)?;
        let file = source.value()?;
        let (wrapper, document) = match file.as_object().and_then(|file| file.get("policy_bundle")) {
            Some(inner) => (Some("policy_bundle"), inner),
            None => (None, &file),
        };
        let at = |error: DocumentError| {
            source.fault(match wrapper {
                Some(wrapper) => error.within(wrapper),
                None => error,
            })
        };
        let kind = Kind::of(document).ok_or_else(|| {
            let problem = format!("expected {:?} or {:?}", Kind::Policy.name(), Kind::Trust.name());
            at(DocumentError::new("/kind", problem))
        })?;
        let verified = self.public_key.is_some();
        let pin = self.public_key.map_or(Pin::UnsignedDev, Pin::Key);
        kind.check(document, &pin).map_err(at)?;
        let Some(members) = document.as_object() else { unreachable!("it has a kind") };
        let mut summary = Summary {
            kind: kind.name(),
            signed_by: signed_by(members, verified),
            issued_at: match members.get("issued_at") {
                Some(Value::Integer(secs)) => Some(*secs),
                _ => None,
            },
            trust_domain: text(members, "trust_domain"),
            routes: Vec::new(),
            keys: Vec::new(),
            revocations: items(members, "revocations").count(),
        };
        match kind {
            Kind::Policy => {
                let policy = Policy::load(document, &pin).map_err(at)?;
                summary.routes = policy.routes().zip(rules(members)).map(|(route, rules)| line(route, rules)).collect();
                output.show(&summary)?;
            }
            Kind::Trust => {
                summary.keys = keys(members);
                output.show(&summary)?;
            }
        }
        Ok(Verdict::Allow)
    }
}

fn signed_by<'a>(members: &'a Object<'_>, verified: bool) -> SignedBy<'a> {
    let by = members.get("signed_by").and_then(Value::as_object);
    let member = |name| by.and_then(|by| text(by, name)).unwrap_or_default();
    SignedBy { issuer: member("issuer"), kid: member("kid"), alg: member("alg"), verified }
}

/// The source rules of each route, in the order of the document.
fn rules<'a>(members: &'a Object<'_>) -> impl Iterator<Item = Vec<String>> + 'a {
    let routes = items(members, "route_groups").flat_map(|group| items(group, "routes"));
    routes.map(|route| items(route, "allowed_sources").map(rule).collect())
}

fn rule(rule: &Object<'_>) -> String {
    let member = |name| text(rule, name).unwrap_or_default();
    let subject = match text(rule, "subject_prefix") {
        Some(prefix) => format!("{prefix}*"),
        None => member("subject_exact").to_owned(),
    };
    format!(
        "{subject} of {} in {}, {} or higher",
        member("issuer"),
        member("trust_domain"),
        member("required_key_binding")
    )
}

fn line<'a>(route: &'a Route, sources: Vec<String>) -> RouteLine<'a> {
    RouteLine {
        route_id: route.route_id(),
        method: route.method(),
        path_template: route.path_template(),
        match_type: match route.match_type() {
            MatchType::Exact => "Exact",
            MatchType::PathPrefix => "PathPrefix",
        },
        audience: route.audience(),
        base_url: route.base().map(|base| base.url()),
        required_key_binding: route.required_key_binding().as_str(),
        freshness: match route.freshness() {
            Freshness::Bounded { max_staleness_seconds: 0 } => "bounded without a maximum: denies".to_owned(),
            Freshness::Bounded { max_staleness_seconds } => format!("bounded {max_staleness_seconds} s"),
            Freshness::OfflineOk => "offline-ok".to_owned(),
            Freshness::Realtime => "realtime".to_owned(),
            Freshness::Unknown => "unknown: denies".to_owned(),
        },
        query_form: route.query_form().as_str(),
        body_mode: match route.body_mode() {
            BodyMode::Claimed => "claimed",
            BodyMode::Hashed => "hashed",
            BodyMode::None => "none",
        },
        sources,
    }
}

fn keys<'a>(members: &'a Object<'_>) -> Vec<KeyLine<'a>> {
    let mut lines = Vec::new();
    for issuer in items(members, "issuers") {
        for key in items(issuer, "keys") {
            lines.push(KeyLine {
                issuer: text(issuer, "issuer").unwrap_or_default(),
                trust_domain: text(issuer, "trust_domain").unwrap_or_default(),
                kid: text(key, "kid").unwrap_or_default(),
                public_key: text(key, "public_key_b64url").unwrap_or_default(),
                max_key_binding: text(key, "max_key_binding").unwrap_or("software"),
                status: text(key, "status").unwrap_or("active"),
            });
        }
    }
    lines
}

fn text<'v>(object: &'v Object<'_>, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str)
}

fn items<'v, 'a>(object: &'v Object<'a>, name: &str) -> impl Iterator<Item = &'v Object<'a>> + use<'v, 'a> {
    let items = match object.get(name) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(Value::as_object)
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SignedBy { issuer, kid, alg, verified } = &self.signed_by;
        let signature = match (*alg, *verified) {
            ("none", _) => "not signed",
            (_, true) => "verified",
            (_, false) => "not checked, see --public-key",
        };
        writeln!(f, "{}, signed by {issuer} with {kid}: {signature}", self.kind)?;
        match self.issued_at {
            Some(secs) => writeln!(f, "issued at {}", UnixTime::from_secs(secs.unsigned_abs()).rfc3339())?,
            None => writeln!(f, "no time of issue")?,
        }
        if let Some(trust_domain) = self.trust_domain {
            writeln!(f, "trust domain {trust_domain}")?;
        }
        writeln!(f, "{} revocation(s)\n", self.revocations)?;
        for route in &self.routes {
            writeln!(f, "{} {}  ({}, {})", route.method, route.path_template, route.route_id, route.match_type)?;
            writeln!(
                f,
                "  audience {}, {} or higher, {}",
                route.audience, route.required_key_binding, route.freshness
            )?;
            writeln!(f, "  query {}, body {}", route.query_form, route.body_mode)?;
            for source in &route.sources {
                writeln!(f, "  from {source}")?;
            }
        }
        if !self.keys.is_empty() {
            let mut table = Table::new(["issuer", "trust domain", "kid", "grants up to", "status", "public key"]);
            for key in &self.keys {
                table.row([key.issuer, key.trust_domain, key.kid, key.max_key_binding, key.status, key.public_key]);
            }
            write!(f, "{table}")?;
        }
        Ok(())
    }
}
