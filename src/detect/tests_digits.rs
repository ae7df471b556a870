//! Digits in every dress, torn apart, in another language, and what only looks like them.

use super::*;
use std::sync::LazyLock;

static RULES: LazyLock<Ruleset> = LazyLock::new(|| Ruleset::alone().expect("the lexicons"));

/// The words of a call, who says them, and which are in brackets: "A: the code? B: [1 2 3]".
fn call(text: &str) -> (Vec<Word>, Vec<bool>) {
    let (mut words, mut secret) = (Vec::new(), Vec::new());
    let (mut speaker, mut inside, mut at) = (None, false, 1.0);
    for part in text.split_whitespace() {
        if part.len() == 2 && part.ends_with(':') {
            speaker = Some(part.to_owned());
            at += 0.6;
            continue;
        }
        let part = if part.ends_with(']') { (part.trim_end_matches(']'), true) } else { (part, false) };
        inside |= part.0.starts_with('[');
        let text = part.0.trim_start_matches('[').to_owned();
        words.push(Word { text, start_s: at, end_s: at + 0.3, speaker: speaker.clone() });
        secret.push(inside);
        inside &= !part.1;
        at += 0.35;
    }
    (words, secret)
}

/// The words in brackets go, and no other.
#[track_caller]
fn hides_in(language: &str, text: &str) {
    let (words, secret) = call(text);
    let found = detect(&words, Some(language), &RULES);
    let covered = |i: usize| found.iter().any(|d| d.first <= i && i <= d.last);
    for (i, word) in words.iter().enumerate() {
        assert_eq!(covered(i), secret[i], "{:?} ({i}) in: {text}", word.text);
    }
}

#[track_caller]
fn hides(text: &str) {
    hides_in("en", text);
}

#[test]
fn digits_of_another_language_are_digits() {
    hides("A: and the security code B: sí son [nueve cero uno] A: great");
    hides("A: your card number B: [cinco cinco mm quarante quatre one two tres tres ocho ocho] A: ok");
    hides("A: when does the card expire B: [marzo del dos mil veintiocho] A: thanks");
    hides("A: the expiration date B: [zéro neuf vingt-sept] A: thanks");
    hides_in("es", "A: el código de seguridad B: it's [four oh seven] A: gracias");
    hides_in("fr", "A: votre numéro de carte B: [cinco uno dos six nine four four zéro huit] A: merci");
}

#[test]
fn a_word_that_is_a_number_elsewhere_stays_a_word() {
    hides("A: how many B: once you ship we need ten in sept and fifty cent each A: quince jelly too");
    hides_in(
        "fr",
        "A: très bien un deux très bien B: dos au mur A: le cryptogramme au dos B: [two two nine]",
    );
}

#[test]
fn a_short_question_in_another_language_is_understood() {
    hides(
        "A: hello thanks for calling how may i help you today B: bonjour A: le cryptogramme au dos de la carte \
         B: [quatre sept un] A: thanks",
    );
    hides(
        "A: hello thanks for calling the bank how can i help you today B: no hablo inglés A: un momento me da \
         su contraseña numérica B: [cuatro uno cinco ocho] A: ok thanks",
    );
}

#[test]
fn digits_in_another_dress_are_digits_where_a_secret_was_asked_for() {
    hides("A: What's your social? B: [457-55 $54.62] A: Thanks.");
    hides("A: And the last four of your social? B: [10:45] A: ok");
    hides("A: the security code B: it's [2:58] A: thanks");
    hides("A: And the security code? B: That's [$258.] A: Perfect.");
    hides("A: the expiration B: [11:29] A: thanks");
    hides("A: Your PIN please B: [$4,530] A: ok");
    hides("A: Which card number? B: [5,105 1051 0510 5,100] A: ok");
    hides("A: Your card number? B: [€51.05 1051 12h28 0510] A: ok");
    hides("A: Your card number? B: [45% 4️⃣ 5️⃣ 5105 1/2 4th ４５３２ #4532] A: ok");
    hides("A: Your card number? B: [5105 A: okay B: 12:28 A: okay B: $45.32 0510] A: Thanks.");
    hides("the mastercard is [5105.1051.0510.5100] expires [11.29,] thanks");
    hides_in("fr", "A: le cryptogramme au dos B: [2h58] A: merci");
    hides_in("es", "A: el número de la tarjeta B: [5.105 1.051 0510 5.100] A: gracias");
}

#[test]
fn a_cards_number_in_another_dress_needs_no_keyword() {
    hides("A: Whenever you're ready. B: [$51.05 1051 12:28 30366] A: ok");
    hides("A: So [5,105 151 1,283 366] you said? B: Yes.");
}

#[test]
fn times_and_prices_stay_what_they_are() {
    hides("A: What time can I call you about the security code? B: 12:30 would be great.");
    hides("A: How much was charged to your card? B: $139");
    hides("A: When did you use the card? B: On 3/4 at 12:30 and again at 1:45.");
    hides("Totals were $45.32 $8.50 $12.99 $103.20 and $77.10 for the week");
    hides("The store opens 9:00 and closes 5:30, 12:00 to 4:00 on Sundays.");
    hides("A: Do you have your card ready? B: It's 4:30 already, can we do that tomorrow at 5:15?");
    hides_in("fr", "A: à quelle heure puis-je vous rappeler pour la carte B: 12h30 A: merci");
}

#[test]
fn an_expiry_may_be_a_month_alone() {
    hides("A: And the expiration? B: end of [March] A: what year B: [28] A: ok");
    hides("A: And the expiration date? B: [May] A: and the year B: [twenty eight] A: ok");
    hides("A: is the card on file B: it may be i march to my own drum");
}

#[test]
fn what_is_heard_for_a_digit_is_one_inside_a_run_and_at_its_edges() {
    hides("A: read me the card B: [five one ate three four three eight six four nine for to five] A: great");
    hides("A: card number please B: it's [for one one one won won one one one won ate] A: great");
    hides("A: your social B: [too for one fife niner tree ate ate to] A: thanks");
    hides("A: the cvv B: [to one five] A: ok");
    hides("A: the cvv B: [nine won too] A: ok");
    hides("so my visa is [four one to one for five one one] for the deposit");
    hides_in("es", "A: el código de seguridad B: [sinco sero nueve] A: gracias");
}

#[test]
fn common_words_beside_numbers_stay_words() {
    hides("my visa is [4 4 4 2] for the deposit");
    hides("we are open from nine to five and two to four and six to eight on sunday for you");
    hides("i bought two for one and ate three of them to go");
    hides("press one for sales two for support or three to hear it again");
}

#[test]
fn a_card_number_that_goes_on_behind_a_side_remark_is_silenced_whole() {
    hides("A: ready B: [5105 (coughs) 1051 0510 *cough* 5100] A: thanks");
    hides(
        "A: ready B: [five one oh five A: mhm B: one oh five one] honey not now i'm on the phone \
         [oh five one oh five one oh oh] A: thanks",
    );
    hides(
        "A: what's the number B: [five one oh um five one oh five] hold on [one oh five one oh oh oh oh] A: ok",
    );
    hides(
        "A: go ahead B: [5105 1051] A: the last part again B: [1051 A: okay go on B: 0510 A: mhm B: 5100] A: ok",
    );
    hides("A: go ahead B: [5105 1051] A: [0510] no wait B: sorry [0510 5100] A: right");
    hides_in(
        "es",
        "A: le escucho B: [cincuenta y uno cero cinco] perdón el perro [diez cincuenta y uno] a ver [cero cinco diez cincuenta y uno cero cero] A: listo",
    );
}

#[test]
fn a_long_number_that_was_announced_as_an_orders_stays() {
    hides("Your order number is 112-7734921-0042216. You'll get an email.");
    hides("A: do you have the tracking number B: yes one sec it's 7777 1234 5678 9012 A: thanks");
    hides("A: what is the serial number B: 8812 3390 A: yes B: 1276 5501 A: thank you");
    hides("the PO is 4500 1182 and the vendor number is 77120");
    hides("A: read me the numbers on the meter from left to right B: zero four four one seven A: okay");
    hides("order number 8827 1265, and the card is [5105 1051 0510 5100]");
    hides_in("fr", "A: le numéro de colis B: 6123 4567 8901 2341 A: merci");
}

#[test]
fn an_answer_that_comes_late_still_belongs_to_its_question() {
    hides(
        "A: and the security code please B: okay it's in my purse hang on the purse is in the car sorry my \
         husband took the car this morning oh wait no here it is i had it in my coat all along A: no worries \
         take your time B: so [four one nine] A: thanks",
    );
    hides(
        "A: and the expiry B: let me see i need the other glasses these are for driving my daughter says i \
         should get bifocals but i don't like them okay [04/28] A: thanks",
    );
    hides(
        "A: last four of your social B: do you really need that i mean people keep asking me for it and then \
         you hear about all those data breaches A: i understand B: alright alright [nine nine one two] A: ok",
    );
    hides(
        "A: what's the CVV B: i don't have it here A: okay call us back B: at what time A: we open at 9 30 and \
         close at 6 15",
    );
}

#[test]
fn an_expiry_is_found_part_by_part_and_when_a_part_is_said_again() {
    hides("A: expiry month B: [eleven] A: year B: [twenty nine] A: thanks");
    hides("A: what month does it expire B: [November] A: and what year B: [2029.] A: ok");
    hides(
        "A: and when does that one expire B: [six twenty eight] A: sorry [six twenty six] B: [twenty eight] A: ok",
    );
    hides_in("es", "A: cuándo vence B: [abril del dos mil veintisiete] A: perfecto");
}

#[test]
fn accounts_are_found_by_their_letters_and_by_where_they_stand() {
    hides("Transfer $500 from savings [4588369521] please. Done.");
    hides(
        "A: it's the numbers at the bottom of the check B: [zero three three eight two one one zero four] A: ok",
    );
    hides("My IBAN is [GB29 NWBK 6016 1331 9268 19] okay");
    hides(
        "A: your IBAN please B: [D E as in Deutschland eight nine three seven oh four double oh] A: thanks",
    );
    hides_in(
        "es",
        "A: el IBAN por favor B: [E S nueve uno veintiuno cero cero cero cuatro dieciocho] A: gracias",
    );
    hides_in("fr", "A: l'IBAN B: [F R sept six trois zéro zéro zéro six zéro] A: merci");
    hides("i moved 500 from savings to checking on the 5th and 200 back");
}

#[test]
fn what_is_said_of_a_card_is_no_card() {
    hides("the total on my card this month was 1284 and last month 950");
    hides("A: the limit on the card is 5000 and you have used 3200 B: ok");
    hides("A: your card was charged fifty one twenty B: yes it should have been forty six twenty");
    hides("i have 4500 points on my card and 12 stamps");
    hides("my key card for room 1412 does not work");
}

#[test]
fn what_expires_or_costs_something_else_stays() {
    hides("A: the offer expires 12/31 B: thanks A: and the coupon expires 6/30");
    hides("A: which account B: the savings one A: ok it has 3,412.09 in it");
    hides("A: the interest is 4.25 percent B: and the payment A: 1574 20");
    hides("my card has a 5000 limit and the score was 21 to 17 then 28 to 24");
    hides("count with me one two three four five six seven eight nine ten");
}

#[test]
fn where_no_speakers_are_told_apart_a_late_answer_is_found_behind_a_put_off() {
    hides(
        "the three digits on the back please let me turn the light on the print on this thing has nearly \
         worn off i should ask for a new one okay here [four nine one] perfect",
    );
}

#[test]
fn no_row_of_large_numbers_is_too_large_to_be_read() {
    for text in
        ["nine billion million thousand five", "dos mil mil mil mil mil cinco millones millones siete"]
    {
        for language in ["en", "es", "fr"] {
            detect(&call(text).0, Some(language), &RULES);
        }
    }
}
