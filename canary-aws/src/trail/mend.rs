//! Closing what a cut left open.

/// Drops what is incomplete at the end of `text` and closes its open lists and objects. `None` when nothing of it is
/// complete. Whether the text before its end is JSON is not looked at.
///
/// One pass, one byte of memory for every open bracket.
pub(super) fn mend(text: &str) -> Option<String> {
    let mut open: Vec<u8> = Vec::new();
    let (mut in_string, mut escaped, mut is_value) = (false, false, false);
    // Up to here everything is complete, but for the closers.
    let mut safe = 0;
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_string = false;
                    // In a list a string is complete by itself; in an object it may be a key.
                    if is_value || open.last() == Some(&b']') {
                        safe = at + 1;
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if byte == b'{' { b'}' } else { b']' });
                is_value = false;
                safe = at + 1;
            }
            b'}' | b']' => {
                open.pop();
                is_value = false;
                safe = at + 1;
            }
            // What stands before a comma is complete; the comma itself is left out.
            b',' => {
                is_value = false;
                safe = at;
            }
            b':' => is_value = true,
            _ => {}
        }
    }
    if safe == 0 {
        return None;
    }
    let mut closed = text.get(..safe)?.to_owned();
    closed.extend(open.iter().rev().map(|&byte| char::from(byte)));
    Some(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_an_object_is_mended_to_valid_json() {
        let whole = r#"{"a":"x,}\"y","b":[1,{"c":null},"]","z"],"d":{"e":"\\","f":[[]]},"g":true}"#;
        for end in 1..=whole.len() {
            let mended = mend(&whole[..end]).unwrap();
            let read: Result<serde_json::Value, _> = serde_json::from_str(&mended);
            assert!(read.is_ok(), "{end}: {mended}");
        }
        assert_eq!(mend(whole).unwrap(), whole);
        assert!(mend("").is_none() && mend("klog text").is_none());
    }
}
