use std::env;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use trustplane_broker::SigningKey;
use zeroize::Zeroizing;

use crate::exit::Fault;

/// Where a private key may stand in the environment.
const VARIABLE: &str = "TRUSTPLANE_PRIVATE_KEY";

/// Where the private key comes from.
#[derive(Args, Debug)]
pub struct PrivateKeyArgs {
    /// Private key, base64url; `-` reads it from standard input. Others on this host can read a
    /// command line: prefer --private-key-file or the variable TRUSTPLANE_PRIVATE_KEY
    #[arg(long, value_name = "KEY|-", conflicts_with = "private_key_file", allow_hyphen_values = true)]
    private_key: Option<Zeroizing<String>>,
    /// File with the private key, base64url or PKCS#8 PEM, mode 0600
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
}

impl PrivateKeyArgs {
    /// The key, wherever it stands; `None` when it stands nowhere.
    pub fn find(&self) -> Result<Option<SigningKey>, Fault> {
        let (source, text) = match (&self.private_key, &self.private_key_file) {
            (_, Some(path)) => {
                return SigningKey::from_file(path).map(Some).map_err(|err| Fault::new(err.to_string()));
            }
            (Some(flag), None) if flag.as_str() == "-" => ("standard input", read_stdin()?),
            (Some(flag), None) => ("--private-key", flag.clone()),
            (None, None) => match env::var(VARIABLE) {
                Ok(text) => (VARIABLE, Zeroizing::new(text)),
                Err(env::VarError::NotPresent) => return Ok(None),
                Err(err @ env::VarError::NotUnicode(_)) => return Err(Fault::of(VARIABLE, err)),
            },
        };
        SigningKey::from_text(&text).map(Some).map_err(|err| Fault::of(source, err))
    }

    /// The key; it must stand somewhere.
    pub fn read(&self) -> Result<SigningKey, Fault> {
        self.find()?.ok_or_else(|| {
            Fault::new(format!("no private key: give --private-key-file, --private-key - or {VARIABLE}"))
        })
    }
}

fn read_stdin() -> Result<Zeroizing<String>, Fault> {
    // Room from the start: a growing buffer would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(8192));
    io::stdin().take(8192).read_to_string(&mut text).map_err(|err| Fault::of("standard input", err))?;
    Ok(text)
}
