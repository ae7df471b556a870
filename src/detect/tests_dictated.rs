//! What is dictated sign by sign or over several turns: passwords, codes of a
//! fob, spelled read-backs, addresses whose number stands behind the street.

use super::tests_said::{hides, keeps};
use super::*;
use Reason::{Address, BankAccount, Dob, Email, Expiry, Password, Ssn};

#[test]
fn a_password_dictated_sign_by_sign_is_silenced_whoever_says_it() {
    for text in [
        "A: I've put a new one in, so it's [capital Bravo, Oscar, Delta, lowercase echo, then a hash, four four nine.] B: Got it.",
        "your temporary password is gonna be [capital T as in tango lowercase papa the number three dollar sign kilo kilo eight] and then you change it",
        "A: Which wifi password? B: [uppercase r lowercase w five two exclamation mark] A: Thanks.",
    ] {
        hides("en", Password, text);
    }
    hides(
        "fr",
        Password,
        "A: Le mot de passe que j'ai ? B: Alors, [merlette majuscule M, trois mille six, point d'exclamation.]",
    );
    keeps("en", "the temporary password will be emailed to your manager");
    keeps("en", "your reservation number is capital A as in apple B as in boy four two seven");
    keeps("en", "the capital is a mile lower than the upper lake and there is a sign in room 4");
}

#[test]
fn a_code_from_a_text_message_or_a_fob_is_silenced() {
    hides(
        "en",
        Password,
        "A: I just sent a six-digit code to the mobile. What does it say? B: It's just coming through. Okay, it's [5 1 8, 2 0 6.]",
    );
    hides(
        "en",
        Password,
        "open the key fob and tell me what it's showing [three nine four one seven two] thanks",
    );
    keeps("en", "the key fob costs 45 dollars and it is part 4471");
}

#[test]
fn a_number_that_broke_off_is_silenced_when_it_is_said_anew() {
    hides(
        "fr",
        Password,
        "vous allez recevoir un code par sms c'est [neuf deux deux] attends la page s'est fermée [922 648]",
    );
}

#[test]
fn a_word_of_letters_with_hyphens_is_silenced_behind_its_word() {
    hides(
        "en",
        Password,
        "A: Your mother's maiden name? B: [Kettering.] That's [K-E-T-T-E-R-I-N-G.] A: Thanks.",
    );
    keeps("en", "A: The brand is spelled B-R-E-V-I-O. B: Thanks.");
}

#[test]
fn national_insurance_numbers_are_silenced_to_their_last_letter() {
    hides(
        "en",
        Ssn,
        "A: your national insurance number B: [A B nine eight seven six five four D for delta] A: thanks",
    );
    hides(
        "fr",
        Ssn,
        "A: votre numéro AVS B: [sept cent cinquante-six point nonante-deux trente-trois] <point> [quarante-quatre onze point vingt-deux]",
    );
}

#[test]
fn french_hundreds_and_dix_sept_are_one_number() {
    hides("fr", Address, "on reste au [deux mille trois cent dix rue Champagneur appartement neuf] merci");
    hides("fr", Dob, "date de naissance le [dix-sept juin vingt et un] merci");
    hides("fr", Expiry, "la date d'expiration c'est [zéro quatre slash vingt-huit] merci");
}

#[test]
fn a_house_number_behind_its_street_is_told_by_the_postcode() {
    for text in [
        "A: Et pour la livraison ? B: [Chaussée de Namur, septante-deux, boîte quatre, à mille trois cents Wavre.]",
        "maintenant c'est [chemin du Moulin 14, 1040 Echallens.]",
        "A: C'est bien [12 rue des Acacias, 34500 Béziers ?] B: <Oui,> [bâtiment D, deuxième étage,] on sonne.",
    ] {
        hides("fr", Address, text);
    }
    keeps("fr", "on a pris le chemin du retour, 20 minutes plus tard, 1500 personnes");
    hides("fr", Address, "A: le code postal ? B: [H two J comme juliet three N quatre]");
}

#[test]
fn an_address_in_the_mail_is_silenced_to_its_spelled_top_level_name() {
    hides("fr", Email, "mon courriel c'est [lea point roy a commercial exemple point c a] merci");
    hides(
        "fr",
        Email,
        "A: Je l'épelle. [N comme Nathan, O, R, point, B, arobase,] B: <oui> A: [exemple tiret poste, point, C H.]",
    );
    keeps("fr", "notre service commercial ferme à midi, et c'est tout");
}

#[test]
fn the_country_before_an_account_is_silenced_with_it() {
    hides(
        "fr",
        BankAccount,
        "A: Il me faut l'IBAN. B: [BE soixante-huit, cinq cent trente-neuf, zéro zéro sept, quarante-sept] A: Merci.",
    );
}
