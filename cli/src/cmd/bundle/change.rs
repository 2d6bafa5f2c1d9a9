use std::path::{Path, PathBuf};

use clap::Args;
use trustplane_broker::SigningKey;
use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{DocumentError, Pin, UnixTime};

use crate::bundle::{Kind, Signer, sign_text, unsign_text};
use crate::clock;
use crate::exit::Fault;
use crate::files::{self, Readers};
use crate::input::{self, Source};
use crate::output::Output;

/// Who vouches for a document after a change.
#[derive(Args, Debug)]
pub(super) struct SigningArgs {
    /// Sign what was changed with the private key in this file; without it, a signature that was
    /// there is taken off, for it does not cover the change
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Who signs, as signed_by.issuer says; as before when not given
    #[arg(long, value_name = "ISSUER", requires_all = ["signing_key", "signer_kid"])]
    signer_issuer: Option<String>,
    /// The id of the signing key; as before when not given
    #[arg(long, value_name = "KID", requires_all = ["signing_key", "signer_issuer"])]
    signer_kid: Option<String>,
}

/// A document that is being changed.
#[derive(Debug)]
pub(super) struct Changing {
    source: Source,
    kind: Kind,
    text: String,
    /// Issuer and kid of the signature that it came with.
    signer: Option<(String, String)>,
    issued_at: Option<UnixTime>,
    /// Whether it is signed as it stands.
    pub(super) signed: bool,
    /// What to say once it is written.
    note: Option<String>,
}

impl SigningArgs {
    pub(super) fn key(&self) -> Result<Option<SigningKey>, Fault> {
        let key = self.signing_key.as_deref().map(SigningKey::from_file);
        key.transpose().map_err(|err| Fault::new(err.to_string()))
    }
}

impl Changing {
    /// Reads a document of this kind, or of either.
    pub(super) fn read(path: &Path, kind: Option<Kind>) -> Result<Self, Fault> {
        let source = Source::read(path)?;
        let document = source.value()?;
        let expected = kind.or(Kind::of(&document)).ok_or_else(|| {
            let problem = format!("expected {:?} or {:?}", Kind::Policy.name(), Kind::Trust.name());
            source.fault(DocumentError::new("/kind", problem))
        })?;
        expected.check(&document, &Pin::UnsignedDev).map_err(|error| source.fault(error))?;
        let member = |name| document.as_object().and_then(|members| members.get(name));
        let by = member("signed_by").and_then(Value::as_object);
        let by = |name| by.and_then(|by| by.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
        let signed = by("alg") != "none";
        let signer = signed.then(|| (by("issuer"), by("kid")));
        let issued_at = match member("issued_at") {
            Some(Value::Integer(secs)) => Some(UnixTime::from_secs(secs.unsigned_abs())),
            _ => None,
        };
        let text = source.text().to_owned();
        Ok(Self { kind: expected, signer, issued_at, signed, note: None, text, source })
    }

    /// Changes the text; what is wrong is told of the file as it was read.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut String) -> Result<T, DocumentError>,
    ) -> Result<T, Fault> {
        let result = change(&mut self.text).map_err(|error| self.source.fault(error))?;
        let changed =
            json::parse(self.text.as_bytes(), Limits::DOCUMENT).map_err(|error| self.source.fault(error.into()))?;
        self.kind.check(&changed, &Pin::UnsignedDev).map_err(|error| self.source.fault(error))?;
        Ok(result)
    }

    /// Signs what was changed, or takes the old signature off.
    pub(super) fn settle(&mut self, args: &SigningArgs, key: Option<&SigningKey>) -> Result<(), Fault> {
        let Some(key) = key else {
            if let Some((issuer, kid)) = self.signer.take() {
                unsign_text(&mut self.text);
                self.signed = false;
                self.note = Some(format!(
                    "{}: the signature of {issuer} ({kid}) is taken off, for it does not cover the change: \
                     sign the document with `trustplane bundle sign`, or change it with --signing-key",
                    self.source.name()
                ));
            }
            return Ok(());
        };
        let (issuer, kid) = match (&args.signer_issuer, &args.signer_kid, &self.signer) {
            (Some(issuer), Some(kid), _) => (issuer.clone(), kid.clone()),
            (_, _, Some(signer)) => {
                // Signing anew would vouch for whatever somebody else had changed before.
                let pin = Pin::Key(key.public_key().clone());
                self.kind.check(&self.source.value()?, &pin).map_err(|error| {
                    let problem = format!(
                        "{}: before the change the document is not one that --signing-key signed; \
                         another signer is named with --signer-issuer and --signer-kid",
                        error.problem
                    );
                    self.source.fault(DocumentError { problem, ..error })
                })?;
                signer.clone()
            }
            _ => {
                let problem = "the document is unsigned: who signs is said with --signer-issuer and --signer-kid";
                return Err(self.source.fault(DocumentError::new("/signed_by", problem)));
            }
        };
        // Verifiers refuse a document that is no newer than the one they hold.
        let issued_at = self.issued_at.map_or_else(clock::now, |before| clock::now().max(before.plus(1)));
        let signer = Signer { key, issuer: &issuer, kid: &kid, issued_at };
        sign_text(self.kind, &mut self.text, &signer).map_err(|error| self.source.fault(error))?;
        self.signed = true;
        Ok(())
    }

    /// Writes the document to `out`, or in place of the one that was read; says in which file it
    /// is, and nothing where it went to standard output: a result does not belong behind it.
    pub(super) fn write(&self, out: Option<&Path>, output: Output) -> Result<Option<String>, Fault> {
        let path = out.unwrap_or(Path::new(self.source.name()));
        let standard = input::is_standard(path);
        if standard {
            output.line(&self.text)?;
        } else {
            files::replace(path, self.text.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(path, err))?;
        }
        if let Some(note) = &self.note {
            output.note(note);
        }
        Ok((!standard).then(|| path.display().to_string()))
    }
}
