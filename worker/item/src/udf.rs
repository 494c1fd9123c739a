//! Rust closures as SQL functions. The closure's own signature is the function's: types are checked when a
//! pipeline is validated, NULL in gives NULL out unless an argument is an `Option`, and a panic becomes an error
//! that names the function.

use crate::elementwise::elementwise;
use crate::types::{from_engine, word};
use polars::prelude::*;
use polars_plan::dsl::UserDefinedFunction;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A type that a closure may take.
pub trait Arg: 'static {
    /// What the closure sees; `&'a str` for strings.
    type Item<'a>;
    /// The column, ready to be read by row.
    type View: Send + Sync;
    const TYPE: DataType;
    /// Takes NULL itself.
    const NULLABLE: bool;
    fn view(column: &Column) -> PolarsResult<Self::View>;
    fn get(view: &Self::View, row: usize) -> Option<Self::Item<'_>>;
}

/// A type that a closure may return.
pub trait Ret: Sized + 'static {
    const OUT: DataType;
    fn column(name: PlSmallStr, values: impl Iterator<Item = Option<Self>>) -> Column;
}

macro_rules! paste_type {
    (Int8) => {
        Int8Type
    };
    (Int16) => {
        Int16Type
    };
    (Int32) => {
        Int32Type
    };
    (Int64) => {
        Int64Type
    };
    (UInt8) => {
        UInt8Type
    };
    (UInt16) => {
        UInt16Type
    };
    (UInt32) => {
        UInt32Type
    };
    (UInt64) => {
        UInt64Type
    };
    (Float32) => {
        Float32Type
    };
    (Float64) => {
        Float64Type
    };
}

macro_rules! numbers {
    ($($native:ty => $engine:ident),*) => {$(
        impl Arg for $native {
            type Item<'a> = $native;
            type View = ChunkedArray<paste_type!($engine)>;
            const TYPE: DataType = DataType::$engine;
            const NULLABLE: bool = false;
            fn view(column: &Column) -> PolarsResult<Self::View> {
                let column = column.strict_cast(&Self::TYPE)?;
                Ok(column.as_materialized_series().unpack::<paste_type!($engine)>()?.rechunk().into_owned())
            }
            fn get(view: &Self::View, row: usize) -> Option<$native> {
                view.get(row)
            }
        }
        impl Ret for $native {
            const OUT: DataType = DataType::$engine;
            fn column(name: PlSmallStr, values: impl Iterator<Item = Option<Self>>) -> Column {
                values.collect::<ChunkedArray<paste_type!($engine)>>().with_name(name).into_column()
            }
        }
    )*};
}

numbers!(i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, u8 => UInt8, u16 => UInt16, u32 => UInt32,
         u64 => UInt64, f32 => Float32, f64 => Float64);

impl Arg for bool {
    type Item<'a> = bool;
    type View = BooleanChunked;
    const TYPE: DataType = DataType::Boolean;
    const NULLABLE: bool = false;
    fn view(column: &Column) -> PolarsResult<Self::View> {
        Ok(column.strict_cast(&Self::TYPE)?.bool()?.rechunk().into_owned())
    }
    fn get(view: &Self::View, row: usize) -> Option<bool> {
        view.get(row)
    }
}

impl Ret for bool {
    const OUT: DataType = DataType::Boolean;
    fn column(name: PlSmallStr, values: impl Iterator<Item = Option<Self>>) -> Column {
        values.collect::<BooleanChunked>().with_name(name).into_column()
    }
}

impl Arg for &'static str {
    type Item<'a> = &'a str;
    type View = StringChunked;
    const TYPE: DataType = DataType::String;
    const NULLABLE: bool = false;
    fn view(column: &Column) -> PolarsResult<Self::View> {
        Ok(column.strict_cast(&Self::TYPE)?.str()?.rechunk().into_owned())
    }
    fn get(view: &Self::View, row: usize) -> Option<&str> {
        view.get(row)
    }
}

impl Arg for String {
    type Item<'a> = String;
    type View = StringChunked;
    const TYPE: DataType = DataType::String;
    const NULLABLE: bool = false;
    fn view(column: &Column) -> PolarsResult<Self::View> {
        <&'static str as Arg>::view(column)
    }
    fn get(view: &Self::View, row: usize) -> Option<String> {
        view.get(row).map(str::to_owned)
    }
}

impl Ret for String {
    const OUT: DataType = DataType::String;
    fn column(name: PlSmallStr, values: impl Iterator<Item = Option<Self>>) -> Column {
        values.collect::<StringChunked>().with_name(name).into_column()
    }
}

impl<A: Arg> Arg for Option<A> {
    type Item<'a> = Option<A::Item<'a>>;
    type View = A::View;
    const TYPE: DataType = A::TYPE;
    const NULLABLE: bool = true;
    fn view(column: &Column) -> PolarsResult<Self::View> {
        A::view(column)
    }
    fn get(view: &Self::View, row: usize) -> Option<Self::Item<'_>> {
        Some(A::get(view, row))
    }
}

/// A closure that may have no answer.
impl<R: Ret> Ret for Option<R> {
    const OUT: DataType = R::OUT;
    fn column(name: PlSmallStr, values: impl Iterator<Item = Option<Self>>) -> Column {
        R::column(name, values.map(Option::flatten))
    }
}

/// A function as SQL and `spotmill functions` see it.
#[derive(Clone)]
pub struct Udf {
    pub name: String,
    pub signature: String,
    pub(crate) types: Vec<DataType>,
    pub(crate) out: DataType,
    pub(crate) function: UserDefinedFunction,
}

/// Closures of one to four arguments. `Marker` is the closure's signature and is always inferred.
pub trait IntoUdf<Marker> {
    fn into_udf(self, name: &str) -> Udf;
}

macro_rules! closures {
    ($count:literal; $($arg:ident $view:ident $at:literal),+) => {
        impl<F, R, $($arg),+> IntoUdf<fn($($arg),+) -> R> for F
        where
            R: Ret,
            $($arg: Arg,)+
            F: Fn($($arg),+) -> R + for<'a> Fn($(<$arg as Arg>::Item<'a>),+) -> R + Send + Sync + 'static,
        {
            fn into_udf(self, name: &str) -> Udf {
                let types = [$(<$arg as Arg>::TYPE),+];
                let called = name.to_owned();
                let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
                    polars_ensure!(columns.len() == $count, SchemaMismatch: "{called} takes {} arguments", $count);
                    let rows = if columns.iter().any(|c| c.is_empty()) { 0 }
                        else { columns.iter().map(|c| c.len()).max().unwrap_or(0) };
                    $(let $view = <$arg as Arg>::view(&columns[$at])?;
                      let $arg = usize::from(columns[$at].len() == rows);)+
                    let values = (0..rows).map(|row| Some((self)($(<$arg as Arg>::get(&$view, row * $arg)?),+)));
                    let out = columns[0].name().clone();
                    caught(&called, || R::column(out, values))
                };
                make(name, &types, R::OUT, run)
            }
        }
    };
}

#[allow(non_snake_case, reason = "a macro's type names serve as the names of its locals")]
mod closures {
    use super::*;
    closures!(1; A a 0);
    closures!(2; A a 0, B b 1);
    closures!(3; A a 0, B b 1, C c 2);
    closures!(4; A a 0, B b 1, C c 2, D d 3);
}

fn caught(name: &str, body: impl FnOnce() -> Column) -> PolarsResult<Column> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = crate::panics::text(&*payload);
        let place = crate::panics::first().map(|(place, _)| format!(" at {place}")).unwrap_or_default();
        polars_err!(ComputeError: "the function {name} panicked{place}: {text}")
    })
}

fn make(
    name: &str,
    types: &[DataType],
    out: DataType,
    run: impl Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync + 'static,
) -> Udf {
    let names: Vec<String> = types.iter().map(word).collect();
    let signature = format!("({}) -> {}", names.join(", "), word(&out));
    let (called, shown, types) = (name.to_owned(), signature.clone(), types.to_vec());
    let (declared, returned) = (types.clone(), out.clone());
    let fields = move |_: &Schema, fields: &[Field]| -> PolarsResult<Field> {
        polars_ensure!(
            fields.len() == types.len(),
            SchemaMismatch: "{called}{shown} takes {} arguments, not {}", types.len(), fields.len()
        );
        for (i, (field, ty)) in fields.iter().zip(&types).enumerate() {
            polars_ensure!(
                widens(field.dtype(), ty),
                SchemaMismatch: "{called}{shown}: argument {} is {}, not {}", i + 1, word(field.dtype()), word(ty)
            );
        }
        Ok(Field::new(fields[0].name().clone(), out.clone()))
    };
    let function = elementwise(name, run, fields);
    Udf { name: name.to_owned(), signature, types: declared, out: returned, function }
}

/// Whether every value of `from` is one of `to`: the only conversions made for a function's argument.
pub(crate) fn widens(from: &DataType, to: &DataType) -> bool {
    if from == to || matches!(from, DataType::Null) {
        return true;
    }
    let number = |ty: &DataType| ty.is_integer() || ty.is_float();
    match (from, to) {
        (DataType::Unknown(UnknownKind::Int(_)), to) => number(to),
        (DataType::Unknown(UnknownKind::Float), to) => to.is_float(),
        (DataType::Unknown(UnknownKind::Str), to) => *to == DataType::String,
        (from, to) if number(from) && number(to) => {
            from_engine(from).zip(from_engine(to)).is_some_and(|(from, to)| to.holds(from))
        }
        _ => false,
    }
}
