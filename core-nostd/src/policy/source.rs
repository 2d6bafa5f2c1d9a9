use alloc::boxed::Box;
use alloc::sync::Arc;

use super::Texts;
use super::context::Context;
use super::provenance::{Requirements, Shortfall};
use super::route::Route;
use super::wire;
use crate::binding::KeyBinding;
use crate::document::{self, DocumentError};
use crate::facts::Facts;
use crate::reason::Reason;

/// What a verified passport shows to a route's source rules.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Who issued it.
    pub issuer: &'a str,
    /// The trust domain it states, which is its issuer's.
    pub trust_domain: &'a str,
    /// Who it is about.
    pub subject: &'a str,
    /// The class it claims.
    pub key_binding: KeyBinding,
    /// The highest class its issuer's key may grant.
    pub issuer_max: KeyBinding,
    /// How the caller came by its identity.
    pub provenance: Option<&'a Facts>,
    /// What the caller says it is about.
    pub context: Option<&'a Facts>,
}

/// One kind of caller that a route allows.
#[derive(Debug)]
pub(super) struct Source {
    issuer: Arc<str>,
    trust_domain: Arc<str>,
    subject: Selector,
    required_key_binding: KeyBinding,
    provenance: Requirements,
    context: Option<Box<Context>>,
}

#[derive(Debug)]
enum Selector {
    Exact(Arc<str>),
    /// Ends in `:` or `/`: `…/ns/a` would admit `…/ns/ab`.
    Prefix(Arc<str>),
}

/// Where a source rule stopped, in the order of checks.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stage {
    Issuer,
    TrustDomain,
    Subject,
    KeyBinding,
    Provenance(Shortfall),
    Context(Shortfall),
}

impl Source {
    /// Whether this rule of `route` admits the caller; else where it stopped.
    pub(super) fn check(&self, route: &Route, who: &Presented<'_>) -> Result<(), Stage> {
        if *self.issuer != *who.issuer {
            return Err(Stage::Issuer);
        }
        if *self.trust_domain != *who.trust_domain {
            return Err(Stage::TrustDomain);
        }
        if !self.subject.selects(who.subject) {
            return Err(Stage::Subject);
        }
        // A class is worth what its issuer is worth: callers that issue their own passports could
        // write any class into them.
        let required = self.required_key_binding.max(route.required_key_binding());
        if !(required..=who.issuer_max).contains(&who.key_binding) {
            return Err(Stage::KeyBinding);
        }
        let everyones = route.provenance().map_or(Ok(()), |required| required.check(who.provenance));
        match (everyones, self.provenance.check(who.provenance)) {
            (Ok(()), Ok(())) => {}
            (Err(one), Err(other)) => return Err(Stage::Provenance(one.min(other))),
            (Err(shortfall), Ok(())) | (Ok(()), Err(shortfall)) => return Err(Stage::Provenance(shortfall)),
        }
        let context = self.context.as_ref().map_or(Ok(()), |required| required.check(who.context));
        context.map_err(Stage::Context)
    }
}

impl Selector {
    fn selects(&self, subject: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *subject,
            Self::Prefix(prefix) => subject.starts_with(&**prefix),
        }
    }
}

impl Stage {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Issuer => Reason::SourceIssuerMismatch,
            Self::TrustDomain => Reason::SourceTrustDomainMismatch,
            Self::Subject => Reason::SourceSubjectMismatch,
            Self::KeyBinding => Reason::InsufficientKeyBinding,
            Self::Provenance(Shortfall::Missing) => Reason::MissingProvenance,
            Self::Provenance(Shortfall::Mismatch) => Reason::ProvenanceMismatch,
            Self::Context(Shortfall::Missing) => Reason::MissingContext,
            Self::Context(Shortfall::Mismatch) => Reason::ContextMismatch,
        }
    }
}

impl wire::Source<'_> {
    pub(super) fn compile(self, texts: &mut Texts) -> Result<Source, DocumentError> {
        let Self {
            source_type: _source_type,
            issuer,
            trust_domain,
            subject_exact,
            subject_prefix,
            required_key_binding,
            provenance_policy,
            context_policy,
        } = self;
        let subject = match (subject_exact, subject_prefix) {
            (Some(exact), None) => Selector::Exact(texts.keep(exact)),
            (None, Some(prefix)) if prefix.ends_with([':', '/']) => Selector::Prefix(texts.keep(prefix)),
            (None, Some(_)) => return Err(DocumentError::new("/subject_prefix", "must end in ':' or '/'")),
            (Some(_), Some(_)) => {
                return Err(DocumentError::new("", "has both subject_exact and subject_prefix"));
            }
            (None, None) => return Err(DocumentError::new("", "has neither subject_exact nor subject_prefix")),
        };
        let required_key_binding =
            document::key_binding(required_key_binding).map_err(|error| error.within("required_key_binding"))?;
        let provenance = provenance_policy.map(|policy| policy.compile(texts));
        let provenance = provenance.transpose().map_err(|error| error.within("provenance_policy"))?;
        let context = context_policy.map(|policy| policy.compile(texts));
        let context = context.transpose().map_err(|error| error.within("context_policy"))?;
        Ok(Source {
            issuer: texts.keep(issuer),
            trust_domain: texts.keep(trust_domain),
            subject,
            required_key_binding,
            provenance: provenance.unwrap_or_default(),
            context: context.map(Box::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::super::Policy;
    use super::*;
    use crate::document::Pin;
    use crate::json::{self, Limits};

    fn policy(route: &str, sources: &str, rest: &str) -> Policy {
        let text = format!(
            r#"{{"version":"trustplane-bundle-v1","kind":"policy_runtime_bundle","trust_domain":"td",
            "apis":[{{"api_id":"a","audience":"aud"}}],"default_required_key_binding":"software"{rest},
            "route_groups":[{{"route_group_id":"g","api_id":"a","routes":[
                {{"route_id":"r","method":"GET","path_template":"/a","allowed_sources":[{sources}]{route}}}]}}],
            "signed_by":{{"issuer":"i","kid":"k","alg":"none"}},"signature":{{"format":"unsigned-skeleton","value":"v"}}}}"#
        );
        Policy::load(&json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap(), &Pin::UnsignedDev).unwrap()
    }

    fn source(issuer: &str, trust_domain: &str, subject: &str, class: &str, rest: &str) -> String {
        format!(
            r#"{{"issuer":"{issuer}","trust_domain":"{trust_domain}",{subject},"required_key_binding":"{class}"{rest}}}"#
        )
    }

    fn facts(facts: &[(&str, &str)]) -> Facts {
        Facts::new(facts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    const WHO: Presented<'_> = Presented {
        issuer: "i",
        trust_domain: "td",
        subject: "spiffe://td/ns/a/sa/b",
        key_binding: KeyBinding::Software,
        issuer_max: KeyBinding::Software,
        provenance: None,
        context: None,
    };
    const SUBJECT: &str = r#""subject_exact":"spiffe://td/ns/a/sa/b""#;

    #[track_caller]
    fn admit(policy: &Policy, who: &Presented<'_>) -> Result<(), Reason> {
        policy.route("GET", "/a").unwrap().admit(who)
    }

    #[test]
    fn a_route_without_sources_denies_everyone() {
        assert_eq!(admit(&policy("", "", ""), &WHO), Err(Reason::SourceIssuerMismatch));
    }

    #[test]
    fn each_stage_has_its_reason() {
        let context = r#","context_policy":{"required_purpose":"p"}"#;
        let provenance = r#","provenance_policy":{"profile":"p"}"#;
        for (rule, reason) in [
            (source("o", "td", SUBJECT, "software", ""), Reason::SourceIssuerMismatch),
            (source("i", "other", SUBJECT, "software", ""), Reason::SourceTrustDomainMismatch),
            (
                source("i", "td", r#""subject_exact":"spiffe://td/ns/a/sa/bb""#, "software", ""),
                Reason::SourceSubjectMismatch,
            ),
            (
                source("i", "td", r#""subject_prefix":"spiffe://td/ns/b/""#, "software", ""),
                Reason::SourceSubjectMismatch,
            ),
            (source("i", "td", SUBJECT, "remote_kms", ""), Reason::InsufficientKeyBinding),
            (source("i", "td", SUBJECT, "software", provenance), Reason::MissingProvenance),
            (source("i", "td", SUBJECT, "software", context), Reason::MissingContext),
        ] {
            assert_eq!(admit(&policy("", &rule, ""), &WHO), Err(reason));
        }
        let stated = facts(&[("profile", "x"), ("purpose", "x")]);
        let who = Presented { provenance: Some(&stated), context: Some(&stated), ..WHO };
        let rule = source("i", "td", SUBJECT, "software", provenance);
        assert_eq!(admit(&policy("", &rule, ""), &who), Err(Reason::ProvenanceMismatch));
        let rule = source("i", "td", SUBJECT, "software", context);
        assert_eq!(admit(&policy("", &rule, ""), &who), Err(Reason::ContextMismatch));
        let rule = source("i", "td", r#""subject_prefix":"spiffe://td/ns/a/""#, "software", "");
        assert_eq!(admit(&policy("", &rule, ""), &who), Ok(()));
    }

    #[test]
    fn the_furthest_stage_of_any_rule_is_reported() {
        let far = source("i", "td", SUBJECT, "software", r#","context_policy":{"required_purpose":"p"}"#);
        let near = source("o", "td", SUBJECT, "software", "");
        let middle = source("i", "td", SUBJECT, "attested_workload", "");
        for rules in [[&far, &near, &middle], [&near, &middle, &far], [&middle, &far, &near]] {
            let rules = rules.map(String::as_str).join(",");
            assert_eq!(admit(&policy("", &rules, ""), &WHO), Err(Reason::MissingContext));
        }
        let rules = [middle.as_str(), near.as_str()].join(",");
        assert_eq!(admit(&policy("", &rules, ""), &WHO), Err(Reason::InsufficientKeyBinding));
        let passing = source("i", "td", SUBJECT, "software", "");
        let rules = [far.as_str(), passing.as_str()].join(",");
        assert_eq!(admit(&policy("", &rules, ""), &WHO), Ok(()));
    }

    #[test]
    fn the_class_must_reach_route_and_rule_and_stay_below_its_issuer() {
        use KeyBinding::{AttestedWorkload, HardwareLocal, RemoteKms, Software};
        for (route, rule, claimed, issuer_max, admitted) in [
            ("software", "software", Software, Software, true),
            ("remote_kms", "software", Software, AttestedWorkload, false),
            ("software", "remote_kms", Software, AttestedWorkload, false),
            ("remote_kms", "software", RemoteKms, RemoteKms, true),
            ("software", "hardware_local", AttestedWorkload, AttestedWorkload, true),
            ("software", "software", AttestedWorkload, Software, false),
            ("software", "software", HardwareLocal, RemoteKms, false),
            ("attested_workload", "software", Software, Software, false),
        ] {
            let rule = source("i", "td", SUBJECT, rule, "");
            let policy = policy(&format!(r#","required_key_binding":"{route}""#), &rule, "");
            let who = Presented { key_binding: claimed, issuer_max, ..WHO };
            let outcome = if admitted { Ok(()) } else { Err(Reason::InsufficientKeyBinding) };
            assert_eq!(admit(&policy, &who), outcome, "{who:?}");
        }
    }

    #[test]
    fn the_bundles_provenance_policy_holds_for_every_source() {
        let everyones = r#","provenance_policy":{"required_posture":"verified"}"#;
        let own = r#","provenance_policy":{"profile":"p"}"#;
        let one = policy("", &source("i", "td", SUBJECT, "software", ""), everyones);
        let both = policy("", &source("i", "td", SUBJECT, "software", own), everyones);
        for (stated, with_one, with_both) in [
            (&[("posture", "verified"), ("profile", "p")][..], Ok(()), Ok(())),
            (&[("posture", "verified")], Ok(()), Err(Reason::MissingProvenance)),
            (
                &[("posture", "none"), ("profile", "p")],
                Err(Reason::ProvenanceMismatch),
                Err(Reason::ProvenanceMismatch),
            ),
            (&[("posture", "none")], Err(Reason::ProvenanceMismatch), Err(Reason::MissingProvenance)),
            (&[("profile", "p")], Err(Reason::MissingProvenance), Err(Reason::MissingProvenance)),
        ] {
            let stated = facts(stated);
            let who = Presented { provenance: Some(&stated), ..WHO };
            assert_eq!(admit(&one, &who), with_one, "{stated:?}");
            assert_eq!(admit(&both, &who), with_both, "{stated:?}");
        }
    }
}
