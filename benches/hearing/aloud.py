"""How a word that a recogniser writes with digits or signs is said aloud."""

import re

ONES = {
    "en": "zero one two three four five six seven eight nine",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
}
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)
SIGNS = {
    "en": {"@": "at", ".": "dot", "_": "underscore", "-": "dash", "+": "plus"},
    "es": {"@": "arroba", ".": "punto", "_": "guion bajo", "-": "guion", "+": "más"},
    "fr": {"@": "arobase", ".": "point", "_": "tiret bas", "-": "tiret", "+": "plus"},
}
# Secrets whose digits are said one after another, or in pairs.
DIGITS_OF = {"card_number", "cvv", "ssn", "bank_account", "password"}


def aloud(word: str, reason: str | None, language: str, style: str) -> str:
    """`word` as it is said. `style`: "digits" or "pairs", how a secret's digits are said."""
    language = language if language in ONES else "en"
    body = word.rstrip(".,?!;:")
    end = word[len(body) :][:1]
    return said(body, reason, language, style) + end if body else word


def said(body: str, reason: str | None, language: str, style: str) -> str:
    if "@" in body:
        return mail(body, language)
    if not re.search(r"\d", body):
        return body
    if reason in DIGITS_OF:
        return digits(body, language, style if reason == "card_number" else "digits")
    if language != "en":
        # The voices of other languages read their own numbers.
        return digits(body, language, "digits") if re.fullmatch(r"[\d-]{5,}", body) else body
    return in_english(body)


def in_english(body: str) -> str:
    if date := re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{2}|\d{4})", body):
        month, day, year = int(date[1]), int(date[2]), date[3]
        name = MONTHS[month - 1] if 1 <= month <= 12 else below_100(month)
        return f"{name} {ordinal(day)} {year_of(year)}"
    if date := re.fullmatch(r"(\d{1,2})/(\d{2})", body):
        return f"{digits(date[1], 'en', 'digits') if date[1][0] == '0' else below_100(int(date[1]))} {below_100(int(date[2]))}"
    if price := re.fullmatch(r"\$([\d,]+)(?:\.(\d\d))?", body):
        cents = f" and {below_100(int(price[2]))} cents" if price[2] and price[2] != "00" else ""
        return f"{whole(price[1])} dollars{cents}"
    if time := re.fullmatch(r"(\d{1,2}):(\d\d)", body):
        minutes = {"00": "o'clock"}.get(time[2]) or ("oh " if time[2][0] == "0" else "") + below_100(int(time[2]))
        return f"{below_100(int(time[1]))} {minutes}"
    if nth := re.fullmatch(r"(\d{1,2})(st|nd|rd|th)", body):
        return ordinal(int(nth[1]))
    if re.fullmatch(r"(19|20)\d\d", body):
        return year_of(body)
    if re.fullmatch(r"\d{1,3}(,\d{3})*", body):
        return whole(body)
    if re.fullmatch(r"\d+(\.\d+)?%", body):
        return whole(body[:-1].split(".")[0]) + " percent"
    return digits(body, "en", "digits")


def digits(body: str, language: str, style: str) -> str:
    """Digit by digit, or in pairs; letters by their names, other signs not at all."""
    names = ONES[language].split()
    runs = re.findall(r"\d+|[^\W\d_]+", body)
    out = []
    for run in runs:
        if not run.isdigit():
            out.append(" ".join(run) if len(run) <= 3 else run)
        elif style == "pairs" and language == "en" and len(run) % 2 == 0:
            pairs = (run[at : at + 2] for at in range(0, len(run), 2))
            out.append(" ".join("oh " + names[int(p[1])] if p[0] == "0" else below_100(int(p)) for p in pairs))
        else:
            out.append(" ".join(names[int(digit)] for digit in run))
    return " ".join(out)


def mail(body: str, language: str) -> str:
    parts = re.findall(r"[^\W\d_]+|\d|[@._+-]", body)
    names = ONES[language].split()
    return " ".join(SIGNS[language].get(p) or (names[int(p)] if p.isdigit() else p) for p in parts)


def below_100(number: int) -> str:
    if number < 10:
        return ONES["en"].split()[number]
    if number < 20:
        return TEENS[number - 10]
    if number > 99:
        return digits(str(number), "en", "digits")
    return TENS[number // 10] + (f" {ONES['en'].split()[number % 10]}" if number % 10 else "")


def whole(text: str) -> str:
    number = int(text.replace(",", ""))
    if number >= 1_000_000:
        return digits(str(number), "en", "digits")
    thousands, rest = divmod(number, 1000)
    hundreds, rest = divmod(rest, 100)
    parts = []
    if thousands:
        parts.append(whole(str(thousands)) + " thousand")
    if hundreds:
        parts.append(below_100(hundreds) + " hundred")
    if rest or not parts:
        parts.append(below_100(rest))
    return " ".join(parts)


IRREGULAR = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}


def ordinal(number: int) -> str:
    if number in IRREGULAR:
        return IRREGULAR[number]
    if number < 20 or number > 99:
        return below_100(number) + "th"
    if number % 10 == 0:
        return below_100(number)[:-1] + "ieth"
    return f"{TENS[number // 10]} {IRREGULAR.get(number % 10, below_100(number % 10) + 'th')}"


def year_of(text: str) -> str:
    if len(text) == 2:
        return ("oh " if text[0] == "0" else "") + below_100(int(text))
    century, rest = int(text[:2]), int(text[2:])
    if rest < 10:
        return f"two thousand {below_100(rest)}" if century == 20 and rest else f"{below_100(century)} hundred"
    return f"{below_100(century)} {below_100(rest)}"
