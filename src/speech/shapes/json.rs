//! JSON as tools really write it: with a byte order mark, with Python's `NaN`, and
//! as one object a line.

use serde_json::Value;

/// The file as one value; several values are a list. `None` where it is no JSON.
pub fn read(bytes: &[u8]) -> Option<Value> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    values(bytes).or_else(|| values(&without_nan(bytes)))
}

fn values(bytes: &[u8]) -> Option<Value> {
    let all: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(bytes).into_iter().collect();
    let mut all = all.ok()?;
    match all.len() {
        0 => None,
        1 => all.pop(),
        _ => Some(Value::Array(all)),
    }
}

/// What Python writes where there is no number.
const NO_NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The same with null for what is no number, outside of texts.
fn without_nan(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut in_text) = (bytes, false);
    while let Some((&byte, after)) = rest.split_first() {
        let found = (!in_text).then(|| NO_NUMBERS.iter().find(|n| rest.starts_with(n))).flatten();
        if let Some(found) = found {
            out.extend(b"null");
            rest = &rest[found.len()..];
            continue;
        }
        out.push(byte);
        rest = after;
        match (byte, rest.split_first()) {
            (b'\\', Some((&next, after))) if in_text => {
                out.push(next);
                rest = after;
            }
            (b'"', _) => in_text = !in_text,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_no_number_is_null_and_what_is_said_stays() {
        let file = "\u{feff}{\"text\": \"NaN \\\" NaN\", \"start\": NaN, \"end\": -Infinity}";
        assert_eq!(read(file.as_bytes()), Some(json!({"text": "NaN \" NaN", "start": null, "end": null})));
    }

    #[test]
    fn one_object_a_line_is_a_list() {
        assert_eq!(read(b"{\"a\":1}\n{\"a\":2}\n"), Some(json!([{"a": 1}, {"a": 2}])));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"{\"a\":"), None);
    }

    proptest! {
        #[test]
        fn what_is_json_already_stays_as_it_is(text in ".*", number in any::<i32>()) {
            let value = json!({"text": text, "number": number, "list": [null, true]});
            prop_assert_eq!(values(&without_nan(value.to_string().as_bytes())), Some(value));
        }
    }
}
