//! Which columns of two results are compared, and as what type: pure, over the columns that the files state. A value is
//! never rounded to be compared: where no type holds the values of both sides the column is reported and not compared.

use spotmill_core::nearest::nearest;
use spotmill_core::types::{Column, ColumnType};

/// Digits of the widest decimal.
const MOST_DIGITS: u8 = 38;

/// A column that both sides have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub name: String,
    pub a: ColumnType,
    pub b: ColumnType,
    /// Holds every value of both.
    pub ty: ColumnType,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// What identifies a row; empty: rows are compared as a whole.
    pub key: Vec<Compared>,
    pub values: Vec<Compared>,
    pub only_a: Vec<Column>,
    pub only_b: Vec<Column>,
    /// Columns of two types of which neither holds the other's values.
    pub incomparable: Vec<(String, ColumnType, ColumnType)>,
}

impl Pairing {
    /// Pairs the columns by their names. `key` and `ignore` are names as somebody typed them.
    pub fn new(a: &[Column], b: &[Column], key: &[String], ignore: &[String]) -> Result<Pairing, String> {
        let named = |columns: &[Column], name: &str| columns.iter().find(|c| c.name == name).cloned();
        for name in key.iter().chain(ignore) {
            if named(a, name).is_none() && named(b, name).is_none() {
                return Err(unknown(name, a, b));
            }
        }
        if let Some(both) = key.iter().find(|name| ignore.contains(name)) {
            return Err(format!("`{both}` is part of the key and cannot be ignored"));
        }
        let mut paired = Pairing::default();
        for name in key {
            paired.key.push(key_column(name, named(a, name), named(b, name))?);
        }
        let wanted = |c: &&Column| !key.contains(&c.name) && !ignore.contains(&c.name);
        for one in a.iter().filter(wanted) {
            match named(b, &one.name) {
                None => paired.only_a.push(one.clone()),
                Some(other) => match common(one.ty, other.ty) {
                    Some(ty) => paired.values.push(Compared { name: one.name.clone(), a: one.ty, b: other.ty, ty }),
                    None => paired.incomparable.push((one.name.clone(), one.ty, other.ty)),
                },
            }
        }
        paired.only_b = b.iter().filter(wanted).filter(|c| named(a, &c.name).is_none()).cloned().collect();
        if paired.key.is_empty() && paired.values.is_empty() {
            return Err("the two have no column in common that can be compared".to_owned());
        }
        Ok(paired)
    }

    /// Columns whose types differ and are compared as one that holds both.
    pub fn retyped(&self) -> impl Iterator<Item = &Compared> {
        self.key.iter().chain(&self.values).filter(|c| c.a != c.b)
    }

    pub fn same_columns(&self) -> bool {
        let extra = self.only_a.is_empty() && self.only_b.is_empty() && self.incomparable.is_empty();
        extra && self.retyped().next().is_none()
    }
}

fn key_column(name: &str, a: Option<Column>, b: Option<Column>) -> Result<Compared, String> {
    let (Some(a), Some(b)) = (a, b) else {
        return Err(format!("only one of the two has the key column `{name}`"));
    };
    let Some(ty) = common(a.ty, b.ty) else {
        return Err(format!("the key column `{name}` is {} in A and {} in B: no type holds both", a.ty, b.ty));
    };
    Ok(Compared { name: name.to_owned(), a: a.ty, b: b.ty, ty })
}

fn unknown(name: &str, a: &[Column], b: &[Column]) -> String {
    let mut names: Vec<&str> = a.iter().chain(b).map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no column `{name}`; did you mean `{near}`?"),
        None => format!("there is no column `{name}`; columns: {}", names.join(", ")),
    }
}

/// The type that holds every value of both, if there is one.
fn common(a: ColumnType, b: ColumnType) -> Option<ColumnType> {
    if a.holds(b) {
        return Some(a);
    }
    if b.holds(a) {
        return Some(b);
    }
    let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(a)?, digits(b)?);
    let (whole, scale) = (whole_a.max(whole_b), scale_a.max(scale_b));
    (whole + scale <= MOST_DIGITS).then_some(ColumnType::Decimal { precision: whole + scale, scale })
}

/// Digits before and after the point of an exact number.
fn digits(ty: ColumnType) -> Option<(u8, u8)> {
    Some(match ty {
        ColumnType::Int8 | ColumnType::Uint8 => (3, 0),
        ColumnType::Int16 | ColumnType::Uint16 => (5, 0),
        ColumnType::Int32 | ColumnType::Uint32 => (10, 0),
        ColumnType::Int64 => (19, 0),
        ColumnType::Uint64 => (20, 0),
        ColumnType::Decimal { precision, scale } => (precision - scale, scale),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<Column> {
        let column = |part: &str| {
            let (name, ty) = part.trim().split_once(' ').expect("a name and a type");
            Column { name: name.to_owned(), ty: ty.parse().expect("a type"), parse: None }
        };
        text.split(';').map(column).collect()
    }

    fn paired(a: &str, b: &str, key: &[&str], ignore: &[&str]) -> Result<Pairing, String> {
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        Pairing::new(&columns(a), &columns(b), &names(key), &names(ignore))
    }

    #[test]
    fn a_common_type_holds_the_values_of_both() {
        let check = |a: &str, b: &str, want: Option<&str>| {
            let ty = |text: &str| text.parse::<ColumnType>().expect("a type");
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!(common(ty(a), ty(b)).map(|t| t.to_string()).as_deref(), want, "{a} and {b}");
            }
        };
        check("int32", "int32", Some("int32"));
        check("int16", "int64", Some("int64"));
        check("int64", "uint64", Some("decimal(20,0)"));
        check("int32", "uint32", Some("decimal(10,0)"));
        check("decimal(10,2)", "decimal(12,0)", Some("decimal(14,2)"));
        check("decimal(38,0)", "decimal(38,10)", None);
        check("int64", "decimal(18,4)", Some("decimal(23,4)"));
        check("float32", "float64", Some("float64"));
        // A float has not every int64, and no decimal holds every float.
        check("int64", "float64", None);
        check("decimal(9,2)", "float64", None);
        check("date", "timestamp", None);
        check("string", "int64", None);
    }

    #[test]
    fn columns_are_paired_by_name_whatever_their_order() {
        let found = paired("k int32; n int64; s string; x date", "s string; k int64; n float64; y bool", &["k"], &[]);
        let found = found.expect("a pairing");
        assert_eq!(found.key[0].ty, ColumnType::Int64);
        assert_eq!(found.values.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["s"]);
        assert_eq!(found.incomparable, [("n".to_owned(), ColumnType::Int64, ColumnType::Float64)]);
        assert_eq!((found.only_a[0].name.as_str(), found.only_b[0].name.as_str()), ("x", "y"));
        assert!(!found.same_columns());
        assert!(paired("a int64; b date", "b date; a int64", &[], &[]).expect("a pairing").same_columns());
    }

    #[test]
    fn what_is_ignored_makes_no_difference() {
        let found = paired("k int32; at timestamp", "k int32; by string", &["k"], &["at", "by"]).expect("a pairing");
        assert!(found.same_columns() && found.values.is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |key: &[&str], ignore: &[&str], want: &str| {
            let why = paired("key int32; n date", "key string; n date; m date", key, ignore).expect_err("refused");
            assert_eq!(why, want);
        };
        check(&["ky"], &[], "there is no column `ky`; did you mean `key`?");
        check(&["key"], &[], "the key column `key` is int32 in A and string in B: no type holds both");
        check(&["m"], &[], "only one of the two has the key column `m`");
        check(&["n"], &["n"], "`n` is part of the key and cannot be ignored");
        check(&[], &["n"], "the two have no column in common that can be compared");
    }
}
