//! What proves that a request came from Twilio: HMAC-SHA1 with the account's
//! token over the address and the sorted parameters.
//! <https://www.twilio.com/docs/usage/security#validating-requests>

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;

/// Is `signature` (base64) that of a form posted to `url`? Compared in constant time.
pub fn is_signed(auth_token: &str, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let mut sorted: Vec<&(String, String)> = form.iter().collect();
    sorted.sort();
    let mut text = url.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    BASE64_STANDARD
        .decode(signature)
        .is_ok_and(|given| !auth_token.is_empty() && hmac::verify(&key, text.as_bytes(), &given).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Twilio's own documentation.
    #[test]
    fn twilios_own_example_is_accepted_and_nothing_else() {
        let url = "https://example.com/myapp.php?foo=1&bar=2";
        let form: Vec<(String, String)> = [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675310"),
            ("Caller", "+14158675310"),
            ("CallSid", "CA1234567890ABCDE"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec();
        let signature = "L/OH5YylLD5NRKLltdqwSvS0BnU=";
        assert!(is_signed("12345", url, &form, signature));
        assert!(!is_signed("12346", url, &form, signature));
        assert!(!is_signed("12345", &url.replace("foo=1", "foo=2"), &form, signature));
        assert!(!is_signed("12345", url, &form[1..], signature));
        assert!(!is_signed("12345", url, &form, "not base64"));
        assert!(!is_signed("", url, &form, signature));
    }
}
