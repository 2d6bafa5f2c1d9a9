use super::error::JsonError;
use super::value::Value;

/// A `null` could be read as absent, and what is absent may be a restriction: there is none.
pub fn check_present(value: &Value<'_>) -> Result<(), JsonError> {
    match value {
        Value::Null => Err(JsonError::new("expected a value, found null")),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_present(item).map_err(|fault| fault.within(index))),
        Value::Object(object) => {
            object.iter().try_for_each(|(name, member)| check_present(member).map_err(|fault| fault.within(name)))
        }
        Value::Bool(_) | Value::Integer(_) | Value::String(_) => Ok(()),
    }
}
