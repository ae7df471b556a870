//! A named-entity model as a second detector: any token classifier in the
//! layout that exporters write (`model.onnx`, `tokenizer.json`, `config.json`),
//! run in this process. Nothing leaves the machine.

pub mod labels;
#[cfg(feature = "ner")]
mod onnx;

#[cfg(feature = "ner")]
pub use onnx::OnnxEntities;
