use std::collections::HashMap;

use trustplane_core::json::{Object, Value};

use super::build::{Maker, members, name_of};
use super::names::Class;
use super::types::{Authoring, Caller};
use crate::exit::Fault;
use crate::value::{Json, object, value};

impl Maker {
    pub(super) fn policy(&mut self, authored: &Authoring) -> Result<Json, Fault> {
        let mut policy = Object::new();
        for (name, text) in [("policy_id", &authored.policy_id), ("policy_version", &authored.policy_version)] {
            if let Some(text) = text {
                policy.insert(name, value!(text.as_str()));
            }
        }
        policy.insert("trust_domain", value!(authored.trust_domain.as_str()));
        let mut apis = Vec::new();
        let mut groups = Vec::new();
        // Which callers each route has, and where it stands.
        let mut routes: Vec<(&str, String, Vec<Json>)> = Vec::new();
        for (api_number, api) in authored.apis.iter().enumerate() {
            let mut entry = object!({ "api_id": (api.api_id.as_str()) });
            for (name, text) in [("audience", &api.audience), ("base_url", &api.base_url)] {
                if let Some(text) = text {
                    entry.insert(name, value!(text.as_str()));
                }
            }
            apis.push(Value::Object(entry));
            self.places.policy.authored(format!("/route_groups/{api_number}"), format!("/apis/{api_number}"));
            for (number, route) in api.routes.iter().enumerate() {
                if route.freshness_class.or(authored.defaults.freshness_class).is_none() {
                    let pointer = format!("/apis/{api_number}/routes/{number}/freshness_class");
                    return self.places.refuse(pointer, "missing member: defaults name none either");
                }
                routes.push((&route.route_id, format!("/route_groups/{api_number}/routes/{number}"), Vec::new()));
            }
        }
        // Of two with one id the check of the whole document tells.
        let numbers: HashMap<&str, usize> =
            routes.iter().enumerate().map(|(number, route)| (route.0, number)).collect();
        for (number, caller) in authored.callers.iter().enumerate() {
            // Nobody would look at its other members.
            if caller.may_call.is_empty() {
                return self.places.refuse(format!("/callers/{number}/may_call"), "lists nothing");
            }
            let rule = self.rule(number, caller, authored)?;
            for (place, route_id) in caller.may_call.iter().enumerate() {
                let pointer = format!("/callers/{number}/may_call/{place}");
                if caller.may_call[..place].contains(route_id) {
                    return self.places.refuse(pointer, "listed before");
                }
                let known = numbers.get(route_id.as_str()).and_then(|number| routes.get_mut(*number));
                let Some((_, route, rules)) = known else {
                    return self.places.refuse(pointer, format!("no route has the id {route_id:?}"));
                };
                let place = format!("{route}/allowed_sources/{}", rules.len());
                self.places.policy.authored(place, format!("/callers/{number}"));
                rules.push(rule.clone());
            }
        }
        let mut routes = routes.into_iter();
        for api in &authored.apis {
            let listed: Vec<Json> = api
                .routes
                .iter()
                .zip(routes.by_ref())
                .map(|(route, (_, _, rules))| {
                    let mut written = members(route);
                    written.insert("allowed_sources", Value::Array(rules));
                    Value::Object(written)
                })
                .collect();
            groups.push(value!({ "route_group_id": (api.api_id.as_str()), "api_id": (api.api_id.as_str()), "routes": (listed) }));
        }
        policy.insert("apis", Value::Array(apis));
        policy.insert("route_groups", Value::Array(groups));
        self.defaults(authored, &mut policy);
        policy.insert("revocations", Value::Array(Vec::new()));
        Ok(Value::Object(policy))
    }

    fn defaults(&mut self, authored: &Authoring, policy: &mut Object<'static>) {
        let it = &authored.defaults;
        let class = it.required_key_binding.unwrap_or(Class::Software);
        let number = |number: u64| value!(number);
        let written = [
            ("required_key_binding", Some(name_of(&class))),
            ("freshness_class", it.freshness_class.as_ref().map(name_of)),
            ("max_staleness_seconds", it.max_staleness_seconds.map(number)),
            ("query_form", it.query_form.as_ref().map(name_of)),
            ("body_mode", it.body_mode.as_ref().map(name_of)),
            ("max_body_bytes", it.max_body_bytes.map(number)),
        ];
        for (name, value) in written {
            if let Some(value) = value {
                self.places.policy.authored(format!("/default_{name}"), format!("/defaults/{name}"));
                policy.insert(format!("default_{name}"), value);
            }
        }
        if let Some(provenance) = &authored.provenance_policy {
            policy.insert("provenance_policy", Value::Object(members(provenance)));
        }
    }

    fn rule(&self, number: usize, caller: &Caller, authored: &Authoring) -> Result<Json, Fault> {
        let Some(issuer) = authored.issuers.iter().find(|issuer| issuer.issuer == caller.issuer) else {
            return self
                .places
                .refuse(format!("/callers/{number}/issuer"), format!("no issuer {:?} here", caller.issuer));
        };
        let domain = caller.trust_domain.as_ref().or(issuer.trust_domain.as_ref()).unwrap_or(&authored.trust_domain);
        let class = caller.required_key_binding.or(authored.defaults.required_key_binding).unwrap_or(Class::Software);
        let mut rule = Object::new();
        let texts = [
            ("source_type", caller.source_type.as_ref()),
            ("issuer", Some(&caller.issuer)),
            ("trust_domain", Some(domain)),
            ("subject_exact", caller.subject_exact.as_ref()),
            ("subject_prefix", caller.subject_prefix.as_ref()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                rule.insert(name, value!(text.as_str()));
            }
        }
        rule.insert("required_key_binding", name_of(&class));
        if let Some(provenance) = &caller.provenance_policy {
            rule.insert("provenance_policy", Value::Object(members(provenance)));
        }
        if let Some(context) = &caller.context_policy {
            rule.insert("context_policy", Value::Object(members(context)));
        }
        Ok(Value::Object(rule))
    }
}
