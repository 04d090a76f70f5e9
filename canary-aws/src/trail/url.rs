//! Percent-encoding.

/// Decodes `%2F` and the like, and `+` as a space, as S3 writes the keys of objects in notifications. What is no encoding
/// stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                if let Some((decoded, tail)) = escape(after) {
                    out.push(decoded);
                    rest = tail;
                } else {
                    out.push(byte);
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte that two hexadecimal digits write, and what follows them.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], tail) = text.split_first_chunk::<2>()?;
    Some((digit(*high)? << 4 | digit(*low)?, tail))
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_and_what_is_no_encoding_stays() {
        assert_eq!(decode("a%2Fb/c+d%20e%C3%A9"), "a/b/c d eé");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
