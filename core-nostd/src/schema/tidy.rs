use alloc::string::String;

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::text::MAX_INTEGER;

/// Says what the strict reader does everywhere: no `null` stands for an absent member, no string is
/// empty or holds a control character, no number is beyond 2^53.
pub(super) fn tidy(schema: &mut Schema) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    without_null(members);
    // The strict reader knows no kinds of integers but the range, which follows.
    let format = members.get("format").and_then(Value::as_str).filter(|format| format.contains("int"));
    let most = match format {
        Some("uint32") => Some(u32::MAX.into()),
        Some(_) => Some(MAX_INTEGER),
        None => None,
    };
    if let Some(most) = most {
        members.remove("format");
        members.entry("maximum").or_insert(most.into());
    }
    let plain = members.get("type") == Some(&json!("string"))
        && !["enum", "const", "minLength"].iter().any(|name| members.contains_key(*name));
    if plain {
        members.remove("type");
        members.insert("$ref".into(), "#/$defs/Text".into());
    }
}

/// An optional member is there with a value, or not there.
fn without_null(members: &mut Map<String, Value>) {
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
    if let Some(Value::Array(types)) = members.get("type")
        && let [own, null] = types.as_slice()
        && null == "null"
    {
        let own = own.clone();
        members.insert("type".into(), own);
    }
    if let Some(Value::Array(choices)) = members.get("anyOf")
        && let [Value::Object(own), null] = choices.as_slice()
        && *null == json!({ "type": "null" })
    {
        let own = own.clone();
        members.remove("anyOf");
        members.extend(own);
    }
}
