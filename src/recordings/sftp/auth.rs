//! Signing in to an SSH server: by key (RSA with SHA-2, ECDSA, Ed25519; OpenSSH
//! and PEM files), by password, and where the server asks for that in a
//! dialogue, keyboard-interactive (RFC 4256).

use super::legacy_key;
use super::session::of_ssh;
use crate::config::pbx::SftpConfig;
use crate::recordings::{RecordingsError, Result};
use russh::client::{AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse as Dialogue};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::sync::Arc;

/// Rounds of questions that are answered.
const ROUNDS: usize = 4;

pub(super) async fn sign_in<H: Handler>(ssh: &mut Handle<H>, config: &SftpConfig) -> Result<()> {
    let answer = match &config.key_file {
        Some(file) => by_key(ssh, config, file).await?,
        None => by_password(ssh, config).await?,
    };
    match answer {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { remaining_methods, .. } => {
            Err(RecordingsError::AuthRefused { takes: names(&remaining_methods) })
        }
    }
}

async fn by_key<H: Handler>(ssh: &mut Handle<H>, config: &SftpConfig, file: &Path) -> Result<AuthResult> {
    let key = read_key(config, file)?;
    // Without server-sig-algs (OpenSSH before 7.2 has none) SHA-2 is tried all the same: SHA-1 is refused since 8.8.
    let hash = ssh.best_supported_rsa_hash().await.map_err(|e| of_ssh(&e))?.flatten();
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    ssh.authenticate_publickey(&config.user, key).await.map_err(|e| of_ssh(&e))
}

fn read_key(config: &SftpConfig, file: &Path) -> Result<PrivateKey> {
    let bad = |e: &dyn std::fmt::Display| RecordingsError::BadKey(format!("{}: {e}", file.display()));
    let text = std::fs::read_to_string(file).map(SecretString::from).map_err(|e| bad(&e))?;
    let passphrase = Some(config.key_passphrase.expose_secret()).filter(|p| !p.is_empty());
    if let Some(plain) = passphrase.and_then(|p| legacy_key::decrypted(text.expose_secret(), p)) {
        return decode_secret_key(plain.expose_secret(), None).map_err(|e| bad(&e));
    }
    decode_secret_key(text.expose_secret(), passphrase).map_err(|e| bad(&e))
}

async fn by_password<H: Handler>(ssh: &mut Handle<H>, config: &SftpConfig) -> Result<AuthResult> {
    let password = config.password.expose_secret();
    let answer = ssh.authenticate_password(&config.user, password).await;
    let answer = answer.map_err(|e| of_ssh(&e))?;
    match &answer {
        AuthResult::Failure { remaining_methods, .. }
            if remaining_methods.contains(&MethodKind::KeyboardInteractive) =>
        {
            by_dialogue(ssh, &config.user, password).await
        }
        _ => Ok(answer),
    }
}

/// Every hidden question is answered with the password, nothing else with anything.
async fn by_dialogue<H: Handler>(ssh: &mut Handle<H>, user: &str, password: &str) -> Result<AuthResult> {
    let mut said = ssh.authenticate_keyboard_interactive_start(user, None::<String>).await;
    for _ in 0..ROUNDS {
        match said.map_err(|e| of_ssh(&e))? {
            Dialogue::Success => return Ok(AuthResult::Success),
            Dialogue::Failure { remaining_methods, partial_success } => {
                return Ok(AuthResult::Failure { remaining_methods, partial_success });
            }
            Dialogue::InfoRequest { prompts, .. } => {
                let answers =
                    prompts.iter().map(|p| if p.echo { String::new() } else { password.to_owned() });
                said = ssh.authenticate_keyboard_interactive_respond(answers.collect()).await;
            }
        }
    }
    Ok(AuthResult::Failure { remaining_methods: MethodSet::empty(), partial_success: false })
}

fn names(methods: &MethodSet) -> String {
    let names: Vec<&str> = methods.iter().map(<&str>::from).collect();
    if names.is_empty() { "nothing more".to_owned() } else { names.join(", ") }
}
