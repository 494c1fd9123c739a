//! `s3://bucket/key` taken apart, and keys in the two encodings that S3 wants and gives.

use crate::ports::StoreError;
use spotmill_core::ids::Uri;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub uri: Uri,
    pub bucket: String,
    /// May be empty where a prefix is meant.
    pub key: String,
}

impl Address {
    pub fn prefix(uri: &Uri) -> Result<Address, StoreError> {
        let Some(rest) = uri.as_str().strip_prefix("s3://") else {
            return Err(refused(uri, "not an S3 location; on AWS every location is s3://bucket/key"));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused(uri, "names no bucket; write s3://bucket/key"));
        }
        Ok(Address { uri: uri.clone(), bucket: bucket.to_owned(), key: key.to_owned() })
    }

    pub fn object(uri: &Uri) -> Result<Address, StoreError> {
        match Address::prefix(uri)? {
            Address { key, .. } if key.is_empty() => Err(refused(uri, "names no object; write s3://bucket/key")),
            address => Ok(address),
        }
    }

    /// As the header `x-amz-copy-source` wants it.
    pub fn copy_source(&self) -> String {
        let mut text = format!("{}/", self.bucket);
        for byte in self.key.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => text.push(byte.into()),
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
        text
    }
}

/// A key of a listing with `encoding-type=url`, where a space is `+`. Nothing if it is no such text.
pub fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(rest.next()?)? * 16 + digit(rest.next()?)?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

fn refused(uri: &Uri, what: &str) -> StoreError {
    StoreError::Broken { uri: uri.clone(), what: what.to_owned(), source: "the location is refused".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_come_apart() {
        let at = |text: &str| Address::object(&Uri::new(text)).map(|a| (a.bucket, a.key)).map_err(|e| e.to_string());
        assert_eq!(at("s3://b/k/é x"), Ok(("b".to_owned(), "k/é x".to_owned())));
        assert_eq!(at("s3://b//k"), Ok(("b".to_owned(), "/k".to_owned())), "an empty segment is part of the key");
        for (wrong, word) in [("/tmp/x", "s3://"), ("s3://", "bucket"), ("s3:///k", "bucket"), ("s3://b", "object")] {
            assert!(at(wrong).expect_err("refused").contains(word), "{wrong}");
        }
        assert_eq!(Address::prefix(&Uri::new("s3://b")).expect("a bucket is a prefix").key, "");
    }

    #[test]
    fn keys_survive_both_encodings() {
        let key = "carrier=AA/é x%2F+1.parquet";
        let source = Address::object(&Uri::new(format!("s3://b/{key}"))).expect("address").copy_source();
        assert_eq!(source, "b/carrier%3DAA/%C3%A9%20x%252F%2B1.parquet");
        assert_eq!(decoded(source.strip_prefix("b/").expect("bucket")).as_deref(), Some(key));
        assert_eq!(decoded("a+b").as_deref(), Some("a b"));
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
