//! Which digit sounds here?

use crate::mel::{BANDS, CLIP_LEN, FRAMES, log_mel};
use std::path::Path;
use tract_onnx::prelude::*;

/// Below this (−60 dBFS) there is nothing to hear.
const AUDIBLE: f32 = 1e-3;
/// The classes from `zero` to `nine` in the model's meta data.
const FIRST_DIGIT: usize = 26;

type Model = SimplePlan<TypedFact, Box<dyn TypedOp>, Graph<TypedFact, Box<dyn TypedOp>>>;

/// Moonshine's spelling classifier, told that it hears a digit.
pub struct DigitReader {
    model: Model,
}

impl DigitReader {
    /// Loads the model beside this crate.
    pub fn load() -> DigitReader {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/spelling_cnn_mel.onnx");
        DigitReader { model: load(&file).expect("the spelling classifier loads") }
    }

    /// The digit that sounds between `start_s` and `end_s` of a 16 kHz plane,
    /// or `None` when nothing there is louder than −60 dBFS.
    pub fn read(&self, plane: &[f32], start_s: f64, end_s: f64) -> Option<u8> {
        let at = |s: f64| ((s * 16e3).max(0.0) as usize).min(plane.len());
        let heard = &plane[at(start_s)..at(end_s)];
        if heard.iter().all(|x| x.abs() < AUDIBLE) {
            return None;
        }
        let heard = &heard[..heard.len().min(CLIP_LEN)];
        let mut clip = vec![0.0; CLIP_LEN];
        let aside = (CLIP_LEN - heard.len()) / 2;
        clip[aside..aside + heard.len()].copy_from_slice(heard);
        let input = tract_ndarray::Array4::from_shape_vec((1, 1, BANDS, FRAMES), log_mel(&clip));
        let input: Tensor = input.expect("the shape is the plan's").into();
        let scores = self.model.run(tvec!(input.into())).expect("the classifier runs");
        let scores = scores[0].to_array_view::<f32>().expect("scores are floats");
        let digits = scores.iter().skip(FIRST_DIGIT).take(10);
        let best = digits.enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map(|(digit, _)| digit as u8)
    }
}

fn load(file: &Path) -> TractResult<Model> {
    let onnx = tract_onnx::onnx();
    let mut file = onnx.proto_model_for_path(file)?;
    // An optional input that is left out stands as an empty name, which tract counts.
    for node in file.graph.iter_mut().flat_map(|g| &mut g.node) {
        while node.input.last().is_some_and(String::is_empty) {
            node.input.pop();
        }
    }
    onnx.model_for_proto_model(&file)?
        .with_input_fact(0, f32::fact([1, 1, BANDS, FRAMES]).into())?
        .into_optimized()?
        .into_runnable()
}
