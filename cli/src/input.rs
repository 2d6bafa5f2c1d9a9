//! Reading what a command was given.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use clap::Args;
use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{DocumentError, Pin, PublicKey};

use crate::exit::Fault;

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
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    policy_bundle_signature_public_key: Option<PublicKey>,
    /// Public key that must have signed the trust material
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    bundle_signature_public_key: Option<PublicKey>,
    /// Take documents whose signature nobody checked: for development alone
    #[arg(long)]
    allow_unsigned_dev_bundles: bool,
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        let most = u64::try_from(Limits::DOCUMENT.max_bytes).unwrap_or(u64::MAX);
        // One byte more shows that the file is too large, without reading all of it.
        fs::File::open(path)
            .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(|err| Fault::file(path, err))?;
        Ok(Self { name: path.display().to_string(), bytes })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JSON in it.
    pub fn value(&self) -> Result<Value<'_>, Fault> {
        json::parse(&self.bytes, Limits::DOCUMENT).map_err(|error| Fault::json(&self.name, error))
    }

    /// A fault of the document in it, with the line where the member stands.
    pub fn fault(&self, error: DocumentError) -> Fault {
        let problem = match json::locate(&self.bytes, &error.pointer) {
            Some(at) => format!("{} (line {}, column {})", error.problem, at.line, at.column),
            None => error.problem,
        };
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
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
        return Err(format!("{name:?} is no header name"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

/// A signer class on the command line.
pub fn key_binding(text: &str) -> Result<trustplane_core::KeyBinding, String> {
    trustplane_core::KeyBinding::parse(text)
        .ok_or_else(|| "expected software, remote_kms, hardware_local or attested_workload".to_owned())
}
