//! Which bucket a key falls into: xxh3-64 with a fixed seed over canonical bytes, modulo the number of buckets.
//! The bytes are documented below and pinned by golden vectors, because files written today are joined, bucket to
//! bucket, with files written by another version, on another architecture, with another width of integer.
//!
//! Canonical bytes of a key are those of its values, in the order of the columns. A value is one tag byte and:
//!
//! | tag | value | bytes that follow |
//! |---|---|---|
//! | 0 | NULL of any type | none |
//! | 1 | integers of every width that fit `i64` | 8, little-endian |
//! | 2 | `uint64` above `i64::MAX` | 8, little-endian |
//! | 3 | floats, `float32` widened | 8, IEEE bits, little-endian; −0 as 0, every NaN as one |
//! | 4 | strings | length as 8 little-endian, then UTF-8 |
//! | 5 | dates | days since 1970-01-01 as 4 little-endian |
//! | 6 | timestamps, with or without zone | microseconds since 1970 as 8 little-endian |
//! | 7 | decimals | scale as 1, unscaled as 16 little-endian; trailing zeros of the fraction removed |
//! | 8 | booleans | 1: 0 or 1 |

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// "Spotmill" in ASCII. Changing it, or any byte above, moves every row of every bucketed data set.
pub const SEED: u64 = 0x5370_6f74_6d69_6c6c;

/// A key's value as the hash sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Key<'a> {
    Null,
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(&'a str),
    Date(i32),
    Timestamp(i64),
    Decimal { unscaled: i128, scale: u8 },
    Bool(bool),
}

impl Key<'_> {
    /// Appends the canonical bytes.
    pub fn append(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Null => bytes.push(0),
            Self::Int(v) => tagged(bytes, 1, &v.to_le_bytes()),
            Self::Uint(v) => match i64::try_from(v) {
                Ok(v) => tagged(bytes, 1, &v.to_le_bytes()),
                Err(_) => tagged(bytes, 2, &v.to_le_bytes()),
            },
            Self::Float(v) => tagged(bytes, 3, &float_bits(v).to_le_bytes()),
            Self::Str(v) => {
                tagged(bytes, 4, &(v.len() as u64).to_le_bytes());
                bytes.extend_from_slice(v.as_bytes());
            }
            Self::Date(v) => tagged(bytes, 5, &v.to_le_bytes()),
            Self::Timestamp(v) => tagged(bytes, 6, &v.to_le_bytes()),
            Self::Decimal { unscaled, scale } => {
                let (unscaled, scale) = shortest(unscaled, scale);
                tagged(bytes, 7, &[scale]);
                bytes.extend_from_slice(&unscaled.to_le_bytes());
            }
            Self::Bool(v) => tagged(bytes, 8, &[u8::from(v)]),
        }
    }
}

fn tagged(bytes: &mut Vec<u8>, tag: u8, rest: &[u8]) {
    bytes.push(tag);
    bytes.extend_from_slice(rest);
}

fn float_bits(v: f64) -> u64 {
    if v.is_nan() {
        0x7ff8_0000_0000_0000
    } else if v == 0.0 {
        0
    } else {
        v.to_bits()
    }
}

fn shortest(mut unscaled: i128, mut scale: u8) -> (i128, u8) {
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

/// The hash of a key's canonical bytes.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, SEED)
}

/// The bucket of a key's canonical bytes. `buckets` is at least 1.
pub fn bucket(bytes: &[u8], buckets: u32) -> u32 {
    (hash(bytes) % u64::from(buckets.max(1))) as u32
}

/// What the folders of bucketed files are named by, as others are by a column.
pub const FOLDER: &str = "bucket";

/// The name of a bucket's partition: `bucket=00007`.
pub fn label(bucket: u32) -> String {
    format!("{FOLDER}={bucket:05}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Layout;

    fn bytes(keys: &[Key]) -> Vec<u8> {
        let mut bytes = Vec::new();
        keys.iter().for_each(|k| k.append(&mut bytes));
        bytes
    }

    fn check(keys: &[Key], canonical: &str, hash_hex: &str) {
        let bytes = bytes(keys);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!((hex.as_str(), format!("{:016x}", hash(&bytes)).as_str()), (canonical, hash_hex), "{keys:?}");
    }

    #[test]
    fn golden_vectors() {
        check(&[], "", "6ab71ba5b897ec7c");
        check(&[Key::Null], "00", "661cbab984c6f10c");
        check(&[Key::Int(1)], "010100000000000000", "404824e6adacb841");
        check(&[Key::Int(-1)], "01ffffffffffffffff", "fa8614e5ceaf019b");
        check(&[Key::Uint(u64::MAX)], "02ffffffffffffffff", "ddb9d4825535c27d");
        check(&[Key::Float(1.5)], "03000000000000f83f", "41285b9c309c8d9d");
        check(&[Key::Float(-0.0)], "030000000000000000", "2b08bc8d97cca33d");
        check(&[Key::Float(f64::NAN)], "03000000000000f87f", "6060f0f16cfb6499");
        check(&[Key::Str("")], "040000000000000000", "5f09892e3b09b7bb");
        check(&[Key::Str("é")], "040200000000000000c3a9", "b83212736e92b6f7");
        check(&[Key::Date(15_706)], "055a3d0000", "8fd6337fb504c42c");
        check(&[Key::Timestamp(1_356_998_400_000_000)], "0600c097cf2ed20400", "3977e472f279a2e1");
        check(&[Key::Decimal { unscaled: -150, scale: 2 }], "0701f1ffffffffffffffffffffffffffffff", "ec9e80bf61a38215");
        check(&[Key::Bool(true)], "0801", "d1265b6528385e5f");
        check(&[Key::Str("JFK"), Key::Int(7)], "0403000000000000004a464b010700000000000000", "7b11da989a2339f5");
    }

    #[test]
    fn equal_values_of_other_widths_fall_together() {
        let same = |a: Key, b: Key| assert_eq!(bytes(&[a]), bytes(&[b]));
        same(Key::Int(1), Key::Uint(1));
        same(Key::Float(0.0), Key::Float(-0.0));
        same(Key::Float(f64::NAN), Key::Float(-f64::NAN));
        same(Key::Decimal { unscaled: 1500, scale: 3 }, Key::Decimal { unscaled: 15, scale: 1 });
        same(Key::Decimal { unscaled: 0, scale: 4 }, Key::Decimal { unscaled: 0, scale: 0 });
    }

    #[test]
    fn boundaries_between_values_count() {
        assert_ne!(bytes(&[Key::Str("a"), Key::Str("bc")]), bytes(&[Key::Str("ab"), Key::Str("c")]));
        assert_ne!(bytes(&[Key::Null, Key::Str("")]), bytes(&[Key::Str(""), Key::Null]));
    }

    #[test]
    fn buckets_are_below_their_number() {
        for v in 0..10_000 {
            assert!(bucket(&bytes(&[Key::Int(v)]), 32) < 32);
        }
        assert_eq!(label(7), "bucket=00007");
    }

    #[test]
    fn a_layout_states_what_its_folders_are_named_by() {
        let by = vec!["carrier".to_owned()];
        let bucketed = Layout::Bucket { by: by.clone(), buckets: 8 }.folders();
        assert_eq!(bucketed.len(), 1);
        assert!(label(7).starts_with(&format!("{}=", bucketed[0])), "{bucketed:?}");
        assert_eq!(Layout::Partition { by: by.clone() }.folders(), by);
        assert!(Layout::Single.folders().is_empty());
    }
}
