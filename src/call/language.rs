//! Languages as transcripts name them.

/// Names and three-letter codes (ISO 639-2 and -3) of the languages that have a lexicon.
const NAMES: [(&str, &[&str]); 3] = [
    ("en", &["english", "eng", "inglés", "ingles", "anglais"]),
    ("es", &["spanish", "castilian", "spa", "español", "espanol", "castellano", "espagnol"]),
    ("fr", &["french", "fra", "fre", "français", "francais", "francés", "frances"]),
];

/// ISO 639-1 of `en-US`, `en_us`, `eng`, `English`, `Spanish; Castilian`. Other
/// languages keep the first part of their name, in lower case.
pub fn language_code(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let first = name.split(|c: char| !c.is_alphanumeric()).find(|part| !part.is_empty()).unwrap_or("");
    let known = NAMES.iter().find(|(code, names)| *code == first || names.contains(&first));
    known.map_or_else(|| first.chars().take(8).collect(), |(code, _)| (*code).to_owned())
}

#[cfg(test)]
mod tests {
    use super::language_code;

    #[test]
    fn languages_are_known_by_code_and_by_name() {
        for name in ["en", "EN", "en-US", "en_gb", "eng", "English", "ENGLISH", " english "] {
            assert_eq!(language_code(name), "en", "{name}");
        }
        for name in ["es-419", "spa", "Castilian", "Spanish; Castilian", "español"] {
            assert_eq!(language_code(name), "es", "{name}");
        }
        for name in ["fr-CA", "fre", "fra", "French"] {
            assert_eq!(language_code(name), "fr", "{name}");
        }
        // Estonian is not Spanish, Frisian is not French.
        for name in ["estonian", "est", "frisian", "enochian", "", "cy"] {
            assert!(!["en", "es", "fr"].contains(&language_code(name).as_str()), "{name}");
        }
    }
}
