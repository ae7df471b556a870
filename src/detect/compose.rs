//! A chunk under construction: number words added up to digits.

use super::cues::Marks;
use super::lexicon::{Numeral, class};
use super::numbers::{Chunk, Kind};
use super::text::{Text, Written};

/// Numbers under construction.
pub(super) struct Builder {
    pub(super) first: usize,
    pub(super) last: usize,
    digits: String,
    groups: Vec<usize>,
    open: Option<Open>,
    repeat: u32,
    kind: Kind,
    pub(super) month: Option<u32>,
    after_month: usize,
    pub(super) ordinal: bool,
    letters: usize,
    scale: bool,
}

/// A spoken number that the next word may still add to.
#[derive(Clone, Copy)]
struct Open {
    value: u32,
    /// The next word must be below this to be added.
    room: u32,
}

/// "quatre" "cent" → 400, "deux mille quatre" "cent" → 2400: the number whose
/// last digit counts hundreds.
fn hundreds_of(open: &Open, numeral: Numeral) -> Option<u32> {
    let units = open.value % 1000;
    let counts = (2..=9).contains(&units) && (open.value >= 1000 || open.room == 1);
    if numeral == Numeral::Hundred(100) && counts { open.value.checked_add(units * 99) } else { None }
}

impl Builder {
    pub(super) fn new(first: usize) -> Builder {
        Builder {
            first,
            last: first,
            digits: String::new(),
            groups: Vec::new(),
            open: None,
            repeat: 1,
            kind: Kind::Number,
            month: None,
            after_month: 0,
            ordinal: false,
            letters: 0,
            scale: false,
        }
    }

    /// Does a sound or a joint belong between the numbers here? "and" does in
    /// "one hundred and five"; a correction begins another chunk.
    pub(super) fn takes(&self, text: &Text, marks: &Marks, at: usize) -> bool {
        let token = &text.tokens[at];
        if token.is(class::AND) {
            return self.open.is_some_and(|o| o.room > 1);
        }
        !marks.correction[at]
    }

    pub(super) fn is_alone(&self) -> bool {
        self.kind == Kind::Slashed || self.kind == Kind::Price || self.kind == Kind::Time
    }

    /// A month after four digits begins a date of its own.
    pub(super) fn refuses_month(&self) -> bool {
        self.month.is_some() || self.digits.len() + self.open.map_or(0, |_| 2) > 4 || self.letters > 0
    }

    /// A date has its day and its year: what follows is another value.
    pub(super) fn is_full_date(&self, text: &Text, at: usize) -> bool {
        if self.month.is_none() {
            return false;
        }
        let groups = self.groups.len() + usize::from(self.open.is_some());
        let open_takes = self.open.is_some_and(|o| o.room > 1) && text.tokens[at].numeral.is_some();
        let year_said =
            self.digits.len() >= 5 || self.digits.len() >= 3 && groups >= 2 && self.open.is_none();
        (groups >= 3 || year_said) && !open_takes
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let said = open.value.to_string();
            self.groups.push(said.len());
            self.digits.push_str(&said);
        }
    }

    pub(super) fn month(&mut self, month: u32, at: usize) {
        self.close();
        self.month = Some(month);
        self.kind = Kind::Date;
        self.last = at;
    }

    pub(super) fn letter(&mut self, text: &Text, at: usize) {
        self.close();
        self.letters += 1;
        self.digits.push_str(text.digits(at));
        self.last = at;
    }

    pub(super) fn number(&mut self, text: &Text, at: usize) {
        self.last = at;
        if self.month.is_some() {
            self.after_month += 1;
        }
        let token = &text.tokens[at];
        if let Some(written) = token.written {
            self.close();
            let digits = text.digits(at);
            match written {
                Written::Slashed => self.kind = Kind::Slashed,
                Written::Price | Written::Percent => self.kind = Kind::Price,
                Written::Time => self.kind = Kind::Time,
                Written::Ordinal => self.ordinal = true,
                _ => {}
            }
            let plain = text.plain(at);
            let parts = plain.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|n| *n > 0);
            let before = self.groups.len();
            self.groups.extend(parts);
            if self.groups.len() == before {
                self.groups.push(digits.len());
            }
            for _ in 0..std::mem::replace(&mut self.repeat, 1) {
                self.digits.push_str(digits);
            }
            return;
        }
        if token.is(class::HOMOPHONE) && token.numeral.is_none() {
            return self.add(Numeral::Unit(token.value));
        }
        let mut numerals = text.numerals(at).peekable();
        while let Some(numeral) = numerals.next() {
            // French: dix-sept, dix-huit, dix-neuf are one number.
            let units = |n: &Numeral| numeral == Numeral::Teen(10) && matches!(n, Numeral::Unit(7..=9));
            match numerals.next_if(units) {
                Some(Numeral::Unit(n)) => self.add(Numeral::Teen(10 + n)),
                _ => self.add(numeral),
            }
        }
    }

    /// Puts a number word to those before it: "twenty" "two" → 22.
    fn add(&mut self, numeral: Numeral) {
        let (value, room) = match numeral {
            Numeral::Repeat(n) => {
                self.close();
                self.repeat = n;
                return;
            }
            Numeral::Scale(scale) => {
                self.scale = true;
                let times = self.open.as_ref().map_or(1, |o| o.value.max(1));
                // What is too large for a count is several numbers in a row.
                let value = times.checked_mul(scale).unwrap_or_else(|| {
                    self.close();
                    scale
                });
                self.open = Some(Open { value, room: scale });
                return;
            }
            Numeral::Ordinal(n) => {
                self.ordinal = true;
                (n, 1)
            }
            Numeral::Unit(n) => (n, 1),
            Numeral::Teen(n) => (n, 1),
            // French: soixante-douze, quatre-vingt-dix-sept.
            Numeral::Ten(n) => (n, if n == 60 || n == 80 { 20 } else { 10 }),
            Numeral::Hundred(n) => {
                self.scale = true;
                (n, 100)
            }
        };
        if let Some(open) = &mut self.open {
            // French: quatre-vingt(s).
            if open.value == 4 && open.room == 1 && numeral == Numeral::Ten(20) {
                *open = Open { value: 80, room: 20 };
                return;
            }
            // French: deux mille quatre cent(s).
            if let Some(hundreds) = hundreds_of(open, numeral) {
                *open = Open { value: hundreds, room: 100 };
                return;
            }
            if let Some(sum) = open.value.checked_add(value)
                && value < open.room
                && value > 0
            {
                let rest = if matches!(numeral, Numeral::Teen(10) | Numeral::Ten(_)) { 10 } else { room };
                *open = Open { value: sum, room: rest.min(open.room) };
                return;
            }
        }
        self.close();
        for _ in 1..std::mem::replace(&mut self.repeat, 1) {
            self.digits.push_str(&value.to_string());
        }
        self.open = Some(Open { value, room });
    }

    pub(super) fn done(mut self, text: &Text) -> Chunk {
        self.close();
        let last = &text.tokens[self.last];
        let after = text.tokens.get(self.last + 1).filter(|t| !last.ends_sentence && t.turn == last.turn);
        let before = self.first.checked_sub(1).map(|i| &text.tokens[i]);
        // "in 2019": a year.
        let year = self.groups == [4] && (self.digits.starts_with("19") || self.digits.starts_with("20"));
        let year = year && self.month.is_none() && before.is_some_and(|t| t.is(class::BEFORE_QUANTITY));
        let counts = !self.digits.is_empty() && after.is_some_and(|t| t.is(class::UNIT_AFTER));
        let priced = after.is_some_and(|t| t.is(class::PRICE))
            || text.tokens[self.first..=self.last].iter().any(|t| t.currency);
        let kind = if priced && self.kind == Kind::Number && self.digits.len() < 9 {
            Kind::Price
        } else {
            self.kind
        };
        let like_price = match self.groups.as_slice() {
            [1..=3, 2] => ["99", "95", "49", "98"].iter().any(|cents| self.digits.ends_with(cents)),
            _ => false,
        };
        Chunk {
            first: self.first,
            last: self.last,
            numbers: self.groups.len(),
            digits: self.digits,
            groups: self.groups,
            kind,
            month: self.month,
            ordinal: self.ordinal,
            letters: self.letters,
            scale: self.scale,
            counted: counts,
            year,
            like_price,
        }
    }
}
