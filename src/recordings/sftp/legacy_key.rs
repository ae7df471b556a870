//! An elliptic key in an encrypted PEM file of the old kind ("DEK-Info:
//! AES-128-CBC", as `ssh-keygen -m PEM -N …` and OpenSSL write it), which russh
//! takes for an RSA key: decrypted here, and handed on as the plain PEM.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::SecretString;

const BEGIN: &str = "-----BEGIN EC PRIVATE KEY-----";
const END: &str = "-----END EC PRIVATE KEY-----";
const CIPHER: &str = "DEK-Info: AES-128-CBC,";

/// The plain PEM of such a file; `None` for every other file and for a wrong passphrase.
pub(super) fn decrypted(file: &str, passphrase: &str) -> Option<SecretString> {
    let (_, rest) = file.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    let (_, body) = body.split_once(CIPHER)?;
    let (iv, body) = body.split_once('\n')?;
    let iv = bytes_of_hex(iv.trim())?;
    let mut secret = BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    // OpenSSL's EVP_BytesToKey with MD5 and one round, salted with the vector's first half.
    let mut key = md5::Context::new();
    key.consume(passphrase.as_bytes());
    key.consume(iv.get(..8)?);
    let key = key.finalize();
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(&key.0, &iv).ok()?;
    let plain = cipher.decrypt_padded::<Pkcs7>(&mut secret).ok()?;
    // A wrong passphrase may leave good padding; SEC 1 (C.4) begins with a sequence.
    if plain.first() != Some(&0x30) {
        return None;
    }
    Some(SecretString::from(format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(plain))))
}

fn bytes_of_hex(text: &str) -> Option<[u8; 16]> {
    let mut out = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(out)
}
