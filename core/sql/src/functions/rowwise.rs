//! Functions of our own that make one value of one row's values. A function lists the shapes of its arguments and gives
//! a step for each; this file does the rest: types, constants, NULL in and NULL out.

use super::constants;
use super::kinds::{Kind, kind, word};
use super::nearest;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{CastOptions, cast};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Text,
    Integer,
    /// Any number, as a float64.
    Number,
    /// A date or a timestamp, as microseconds since 1970.
    Time,
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Text(&'a str),
    Integer(i64),
    Number(f64),
    Time(i64),
}

/// One value of the result, of the type that the shape promises.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    Null,
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Time(i64),
}

/// What makes a value of a row; it may remember things between rows.
pub type Step = Box<dyn FnMut(&[Value<'_>]) -> Result<Made>>;

/// What was read out of a text, until a row has another one: of a literal it is read once.
pub struct Kept<T>(Option<(String, T)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Kept<T> {
    pub fn of(&mut self, text: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<&T> {
        let cached = self.0.take().filter(|(of, _)| of == text);
        let kept = match cached {
            Some(kept) => kept,
            None => (text.to_owned(), read(text)?),
        };
        Ok(&self.0.insert(kept).1)
    }
}

/// One way to call a function.
#[derive(Clone, Debug)]
pub struct Shape {
    pub takes: &'static [Takes],
    pub returns: DataType,
    pub step: fn() -> Step,
}

/// A function by its shapes; the first that fits is taken.
#[derive(Debug)]
pub struct RowWise {
    name: &'static str,
    shapes: Vec<Shape>,
    check: Check,
    signature: Signature,
}

/// Refuses, before anything runs, texts that are literals and can be no argument; none for any other argument.
pub type Check = fn(&[Option<&str>]) -> Result<()>;

impl RowWise {
    pub fn function(name: &'static str, shapes: Vec<Shape>) -> Arc<ScalarUDF> {
        Self::checked(name, shapes, |_| Ok(()))
    }

    pub fn checked(name: &'static str, shapes: Vec<Shape>, check: Check) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Self { name, shapes, check, signature }))
    }

    /// The shape for these types. A literal text may stand for a time: the planner refuses other texts.
    fn shape(&self, types: &[DataType]) -> Result<&Shape> {
        let fits = |shape: &&Shape, loose: bool| {
            shape.takes.len() == types.len() && shape.takes.iter().zip(types).all(|(t, ty)| t.fits(ty, loose))
        };
        let found = self.shapes.iter().find(|s| fits(s, false)).or_else(|| self.shapes.iter().find(|s| fits(s, true)));
        match found {
            Some(shape) => Ok(shape),
            None => {
                let given: Vec<String> = types.iter().map(word).collect();
                let shapes: Vec<String> = self.shapes.iter().map(|s| format!("({})", described(s.takes))).collect();
                plan_err!("{} takes no ({}): it takes {}", self.name, given.join(", "), shapes.join(" or "))
            }
        }
    }
}

fn described(takes: &[Takes]) -> String {
    let word = |t: &Takes| match t {
        Takes::Text => "string",
        Takes::Integer => "integer",
        Takes::Number => "number",
        Takes::Time => "date or timestamp",
    };
    takes.iter().map(word).collect::<Vec<_>>().join(", ")
}

impl Takes {
    fn fits(self, ty: &DataType, loose: bool) -> bool {
        match (self, kind(ty)) {
            (_, Kind::Null) => true,
            (Self::Text, k) => k == Kind::Text,
            (Self::Integer, k) => k == Kind::Integer,
            (Self::Number, k) => k.is_number(),
            (Self::Time, Kind::Text) => loose,
            (Self::Time, k) => matches!(k, Kind::Date | Kind::Timestamp),
        }
    }

    /// The type that a value of `ty` is converted to.
    fn planned(self, ty: &DataType) -> DataType {
        match (self, ty) {
            // As it is, so that a literal stays one for `check`.
            (Self::Text, ty) if ty.is_string() => ty.clone(),
            (Self::Text, _) => DataType::Utf8View,
            (Self::Integer, _) => DataType::Int64,
            (Self::Number, _) => DataType::Float64,
            (Self::Time, DataType::Date32) => DataType::Date32,
            (Self::Time, DataType::Timestamp(_, zone)) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            (Self::Time, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

impl PartialEq for RowWise {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RowWise {}

impl Hash for RowWise {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for RowWise {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let shape = self.shape(types)?;
        Ok(shape.takes.iter().zip(types).map(|(takes, ty)| takes.planned(ty)).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.shape(types)?.returns.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let literals = args.scalar_arguments.iter().map(|v| v.and_then(|v| v.try_as_str().flatten()));
        (self.check)(&literals.collect::<Vec<_>>())?;
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name, self.return_type(&types)?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let shape = self.shape(&types)?;
        let rows = constants::values(&args.args, args.number_rows);
        let columns: Vec<Values> =
            args.args.iter().zip(shape.takes).map(|(arg, takes)| Values::of(arg, *takes)).collect::<Result<_>>()?;
        let mut step = (shape.step)();
        let mut made = Vec::with_capacity(rows);
        let mut row = vec![Value::Null; columns.len()];
        for at in 0..rows {
            row.iter_mut().zip(&columns).for_each(|(value, column)| *value = column.get(at));
            made.push(if row.contains(&Value::Null) { Made::Null } else { step(&row)? });
        }
        constants::made(cast(&array(made)?, &shape.returns)?, &args.args)
    }
}

/// The values of one argument; a constant has one.
struct Values {
    array: Typed,
    constant: bool,
}

enum Typed {
    Text(StringViewArray),
    Integer(Int64Array),
    Number(Float64Array),
    Time(TimestampMicrosecondArray),
}

impl Values {
    fn of(arg: &ColumnarValue, takes: Takes) -> Result<Self> {
        let (array, constant) = match arg {
            ColumnarValue::Array(array) => (array.clone(), false),
            ColumnarValue::Scalar(value) => (value.to_array()?, true),
        };
        let planned = match (takes, takes.planned(array.data_type())) {
            (Takes::Text, _) => DataType::Utf8View,
            (Takes::Time, DataType::Date32) => DataType::Timestamp(TimeUnit::Microsecond, None),
            (_, planned) => planned,
        };
        let array = nearest::cast(&array, &planned, &CastOptions::default())?;
        let array = match takes {
            Takes::Text => Typed::Text(array.as_string_view().clone()),
            Takes::Integer => Typed::Integer(array.as_primitive::<Int64Type>().clone()),
            Takes::Number => Typed::Number(array.as_primitive::<Float64Type>().clone()),
            Takes::Time => Typed::Time(array.as_primitive::<TimestampMicrosecondType>().clone()),
        };
        Ok(Self { array, constant })
    }

    fn get(&self, row: usize) -> Value<'_> {
        let row = if self.constant { 0 } else { row };
        match &self.array {
            Typed::Text(a) if a.is_valid(row) => Value::Text(a.value(row)),
            Typed::Integer(a) if a.is_valid(row) => Value::Integer(a.value(row)),
            Typed::Number(a) if a.is_valid(row) => Value::Number(a.value(row)),
            Typed::Time(a) if a.is_valid(row) => Value::Time(a.value(row)),
            _ => Value::Null,
        }
    }
}

fn array(made: Vec<Made>) -> Result<ArrayRef> {
    macro_rules! all {
        ($array:ty, $kind:path) => {{
            let mut values = Vec::with_capacity(made.len());
            for value in made {
                values.push(match value {
                    $kind(v) => Some(v),
                    Made::Null => None,
                    other => return exec_err!("a value of another type: {other:?}"),
                });
            }
            Arc::new(values.into_iter().collect::<$array>())
        }};
    }
    Ok(match made.iter().find(|v| **v != Made::Null) {
        Some(Made::Text(_)) => all!(StringViewArray, Made::Text),
        Some(Made::Number(_)) => all!(Float64Array, Made::Number),
        Some(Made::Bool(_)) => all!(BooleanArray, Made::Bool),
        Some(Made::Date(_)) => all!(Date32Array, Made::Date),
        Some(Made::Time(_)) => all!(TimestampMicrosecondArray, Made::Time),
        Some(Made::Integer(_)) => all!(Int64Array, Made::Integer),
        Some(Made::Null) | None => arrow::array::new_null_array(&DataType::Null, made.len()),
    })
}
