use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::Texts;
use super::decimal::Decimal;
use super::provenance::{Requirements, Shortfall};
use crate::document::DocumentError;
use crate::facts::Facts;

const CEILING: &str = "max_txn_value";
const CEILING_ALIAS: &str = "required_max_txn_value";

/// What a caller must say it is about.
#[derive(Debug)]
pub(super) struct Context {
    required: Requirements,
    /// The largest amount a caller may state.
    ceiling: Option<Decimal<'static>>,
}

/// A context policy as bundles write it: `required_<field>` members and a ceiling.
#[derive(Debug)]
pub(super) struct ContextPolicy<'a>(Vec<(&'a str, Term<'a>)>);

#[derive(Debug)]
enum Term<'a> {
    Amount(u64),
    Text(&'a str),
}

impl ContextPolicy<'_> {
    pub(super) fn compile(self, texts: &mut Texts) -> Result<Context, DocumentError> {
        let Self(terms) = self;
        let mut required = Vec::new();
        let mut ceiling = None;
        for (name, term) in terms {
            let refuse = |problem| Err(DocumentError::new("", problem).within(name));
            match (name, term) {
                (CEILING | CEILING_ALIAS, _) if ceiling.is_some() => {
                    return refuse("max_txn_value stands twice, once under each of its names");
                }
                (CEILING | CEILING_ALIAS, term) => match Decimal::parse(&term.to_string()) {
                    Some(amount) => ceiling = Some(amount.into_owned()),
                    None => return refuse("expected a plain decimal that is not negative"),
                },
                (name, Term::Amount(_)) => {
                    return Err(DocumentError::new("", "expected a string, found an integer").within(name));
                }
                (name, Term::Text(value)) => match name.strip_prefix("required_") {
                    Some(field) if !field.is_empty() => required.push((field, value)),
                    _ => return refuse("unknown member"),
                },
            }
        }
        if required.is_empty() && ceiling.is_none() {
            return Err(DocumentError::new("", "requires nothing"));
        }
        Ok(Context { required: Requirements::new(required.into_iter(), texts), ceiling })
    }
}

impl Context {
    /// Whether `facts` state every required field exactly and an amount within the ceiling.
    pub(super) fn check(&self, facts: Option<&Facts>) -> Result<(), Shortfall> {
        let amount = self.ceiling.as_ref().map(|ceiling| {
            let stated = facts.and_then(|facts| facts.value(CEILING)).ok_or(Shortfall::Missing)?;
            let amount = Decimal::parse(stated).ok_or(Shortfall::Mismatch)?;
            match amount.compare(ceiling) {
                Ordering::Greater => Err(Shortfall::Mismatch),
                Ordering::Equal | Ordering::Less => Ok(()),
            }
        });
        match (self.required.check(facts), amount.unwrap_or(Ok(()))) {
            (Err(one), Err(other)) => Err(one.min(other)),
            (required, amount) => required.and(amount),
        }
    }
}

impl fmt::Display for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ContextPolicy<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Terms;
        impl<'de> Visitor<'de> for Terms {
            type Value = ContextPolicy<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ContextPolicy<'de>, A::Error> {
                let mut terms = Vec::new();
                while let Some(term) = members.next_entry()? {
                    terms.push(term);
                }
                Ok(ContextPolicy(terms))
            }
        }
        deserializer.deserialize_map(Terms)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Term<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl<'de> Visitor<'de> for Scalar {
            type Value = Term<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Term<'de>, E> {
                Ok(Term::Amount(number))
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Term<'de>, E> {
                Ok(Term::Text(text))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::json::{self, Limits};

    fn compile(text: &str) -> Result<Context, String> {
        let value = json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        let policy = json::decode::<ContextPolicy<'_>>(&value).map_err(|error| error.to_string())?;
        policy.compile(&mut Texts::default()).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(policy: &str, facts: &[(&str, &str)]) -> Result<(), Shortfall> {
        let facts = Facts::new(facts.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
        compile(policy).unwrap().check(Some(&facts))
    }

    #[test]
    fn required_fields_must_be_stated_as_required() {
        let policy = r#"{"required_tool_name":"t","required_required_x":"y"}"#;
        assert_eq!(check(policy, &[("tool_name", "t"), ("required_x", "y"), ("more", "z")]), Ok(()));
        assert_eq!(check(policy, &[("tool_name", "t")]), Err(Shortfall::Missing));
        assert_eq!(check(policy, &[("tool_name", "T"), ("required_x", "y")]), Err(Shortfall::Mismatch));
        assert_eq!(compile(policy).unwrap().check(None), Err(Shortfall::Missing));
    }

    #[test]
    fn an_amount_stays_within_its_ceiling() {
        for policy in
            [r#"{"max_txn_value":1000}"#, r#"{"max_txn_value":"1000.00"}"#, r#"{"required_max_txn_value":"1000"}"#]
        {
            for (amount, outcome) in [
                ("1000", Ok(())),
                ("1000.000", Ok(())),
                ("999.99", Ok(())),
                ("1000.01", Err(Shortfall::Mismatch)),
                ("10000", Err(Shortfall::Mismatch)),
                ("-1", Err(Shortfall::Mismatch)),
                ("1e2", Err(Shortfall::Mismatch)),
                ("", Err(Shortfall::Mismatch)),
            ] {
                assert_eq!(check(policy, &[("max_txn_value", amount)]), outcome, "{policy} {amount}");
            }
            assert_eq!(check(policy, &[("required_max_txn_value", "1")]), Err(Shortfall::Missing));
        }
        let both = r#"{"required_purpose":"p","max_txn_value":1}"#;
        assert_eq!(check(both, &[("max_txn_value", "2")]), Err(Shortfall::Missing));
        assert_eq!(check(both, &[("max_txn_value", "2"), ("purpose", "p")]), Err(Shortfall::Mismatch));
        assert_eq!(check(both, &[("max_txn_value", "1"), ("purpose", "p")]), Ok(()));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        for (policy, error) in [
            ("{}", "requires nothing"),
            (r#"{"tool_name":"t"}"#, "/tool_name: unknown member"),
            (r#"{"required_":"t"}"#, "/required_: unknown member"),
            (r#"{"required_x":1}"#, "/required_x: expected a string, found an integer"),
            (r#"{"required_x":["a"]}"#, "/required_x: expected a string, found an array"),
            (r#"{"max_txn_value":-1}"#, "/max_txn_value: expected a string, found an integer"),
            (r#"{"max_txn_value":"1e3"}"#, "/max_txn_value: expected a plain decimal that is not negative"),
            (r#"{"max_txn_value":true}"#, "/max_txn_value: expected a string, found a boolean"),
            (
                r#"{"max_txn_value":1,"required_max_txn_value":1}"#,
                "/required_max_txn_value: max_txn_value stands twice, once under each of its names",
            ),
            ("[]", "expected an object, found an array"),
        ] {
            assert_eq!(compile(policy).err().as_deref(), Some(error));
        }
    }
}
