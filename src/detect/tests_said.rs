//! What people say who are asked for a date, a word, an e-mail or where they
//! live, in turns: `A:` and `B:` begin them.

use super::tests::{found_in, said};
use super::*;

/// `text` holds `[value]`s: they are found as `reason`, and nothing else is but `<sounds>`.
#[track_caller]
pub(super) fn hides(language: &str, reason: Reason, text: &str) {
    let (words, want) = said(text);
    let got = found_in(&words, language);
    let mut hidden = vec![false; words.len()];
    got.iter().for_each(|d| hidden[d.first..=d.last].fill(true));
    let show = |marks: &[bool]| {
        let shown = words.iter().zip(marks).filter(|(_, m)| **m).map(|(w, _)| w.text.as_str());
        shown.collect::<Vec<_>>().join(" ")
    };
    let want: Vec<bool> = want.iter().zip(&hidden).map(|(w, h)| w.unwrap_or(*h)).collect();
    assert_eq!(show(&hidden), show(&want), "in: {text}");
    assert!(got.iter().all(|d| d.reason == reason), "{got:?} in: {text}");
}

#[track_caller]
pub(super) fn keeps(language: &str, text: &str) {
    let (words, _) = said(text);
    assert_eq!(found_in(&words, language), [], "in: {text}");
}

use Reason::{Address, Dob, Email, Password};

#[test]
fn a_birth_date_in_parts_is_silenced_over_the_listeners_words() {
    for text in [
        "A: date of birth please B: [June] A: mm-hmm B: [the second] A: yes B: [sixty-one] A: thank you",
        "A: birthday B: [november] A: okay B: [twelfth] A: okay B: [eighty three] A: got it",
        "A: month of birth B: [may] A: day B: [ninth] A: year B: [nineteen seventy] A: perfect",
        "A: what year were you born B: [forty eight] A: okay",
        "A: Date of birth? B: [7/9,] [61.] A: Thanks.",
        "A: Date of birth? B: [nineteen sixty, June, the second.] A: Thanks.",
        "A: date of birth B: [seven] A: <yes> B: [nine] A: <yes> B: [sixty one] A: thanks",
    ] {
        hides("en", Dob, text);
    }
    hides("en", Dob, "Birth date please. [June] mm-hmm [the second] yes [sixty-one] Okay thank you.");
    hides(
        "es",
        Dob,
        "A: ¿Qué día nació? B: el [doce] A: ¿de qué mes? B: [de mayo] A: ¿y el año? B: [setenta] A: gracias",
    );
    hides(
        "fr",
        Dob,
        "A: votre date de naissance B: [mars] A: <oui> B: [le douze] A: <oui> B: [soixante et un] A: merci",
    );
}

#[test]
fn dates_that_are_nobodys_birth_stay() {
    keeps("en", "A: when would you like to come in B: march A: okay B: the fourth A: yes B: at nine");
    keeps("en", "A: You get 50 bonus points in your birthday month. B: Nice.");
    keeps("en", "A: our company was born in nineteen eighty four in a garage");
    keeps("en", "A: what year is the car B: 2015 A: and the make");
    keeps("es", "A: su cita es el cuatro de marzo a las diez B: perfecto");
}

#[test]
fn what_is_corrected_goes_with_what_corrects_it() {
    hides("en", Password, "my password is [tulip] <no> <sorry> [tulips] thanks");
    hides(
        "en",
        Password,
        "A: your password B: [bluebird] wait no that's the old one it's [redbird] A: perfect",
    );
    hides("en", Dob, "A: date of birth B: [march] <wait> <no> [may the fifth eighty] A: ok");
    hides("es", Password, "A: contraseña B: [girasol] <no> <perdón> [margarita] A: gracias");
    hides("fr", Password, "A: votre mot de passe B: [tournesol] <non> <pardon> [marguerite] A: merci");
    hides(
        "en",
        Reason::Address,
        "A: Ship-to? B: [31 Birch,] <no,> [13 Birch Court, Salem, Oregon.] A: Got it.",
    );
}

#[test]
fn a_password_is_silenced_with_its_letters_and_its_signs() {
    for text in [
        "A: password please B: it's [capital T r u s t underscore nine nine dollar sign] A: got it",
        "A: spell the password B: [f as in frank o as in otto x as in xavier nine] A: thanks",
        "A: password B: [romeo tango seven delta] A: thanks",
        "A: your first car B: [a rusty beetle] A: ok",
        "[tiger lily nine] is my password",
        "i set it to [tiger lily nine] as the password",
        "A: what's the name of your dog B: the answer is [biscuit] A: ok",
        "A: what was the last name of your third grade teacher B: [abernathy] A: got it",
        "A: what is your father's middle name B: [eugene] A: thank you",
        "A: verification word B: [cactus] A: thanks",
        "A: what's your mother's birth name B: [delacroix] A: okay",
        "our alarm code is [zero seven two five] don't tell anyone",
        "A: the otp please B: it says [8 8 2 0 1 4] A: thanks",
        "A: the first and third letters of your password B: [r and k] A: thank you",
    ] {
        hides("en", Password, text);
    }
    hides("es", Password, "mi contraseña es [luna azul signo de exclamación]");
    hides("fr", Password, "le mot de passe c'est [majuscule t r e s tiret bas neuf]");
}

#[test]
fn rules_for_pins_and_passwords_stay() {
    for text in [
        "A: your PIN must be 4 to 12 digits and you get 3 tries",
        "A: the password expires every 90 days",
        "i forgot my PIN can you reset it in 24 hours",
        "A: passwords need a capital letter and a sign like a hashtag",
        "A: what was your first car like B: it was a wreck honestly",
        "A: did you try your pin at the atm B: yes twice and it ate my card",
        "A: two factor codes are six digits and last thirty seconds",
    ] {
        keeps("en", text);
    }
    keeps("es", "A: su pin debe tener de 4 a 6 dígitos");
    keeps("fr", "A: votre code pin doit avoir de 4 à 6 chiffres");
}

#[test]
fn an_email_is_silenced_however_it_is_spelled() {
    for text in [
        "my email is [tango india november alpha at yahoo dot com]",
        "A: email B: [t like tom i like ink m like mary at aol dot com] A: thanks",
        "A: what's your email B: [timatgmaildotcom] A: thanks",
        "A: email B: [sales at the red barn dot farm] A: ok",
        "A: email B: [first initial k last name carver at carver law dot com] A: ok",
        "A: and the email B: [tim dot jones] A: at what B: [comcast dot net] A: ok",
        "A: email B: yes [kit forty two] A: <okay> B: [at icloud dot com] A: ok",
        "A: email B: [tim] that's [t i m dot smith at gmail dot com] A: ok",
    ] {
        hides("en", Email, text);
    }
    hides(
        "es",
        Email,
        "A: correo B: [eva guion bajo] A: <sí> B: [sol] A: ¿arroba qué? B: [gmail punto com] A: gracias",
    );
    hides("fr", Email, "A: votre adresse mail B: [paul tiret du six roux arobase gmail point com] A: merci");
    hides("fr", Email, "A: mail B: [louis <avec> <un> <s> soixante arobase gmail point com] A: merci");
    hides("es", Email, "A: ¿su mail? B: no, [ana ruiz <todo> <junto> arroba gmail punto com] A: ok");
    hides("es", Email, "mi correo es [evaarrobagmailpuntocom]");
}

#[test]
fn what_only_sounds_like_an_email_stays() {
    keeps("en", "A: we are on the web at brightsmiles dot com B: thanks");
    keeps("en", "the hotel in sierra vista is near the golf course in november");
    keeps("en", "A: at what time B: seven A: ok");
}

#[test]
fn an_address_is_silenced_piece_by_piece() {
    for text in [
        "A: postcode B: [N W three A two B B] A: thanks",
        "A: your postcode please B: [B for brother two four C T] A: thanks",
        "A: postcode? B: [NW3A 2BB] A: thanks",
        "A: postal code B: [L one A oh B two] A: thanks",
        "A: postcode B: [g as in golf four one h q] A: lovely",
        "A: address B: [7 Rose Lane, York, YO1 7HH] A: thanks",
        "A: address please B: [flat two 7 rose lane] A: ok",
        "A: what's the address B: [nine three one] A: <mm-hmm> B: [willow] A: <yep> B: [park road] A: ok",
        "A: mailing address B: [PO box twelve] A: in B: [Bend Oregon] A: ok",
        "A: and the unit B: [four c] A: ok",
        "A: and the street B: [willow] A: number B: [eleven] A: zip B: [48104]",
        "your address is still [15 cherry tree lane]",
        "she lives on [three ten north main] you know",
    ] {
        hides("en", Address, text);
    }
}

#[test]
fn a_firm_that_tells_where_it_is_tells_no_secret() {
    keeps("en", "A: we are at 400 Main Street come in anytime B: okay");
    keeps("en", "A: our office is at 1200 Market Street on the second floor");
    keeps("en", "A: take exit 14 onto route 9 north for three miles");
    keeps("es", "A: nuestra oficina está en avenida América 10");
    keeps("es", "A: gire a la derecha en la calle 14 y siga 200 metros");
    keeps("es", "A: el pin de la solapa cuesta 4 euros B: me llevo dos");
    keeps("fr", "A: notre magasin est au 10 avenue Foch");
    hides("fr", Address, "A: on vous livre où B: [place de la Mairie, numéro 3] A: très bien");
    // Somebody was asked where to: it may be anybody's office.
    hides("en", Address, "A: where should we ship it B: our office is at [1200 Market Street] A: ok");
}

#[test]
fn a_word_that_comes_late_still_answers_its_question() {
    hides(
        "en",
        Password,
        "A: what's the password on the account B: hang on i need my glasses A: sure no rush \
         B: okay it's [harmonica] A: thank you",
    );
    hides(
        "en",
        Password,
        "A: can i have your banking password B: the whole thing A: yes B: [starfish seven] A: thank you",
    );
    hides(
        "en",
        Password,
        "A: how do you spell your mother's maiden name B: [s z y m a n s k i] A: thank you",
    );
    hides("en", Password, "A: what password would you like B: let's do [sapphire eleven] A: okay set");
    hides("en", Password, "can you change my password to [winterfell sixteen] please");
    hides("es", Password, "A: ¿en qué ciudad nació? B: en [Cuenca] A: correcto");
    hides("fr", Password, "A: dans quelle ville êtes-vous né B: à [Cahors] A: correct");
}

#[test]
fn an_answer_that_is_plainly_something_else_stays() {
    for text in [
        "A: what's your password B: i don't remember A: okay B: sorry A: that's okay",
        "A: what's the pin for B: it's for the atm A: okay",
        "A: and your favorite color for the walls B: i like the blue one A: nice",
        "A: the wifi password is on the back of your room key B: thanks",
        "A: what street is the restaurant on B: it's on fifth by the bank",
    ] {
        keeps("en", text);
    }
}

/// The network once cut six digits off a number that was dictated in an odd place.
#[test]
fn no_piece_of_a_number_stays_where_another_goes() {
    for digits in [12, 13, 15, 16, 19] {
        let names = ["four", "five", "three", "two", "one", "six", "eight", "nine", "seven"];
        let number: Vec<&str> = names.iter().copied().cycle().take(digits).collect();
        let text = format!(
            "A: Hello. Please enter the number you wish to call. B: {} A: One moment, please. Your EXP is",
            number.join(" ")
        );
        let (words, _) = said(&text);
        let first = words.iter().position(|w| w.text == "four").expect("the number");
        let found = found_in(&words, "en");
        let covers = |at: &usize| found.iter().any(|d| (d.first..=d.last).contains(at));
        let gone = (first..first + digits).filter(covers).count();
        assert!(gone == 0 || gone == digits, "{gone} of {digits}");
        assert!(gone > 0 || digits < 13, "{digits} digits stay");
    }
}

#[test]
fn a_code_that_nobody_may_choose_stays_and_the_same_code_as_an_answer_goes() {
    for text in [
        "For a new PIN, it has to be four digits, and it can't be, like, your birth year or 1234.",
        "A: can I pick my PIN B: sure but it can't be one two three four or anything like 1111",
        "Your PIN can be four to six digits, just nothing like 123456.",
    ] {
        keeps("en", text);
    }
    hides("en", Password, "A: what's the pin on the account B: it's [1234] A: thanks");
    hides("en", Password, "I can't get in, my pin is [1111] and it says wrong");
}

#[test]
fn a_firm_that_tells_its_hours_tells_everybody_its_address() {
    keeps("en", "A: We're at 2900 Kessler Boulevard, right behind the bank. B: And are you open till six?");
    hides("en", Address, "I live at [2218 Larch Street.] Are you open till six?");
    hides(
        "en",
        Address,
        "A: what's your address B: we're at [2900 Kessler Boulevard.] Are you open till six?",
    );
}

#[test]
fn a_travellers_city_stays_and_a_callers_goes() {
    keeps("en", "A: What city are you leaving from? B: I want an economy ticket leaving from Seattle.");
    keeps("en", "A: Which city should I search in? B: Pleasant Hill, please. A: For when?");
    keeps("en", "A: What city would you like to stay in? B: I would like to check out on the 14th.");
    hides(
        "en",
        Address,
        "A: What's your street address? B: [14 Birch Lane.] A: What city? B: [Pleasant Hill.]",
    );
    hides("en", Address, "A: What city and state? B: [Boise, Idaho.] A: OK.");
}

#[test]
fn a_balance_is_no_accounts_number_and_a_time_no_mail() {
    keeps("en", "A: The balance in your checking account is $10,042.36. B: Okay, thank you.");
    keeps(
        "en",
        "A: Which account? B: My checking account. A: All right. You have $8,903.46 in it. B: Thanks.",
    );
    keeps("en", "B: Put it on my calendar. A: At what time please? B: At 4:30 in the evening. A: Done.");
    keeps("en", "A: Right now your checking stands at $21,183.32. B: And my savings?");
    keeps(
        "en",
        "A: How many rooms should the apartment have? B: 3 bed rooms. A: I found 10 apartments in town.",
    );
}

#[test]
fn another_day_of_a_birth_dates_month_stays() {
    hides(
        "en",
        Dob,
        "A: Date of birth? B: [March ninth 1984.] A: You can come in on March 21st at ten. B: Good.",
    );
    hides("en", Dob, "A: Date of birth? B: [March ninth 1984.] A: [March ninth,] right? B: Yes.");
}

#[test]
fn a_pin_that_is_heard_as_a_pen_goes_and_a_pen_stays() {
    hides(
        "en",
        Password,
        "A: What is the four-digit pen that you chose? B: <The> <pen> is [7318.] A: Thank you.",
    );
    hides("en", Password, "A: And the four digit tin? B: [9 3 7 8.] A: Thanks.");
    keeps("en", "A: Do you have a pen? B: Sure. A: It comes to 45 dollars. B: Got it.");
    keeps("en", "B: Hold on, my pen is out of ink. A: No problem, take your time.");
}
