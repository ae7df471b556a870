//! A second detector beside the rules: a model that reads the words for names
//! and addresses which no keyword announces. The rules stay pure; the model is
//! behind this trait, and what it cannot answer is an error, never "nothing".

use super::{Detection, Ruleset, detect, merge};
use crate::call::Word;

/// The model did not answer. Never holds a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entity model cannot be used: {0}")]
pub struct EntitiesError(pub String);

/// Finds entities among words. The same words give the same detections.
pub trait Entities: Send + Sync + std::fmt::Debug {
    /// Which model, for the ruleset's version.
    fn version(&self) -> &str;

    /// # Errors
    /// [`EntitiesError`] when the model fails: the recording is then tried again.
    fn find(&self, words: &[Word]) -> Result<Vec<Detection>, EntitiesError>;
}

/// What the rules find, and the ruleset's model where it has one.
///
/// # Errors
/// [`EntitiesError`] of the model.
pub fn detect_with_model(
    words: &[Word],
    language: Option<&str>,
    rules: &Ruleset,
) -> Result<Vec<Detection>, EntitiesError> {
    let mut found = detect(words, language, rules);
    if let Some(model) = &rules.entities {
        let mut entities = model.find(words)?;
        entities.retain(|d| rules.has(d.reason));
        found.extend(entities);
        rules.own.allow(words, &mut found);
        found = merge::disjoint(found);
    }
    Ok(found)
}
