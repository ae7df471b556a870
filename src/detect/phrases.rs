//! Phrases as a tree over word numbers, so that a transcript is read once.

use super::lexicon::Mark;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Ways that the brackets of one phrase may multiply to.
const MOST_WAYS: usize = 1_500;

/// All phrases of a language.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    /// (node, word) → node. The root is 0.
    steps: HashMap<(u32, u32), u32, RandomState>,
    ends: Vec<Option<Mark>>,
    /// By their first byte, so that a word is compared with few.
    stems: HashMap<u8, Vec<(Box<str>, u32)>, RandomState>,
    /// Of a stem, the next shorter one that it begins with: "expires*" is "expir*" too.
    shorter: HashMap<u32, u32, RandomState>,
    words: u32,
}

/// A phrase found: how many words it has, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    pub len: usize,
    pub mark: Mark,
}

impl Phrases {
    /// Stands for any word.
    pub const ANY: u32 = u32::MAX;

    pub(super) fn next_id(&self) -> u32 {
        self.words + 1
    }

    pub(super) fn took(&mut self, id: u32) {
        self.words = self.words.max(id);
    }

    /// The number of a stem: what any word that begins so has besides its own.
    pub(super) fn stem(&mut self, stem: &str) -> u32 {
        let Some(first) = stem.bytes().next() else { return 0 };
        let bucket = self.stems.entry(first).or_default();
        if let Some((_, id)) = bucket.iter().find(|(s, _)| **s == *stem) {
            return *id;
        }
        self.words += 1;
        bucket.push((stem.into(), self.words));
        // The longest first: it says most.
        bucket.sort_by_key(|(s, _)| std::cmp::Reverse(s.len()));
        for (n, (long, id)) in bucket.iter().enumerate() {
            if let Some((_, short)) = bucket[n + 1..].iter().find(|(s, _)| long.starts_with(&**s)) {
                self.shorter.insert(*id, *short);
            }
        }
        self.words
    }

    /// The stem that `plain` begins with, 0 for none.
    pub fn stem_of(&self, plain: &str) -> u32 {
        let bucket = plain.bytes().next().and_then(|first| self.stems.get(&first));
        bucket.into_iter().flatten().find(|(s, _)| plain.starts_with(&**s)).map_or(0, |(_, id)| *id)
    }

    pub(super) fn add(&mut self, steps: &[u32], mark: Mark) {
        if self.ends.is_empty() {
            self.ends.push(None);
        }
        let mut node = 0;
        for word in steps {
            let fresh = self.ends.len() as u32;
            node = *self.steps.entry((node, *word)).or_insert(fresh);
            if node == fresh {
                self.ends.push(None);
            }
        }
        // The first meaning stays: files name what is most particular first.
        self.ends[node as usize].get_or_insert(mark);
    }

    /// The longest phrase that begins with the words of `at(0)`, `at(1)`, …,
    /// each with its own number and its stem's.
    pub fn longest(&self, at: impl Fn(usize) -> Option<[u32; 2]> + Copy) -> Option<Hit> {
        self.walk(0, 0, at)
    }

    fn walk(&self, node: u32, depth: usize, at: impl Fn(usize) -> Option<[u32; 2]> + Copy) -> Option<Hit> {
        let here = self.ends.get(node as usize).copied().flatten().map(|mark| Hit { len: depth, mark });
        let Some([word, stem]) = at(depth) else { return here };
        let stems = std::iter::successors(Some(stem), |s| self.shorter.get(s).copied());
        let any = if depth == 0 { 0 } else { Self::ANY };
        let ways = std::iter::once(word).chain(stems).chain([any]);
        let further = ways.filter(|w| *w != 0).filter_map(|w| {
            let next = *self.steps.get(&(node, w))?;
            self.walk(next, depth + 1, at)
        });
        // Of two equally long ones the more literal stays: `max_by_key` keeps the last.
        let mut best = here;
        for hit in further {
            if best.is_none_or(|b| hit.len > b.len) {
                best = Some(hit);
            }
        }
        best
    }

    /// Every way to say a phrase: its brackets multiplied out.
    pub(super) fn ways(phrase: &str) -> Option<Vec<Vec<String>>> {
        let mut ways: Vec<Vec<String>> = vec![Vec::new()];
        let mut rest = phrase.trim();
        while !rest.is_empty() {
            let options: Vec<String>;
            if let Some(inside) = rest.strip_prefix('(') {
                let (group, after) = inside.split_once(')')?;
                // A star behind the bracket belongs to each of its words.
                let star = after.starts_with('*');
                let starred = |w: &str| {
                    if star && !w.trim().is_empty() { format!("{}*", w.trim()) } else { w.trim().to_owned() }
                };
                options = group.split('|').map(starred).collect();
                rest = after.trim_start_matches('*').trim_start();
            } else {
                let end = rest.find(' ').unwrap_or(rest.len());
                options = vec![rest[..end].to_owned()];
                rest = rest[end..].trim_start();
            }
            ways = ways
                .iter()
                .flat_map(|way| {
                    options.iter().map(move |o| {
                        way.iter().cloned().chain(o.split_whitespace().map(str::to_owned)).collect()
                    })
                })
                .collect();
            if ways.len() > MOST_WAYS {
                return None;
            }
        }
        ways.retain(|w| !w.is_empty() && w.iter().any(|x| x != "*"));
        (!ways.is_empty()).then_some(ways)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_every_stem_that_it_begins_with() {
        let mut phrases = Phrases::default();
        let (long, short) = (phrases.stem("expires"), phrases.stem("expir"));
        phrases.add(&[short], Mark::Not);
        assert_eq!(phrases.stem_of("expires"), long);
        let hit = phrases.longest(|at| (at == 0).then_some([0, long]));
        assert_eq!(hit.map(|h| h.mark), Some(Mark::Not));
    }
}
