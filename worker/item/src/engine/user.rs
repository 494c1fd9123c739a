//! Functions of a worker's own as the planner sees them: a name and a signature. A wrong argument is an error of the
//! plan, at its place in the SQL; the call itself is the engine's.

use super::call::Argument;
use super::{bridged, engine_type, literal};
use crate::elementwise::tolerant;
use crate::types::word;
use crate::udf::{Udf, widens};
use arrow::datatypes::DataType as ArrowType;
use datafusion_common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use polars::prelude::*;
use std::hash::{Hash, Hasher};

#[derive(Clone)]
pub struct UserFunction {
    udf: Udf,
    signature: Signature,
}

impl UserFunction {
    pub fn new(udf: &Udf) -> Self {
        Self { udf: udf.clone(), signature: Signature::user_defined(Volatility::Immutable) }
    }

    pub fn call(&self, args: Vec<Argument>, guard: Option<&Expr>, tries: bool) -> PolarsResult<Expr> {
        let mut given = Vec::with_capacity(args.len());
        for arg in args {
            let (expr, ty) = match arg {
                Argument::Literal(value) => (literal::literal(&value)?, value.data_type()),
                Argument::Column(expr, ty) => (expr, ty),
            };
            given.push(match guard {
                Some(guard) => when(guard.clone()).then(expr).otherwise(literal::null(engine_type(&ty)?)),
                None => expr,
            });
        }
        let function = if tries { tolerant(&self.udf.function)? } else { self.udf.function.clone() };
        Ok(function.call(given))
    }

    fn checked(&self, types: &[ArrowType]) -> Result<()> {
        let Udf { name, signature, types: wanted, .. } = &self.udf;
        if types.len() != wanted.len() {
            return plan_err!("{name}{signature} takes {} arguments, not {}", wanted.len(), types.len());
        }
        for (i, (found, wanted)) in types.iter().zip(wanted).enumerate() {
            let number = matches!(found, ArrowType::Int64) && wanted.is_primitive_numeric()
                || matches!(found, ArrowType::Decimal128(..)) && wanted.is_float();
            let fits = number || spotmill_bridge::polars_type(found).is_some_and(|found| widens(&found, wanted));
            if !fits {
                let found = spotmill_sql::functions::kinds::word(found);
                return plan_err!("{name}{signature}: argument {} is {found}, not {}", i + 1, word(wanted));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for UserFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.udf.name, self.udf.signature)
    }
}

impl PartialEq for UserFunction {
    fn eq(&self, other: &Self) -> bool {
        self.udf.name == other.udf.name
    }
}

impl Eq for UserFunction {}

impl Hash for UserFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.udf.name.hash(state);
    }
}

impl ScalarUDFImpl for UserFunction {
    fn name(&self) -> &str {
        &self.udf.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        self.checked(types)?;
        let wanted = self.udf.types.iter().map(spotmill_bridge::arrow_type);
        let coerced = types.iter().zip(wanted).map(|(found, wanted)| match (found, wanted) {
            // A number in the SQL is an int64 or a decimal; any other value of those types is refused at the end.
            (ArrowType::Int64, Some(narrow)) if narrow.is_integer() => narrow,
            (ArrowType::Decimal128(..), Some(float)) if float.is_floating() => float,
            (ArrowType::Int64, Some(float)) if float.is_floating() => float,
            _ => found.clone(),
        });
        Ok(coerced.collect())
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        spotmill_bridge::arrow_type(&self.udf.out)
            .ok_or_else(|| DataFusionError::Plan(format!("{} returns no type of SQL", self.udf.name)))
    }

    /// Of literals, while planning.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let external = |e: PolarsError| DataFusionError::Execution(e.to_string());
        let mut columns = Vec::new();
        for value in &args.args {
            let array = value.to_array(args.number_rows.max(1))?;
            let series = bridged(spotmill_bridge::to_series("arg", &array)).map_err(external)?;
            columns.push(series.into_column());
        }
        let frame =
            DataFrame::new(1, vec![Column::new_scalar("row".into(), Scalar::from(0i32), 1)]).map_err(external)?;
        let lits: Vec<Expr> = columns.iter().map(|c| lit(c.as_materialized_series().clone())).collect();
        let made =
            frame.lazy().select([self.udf.function.clone().call(lits).alias("out")]).collect().map_err(external)?;
        let array = bridged(spotmill_bridge::to_arrow(&made.columns()[0])).map_err(external)?;
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
    }
}
