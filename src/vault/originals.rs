//! Originals, sealed to the operator's public keys before their recording is
//! muted (age, <https://age-encryption.org/v1>). This process can seal and
//! cannot open: the private key is never on the server.

use crate::config::keep::{KeepConfig, KeepFolder, OriginalsConfig};
use crate::recordings::RecordingsError;
use crate::recordings::kept::KeptFiles;
use age::{Decryptor, Encryptor, Identity, IdentityFile, Recipient, x25519};
use std::io::{Read, Write};
use std::path::Path;

/// Why an original could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("{0:?} is not an age public key; `age-keygen` prints one, beginning with age1")]
    NotAKey(String),
    #[error("pbx.originals.recipients names no public key, so nobody could open what is sealed")]
    NoRecipients,
    #[error("{0} holds no age private key (a line that begins with AGE-SECRET-KEY-1)")]
    NoIdentity(String),
    #[error("this private key does not open it: it was sealed to another")]
    WrongKey,
    #[error("it is damaged, or no sealed original")]
    Damaged,
    #[error("sealing failed: {0}")]
    Seal(String),
    #[error(transparent)]
    Place(#[from] RecordingsError),
}

/// The sealing of one PBX's originals.
pub struct Originals {
    recipients: Vec<x25519::Recipient>,
    pub kept: KeptFiles,
    pub keep_days: u32,
}

impl Originals {
    /// As the settings say; without a place of their own they are kept in `data`.
    ///
    /// # Errors
    /// When a public key is none, or the place cannot be had.
    pub fn open(config: &OriginalsConfig, data: &Path) -> Result<Originals, SealError> {
        if config.recipients.is_empty() {
            return Err(SealError::NoRecipients);
        }
        let key = |text: &String| text.parse().map_err(|_| SealError::NotAKey(text.clone()));
        let recipients = config.recipients.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let own = KeepConfig::Local(KeepFolder { dir: data.join("originals") });
        let kept = KeptFiles::open(config.keep.as_ref().unwrap_or(&own))?;
        Ok(Originals { recipients, kept, keep_days: config.keep_days })
    }

    /// `bytes`, for whoever holds a private key to one of the public keys.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        let failed = |e: &dyn std::fmt::Display| SealError::Seal(e.to_string());
        let recipients = self.recipients.iter().map(|r| r as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(|e| failed(&e))?;
        let mut sealed = Vec::with_capacity(bytes.len() + 512);
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(&e))?;
        writer.write_all(bytes).map_err(|e| failed(&e))?;
        writer.finish().map_err(|e| failed(&e))?;
        Ok(sealed)
    }
}

/// The private keys in a file, as `age-keygen` writes it.
///
/// # Errors
/// [`SealError::NoIdentity`].
pub fn identities(file: &Path) -> Result<Vec<Box<dyn Identity>>, SealError> {
    let none = || SealError::NoIdentity(file.display().to_string());
    let read = IdentityFile::from_file(file.display().to_string()).map_err(|_| none())?;
    let keys = read.into_identities().map_err(|_| none())?;
    if keys.is_empty() { Err(none()) } else { Ok(keys) }
}

/// Opens what [`Originals::seal`] sealed.
///
/// # Errors
/// [`SealError::WrongKey`] and [`SealError::Damaged`].
pub fn open_sealed(sealed: &[u8], keys: &[Box<dyn Identity>]) -> Result<Vec<u8>, SealError> {
    let decryptor = Decryptor::new_buffered(sealed).map_err(|_| SealError::Damaged)?;
    let opened = decryptor.decrypt(keys.iter().map(|k| k.as_ref()));
    let mut reader = opened.map_err(|e| match e {
        age::DecryptError::NoMatchingKeys | age::DecryptError::KeyDecryptionFailed => SealError::WrongKey,
        _ => SealError::Damaged,
    })?;
    let mut bytes = Vec::with_capacity(sealed.len());
    reader.read_to_end(&mut bytes).map_err(|_| SealError::Damaged)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn sealing(dir: &Path, keys: &[&x25519::Identity]) -> Originals {
        let recipients = keys.iter().map(|k| k.to_public().to_string()).collect();
        Originals::open(&OriginalsConfig { recipients, keep_days: 1, keep: None }, dir).expect("opened")
    }

    #[test]
    fn either_key_opens_it_and_no_other_and_a_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, two, other) =
            (x25519::Identity::generate(), x25519::Identity::generate(), x25519::Identity::generate());
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n * 7) as u8).collect();
        let mut sealed = sealing(dir.path(), &[&one, &two]).seal(&bytes).expect("sealed");
        for key in [one, two] {
            let keys: Vec<Box<dyn Identity>> = vec![Box::new(key)];
            assert!(open_sealed(&sealed, &keys).expect("opened") == bytes);
        }
        let keys: Vec<Box<dyn Identity>> = vec![Box::new(other)];
        assert!(matches!(open_sealed(&sealed, &keys), Err(SealError::WrongKey)));
        assert!(matches!(open_sealed(b"RIFF", &keys), Err(SealError::Damaged)));
        let file = dir.path().join("key.txt");
        let key = x25519::Identity::generate();
        std::fs::write(&file, format!("# created\n{}\n", key.to_string().expose_secret())).expect("a file");
        sealed = sealing(dir.path(), &[&key]).seal(&bytes).expect("sealed");
        let keys = identities(&file).expect("a key");
        assert!(open_sealed(&sealed, &keys).is_ok());
        let middle = sealed.len() / 2;
        sealed[middle] ^= 1;
        assert!(matches!(open_sealed(&sealed, &keys), Err(SealError::Damaged)));
    }

    #[test]
    fn settings_that_could_not_be_opened_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        for (recipients, told) in
            [(vec![], "nobody could open"), (vec!["ssh-ed25519 AAAA".to_owned()], "age-keygen")]
        {
            let config = OriginalsConfig { recipients, keep_days: 1, keep: None };
            let error = Originals::open(&config, dir.path()).err().expect("refused").to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(matches!(identities(&dir.path().join("none")), Err(SealError::NoIdentity(_))));
    }
}
