//! How long it takes to say something, at the least: a time in which nobody can
//! speak is no time.

/// Seconds to a syllable of one word by itself, when it is swallowed.
pub const FASTEST_S: f64 = 0.04;

/// Syllables of a word; of a written number, those of its digits.
///
/// A rough count, on the low side: it decides only what is impossible.
pub fn syllables(text: &str) -> f64 {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let zeros = text.chars().rev().filter(char::is_ascii_digit).take_while(|c| *c == '0').count();
    // "4000" is "four thousand".
    let said = if zeros > 1 && zeros < digits { digits - zeros + 1 } else { digits };
    let mut count = said as f64 * SYLLABLES_OF_A_DIGIT;
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()) {
        count += letters(word);
    }
    count + text.matches('@').count() as f64
}

/// Pairs ("forty-five") are said a little faster than digits.
const SYLLABLES_OF_A_DIGIT: f64 = 1.5;

/// Groups of vowels.
fn letters(word: &str) -> f64 {
    let (mut groups, mut inside, mut last_is_e, mut unknown) = (0u32, false, false, 0u32);
    for c in word.chars().flat_map(char::to_lowercase) {
        let vowel = is_vowel(c);
        groups += u32::from(vowel && !inside);
        last_is_e = c == 'e' && !inside;
        inside = vowel;
        // Scripts that write no vowels, or whole syllables.
        unknown += u32::from(!vowel && !c.is_ascii() && c as u32 > 0x52F);
    }
    // "five" has one.
    let silent = u32::from(last_is_e && groups > 1);
    f64::from(groups - silent).max(f64::from(unknown) / 2.0).max(1.0)
}

fn is_vowel(c: char) -> bool {
    matches!(
        c,
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'à'..='æ' | 'è'..='ï' | 'ò'..='ö' | 'ù'..='ý' | 'ÿ' | 'œ'
            | 'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я' | 'і' | 'ї' | 'є'
            | 'α' | 'ε' | 'η' | 'ι' | 'ο' | 'υ' | 'ω'
    )
}

/// Seconds that so many words with so many syllables take at the least. One may
/// be swallowed; several in a row are not all.
pub fn least_s(words: usize, syllables: f64) -> f64 {
    let per_syllable = match words {
        0 | 1 => FASTEST_S,
        2 => 0.05,
        3 => 0.06,
        4..=7 => 0.07,
        _ => 0.09,
    };
    syllables * per_syllable
}

/// Seconds that a word takes at the most, where nobody says when it ends.
pub fn longest_s(syllables: f64) -> f64 {
    1.5 + 0.6 * syllables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted_low() {
        for (word, most, least) in [
            ("five", 1.0, 1.0),
            ("seven", 2.0, 2.0),
            ("4532", 8.0, 5.0),
            ("4000", 4.0, 3.0),
            ("www", 3.0, 1.0),
            ("cincuenta", 3.0, 3.0),
            ("четыре", 3.0, 3.0),
            ("dana.field@example.com", 9.0, 6.0),
            ("四五三二", 4.0, 2.0),
            ("", 0.0, 0.0),
        ] {
            let got = syllables(word);
            assert!((least..=most).contains(&got), "{word}: {got}");
        }
    }

    #[test]
    fn nobody_says_a_card_group_in_20_ms_and_everybody_in_800() {
        assert!(least_s(1, syllables("4532")) > 0.02 && least_s(1, syllables("4532")) < 0.5);
        let card: f64 = ["4532", "0151", "1283", "0366"].iter().map(|g| syllables(g)).sum();
        assert!((1.0..2.5).contains(&least_s(4, card)));
    }
}
