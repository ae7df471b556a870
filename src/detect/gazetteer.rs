//! Names that people bear: where a word stands in an answer to "your name",
//! these decide what no rule can, whether it is one. Public-domain lists of the
//! United States' Census Bureau, which hold most Spanish and many French names.

use foldhash::fast::RandomState;
use std::collections::HashSet;
use std::sync::LazyLock;

type Words = HashSet<&'static str, RandomState>;

static GIVEN: LazyLock<Words> = LazyLock::new(|| words(include_str!("gazetteer/given.txt")));
static SURNAMES: LazyLock<Words> = LazyLock::new(|| words(include_str!("gazetteer/surnames.txt")));

fn words(file: &'static str) -> Words {
    file.lines().filter(|l| !l.starts_with('#')).collect()
}

/// `word` in lower case, without accents.
pub fn is_given_name(word: &str) -> bool {
    GIVEN.contains(word)
}

/// One of the commonest surnames.
pub fn is_surname(word: &str) -> bool {
    SURNAMES.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_common_words_are_none() {
        for name in ["delphine", "jose", "margaret", "pierre"] {
            assert!(is_given_name(name), "{name}");
        }
        assert!(is_surname("garcia") && is_surname("hale"));
        for word in ["regarding", "the", "so", "#"] {
            assert!(!is_given_name(word) && !is_surname(word), "{word}");
        }
    }
}
