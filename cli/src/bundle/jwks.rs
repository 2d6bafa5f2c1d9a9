use trustplane_core::json::{Object, Value};
use trustplane_core::{DocumentError, PublicKey};

/// What a key set (RFC 7517 section 5) holds for us.
#[derive(Debug, Default)]
pub struct KeySet {
    /// Its Ed25519 keys: pointer, id and key.
    pub keys: Vec<(String, String, PublicKey)>,
    /// Pointer and kind of the others: signers of other things, which the RFC says to pass by.
    pub passed_by: Vec<(String, String)>,
}

/// Reads a key set.
pub fn read_jwks(set: &Value<'_>) -> Result<KeySet, DocumentError> {
    let listed = match set.as_object().and_then(|set| set.get("keys")) {
        Some(Value::Array(keys)) => keys,
        Some(other) => return Err(DocumentError::new("/keys", format!("expected an array, found {}", other.kind()))),
        None => return Err(DocumentError::new("/keys", "missing member")),
    };
    let mut read = KeySet::default();
    for (number, jwk) in listed.iter().enumerate() {
        let at = |error: DocumentError| error.within(number).within("keys");
        let members = object(jwk).map_err(at)?;
        if members.get("d").is_some() {
            return Err(at(private()));
        }
        let kind = |name| members.get(name).and_then(Value::as_str).unwrap_or_default();
        if kind("kty") != "OKP" || kind("crv") != "Ed25519" {
            let curve = if kind("crv").is_empty() { String::new() } else { format!(" {}", kind("crv")) };
            read.passed_by.push((format!("/keys/{number}"), format!("kty {}{curve}", kind("kty"))));
            continue;
        }
        let (kid, key) = read_jwk(jwk).map_err(at)?;
        let kid =
            kid.ok_or_else(|| at(DocumentError::new("/kid", "missing member: passports name their key by it")))?;
        if read.keys.iter().any(|(_, known, _)| *known == kid) {
            return Err(at(DocumentError::new("/kid", "listed before")));
        }
        read.keys.push((format!("/keys/{number}"), kid, key));
    }
    Ok(read)
}

/// Reads an Ed25519 key (RFC 8037) and its id.
pub fn read_jwk(jwk: &Value<'_>) -> Result<(Option<String>, PublicKey), DocumentError> {
    let members = object(jwk)?;
    if members.get("d").is_some() {
        return Err(private());
    }
    let expected = [
        ("kty", true, &["OKP"][..]),
        ("crv", true, &["Ed25519"]),
        // RFC 9864 gives the algorithm a second name.
        ("alg", false, &["EdDSA", "Ed25519"]),
        ("use", false, &["sig"]),
    ];
    for (name, required, values) in expected {
        let at = |problem: String| DocumentError::new(format!("/{name}"), problem);
        match members.get(name) {
            None if required => return Err(at("missing member".to_owned())),
            None => {}
            Some(value) if value.as_str().is_some_and(|value| values.contains(&value)) => {}
            Some(value) => {
                let found = value.as_str().map_or_else(|| value.kind().to_owned(), |text| format!("{text:?}"));
                return Err(at(format!("expected {:?}, found {found}", values[0])));
            }
        }
    }
    let x = text(members, "x")?.ok_or_else(|| DocumentError::new("/x", "missing member"))?;
    let key = PublicKey::from_base64url(x).map_err(|error| DocumentError::new("/x", error.to_string()))?;
    Ok((text(members, "kid")?.map(str::to_owned), key))
}

fn object<'v, 'a>(value: &'v Value<'a>) -> Result<&'v Object<'a>, DocumentError> {
    value.as_object().ok_or_else(|| DocumentError::new("", format!("expected an object, found {}", value.kind())))
}

fn text<'v>(members: &'v Object<'_>, name: &str) -> Result<Option<&'v str>, DocumentError> {
    let read = |value: &'v Value<'_>| {
        let problem = || DocumentError::new(format!("/{name}"), format!("expected a string, found {}", value.kind()));
        value.as_str().ok_or_else(problem)
    };
    members.get(name).map(read).transpose()
}

fn private() -> DocumentError {
    DocumentError::new("/d", "a private key: verifiers get the public half alone, without d")
}
