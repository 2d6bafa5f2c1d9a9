//! Reading what a command was given.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{DocumentError, Pin, PublicKey, UnixTime};

use crate::bundle::span::locate;
use crate::exit::Fault;
use crate::host::Pins;

/// A JSON file and its name, for faults in it.
#[derive(Debug)]
pub struct Source {
    name: String,
    bytes: Vec<u8>,
}

/// Whose documents a command believes.
#[derive(Args, Clone, Debug)]
pub struct PinArgs {
    /// Public key that must have signed the policy bundle
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    pub(crate) policy_bundle_signature_public_key: Option<PublicKey>,
    /// Public key that must have signed the trust material
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = public_key)]
    pub(crate) bundle_signature_public_key: Option<PublicKey>,
    /// Take documents whose signature nobody checked: for development alone
    #[arg(long)]
    pub(crate) allow_unsigned_dev_bundles: bool,
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        let most = u64::try_from(Limits::DOCUMENT.max_bytes).unwrap_or(u64::MAX);
        // One byte more shows that the file is too large, without reading all of it.
        let most = most.saturating_add(1);
        if is_standard(path) {
            let read = io::stdin().take(most).read_to_end(&mut bytes);
            read.map_err(|err| Fault::of("standard input", err))?;
        } else {
            let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
            read.map_err(|err| Fault::file(path, err))?;
        }
        Ok(Self { name: path.display().to_string(), bytes })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text; empty where it is not UTF-8, which [`value`](Self::value) says.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Its text, which must be UTF-8.
    pub fn utf8(&self) -> Result<&str, Fault> {
        str::from_utf8(&self.bytes).map_err(|err| Fault::of(&self.name, format!("not UTF-8: {err}")))
    }

    /// The JSON in it.
    pub fn value(&self) -> Result<Value<'_>, Fault> {
        json::parse(&self.bytes, Limits::DOCUMENT).map_err(|error| Fault::json(&self.name, error))
    }

    /// A fault of the document in it, with the line where the member stands.
    pub fn fault(&self, error: DocumentError) -> Fault {
        let at = locate(self.text(), &error.pointer);
        let problem = format!("{} (line {}, column {})", error.problem, at.line, at.column);
        Fault::member(&self.name, error.pointer, problem)
    }
}

impl PinArgs {
    /// Who vouches for the policy bundle.
    pub fn policy(&self) -> Result<Pin, Fault> {
        self.pin(self.policy_bundle_signature_public_key.as_ref(), "policy-bundle")
    }

    /// Who vouches for the trust material.
    pub fn trust(&self) -> Result<Pin, Fault> {
        self.pin(self.bundle_signature_public_key.as_ref(), "bundle")
    }

    /// Both.
    pub fn pins(&self) -> Result<Pins, Fault> {
        Ok(Pins { policy: self.policy()?, trust: self.trust()? })
    }

    fn pin(&self, key: Option<&PublicKey>, document: &str) -> Result<Pin, Fault> {
        match key {
            Some(key) => Ok(Pin::Key(key.clone())),
            None if self.allow_unsigned_dev_bundles => Ok(Pin::UnsignedDev),
            None => Err(Fault::new(format!(
                "no key to check the bundle's signature with: give --{document}-signature-public-key, \
                 or --allow-unsigned-dev-bundles for development"
            ))),
        }
    }
}

/// A public key on the command line.
pub fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_base64url(text).map_err(|err| err.to_string())
}

/// A header on the command line.
pub fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    if !is_header_name(name) {
        return Err(format!("{name:?} is no header name"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

/// Whether `name` is an HTTP token (RFC 9110 section 5.6.2).
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A signer class on the command line.
pub fn key_binding(text: &str) -> Result<trustplane_core::KeyBinding, String> {
    trustplane_core::KeyBinding::parse(text)
        .ok_or_else(|| "expected software, remote_kms, hardware_local or attested_workload".to_owned())
}

/// Whether this is the name of standard input and output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A moment on the command line or in an authoring file: Unix seconds, or RFC 3339 in UTC.
pub fn moment(text: &str) -> Result<UnixTime, String> {
    if let Ok(secs) = text.parse() {
        return Ok(UnixTime::from_secs(secs));
    }
    let time = humantime::parse_rfc3339(text).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.map(|since| UnixTime::from_secs(since.as_secs()))
        .ok_or_else(|| format!("expected Unix seconds or a time such as 2026-01-31T00:00:00Z, found {text:?}"))
}

/// A length of time on the command line.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| format!("expected a duration such as 24h or 30m, found {text:?}"))
}
