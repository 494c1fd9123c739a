//! What the planner may ask for while it plans: the declared tables, the functions, the types.

use crate::functions::cast::Written;
use crate::functions::registry::{Registry, built_in};
use crate::operators::Operators;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use sqlparser::ast::{ExactNumberInfo, TimezoneInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Declared tables and the functions of one worker.
pub struct Provider<'a> {
    tables: &'a BTreeMap<String, SchemaRef>,
    own: BTreeMap<String, Arc<ScalarUDF>>,
    built_in: &'static Registry,
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
    casts: [Arc<ScalarUDF>; 2],
}

/// A declared table: a name and a schema.
#[derive(Debug)]
struct Table(SchemaRef);

impl TableSource for Table {
    fn schema(&self) -> SchemaRef {
        self.0.clone()
    }
}

impl<'a> Provider<'a> {
    pub fn new(tables: &'a BTreeMap<String, SchemaRef>, own: &[Arc<ScalarUDF>]) -> Self {
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![
            Arc::new(Operators),
            Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
            Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
            Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
            Arc::new(datafusion_functions_aggregate::planner::AggregateFunctionPlanner),
            Arc::new(datafusion_functions_window::planner::WindowFunctionPlanner),
        ];
        let own = own.iter().map(|f| (f.name().to_lowercase(), f.clone())).collect();
        Self { tables, own, built_in: built_in(), options: crate::options::options(), planners, casts: Written::all() }
    }
}

impl ContextProvider for Provider<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.tables.get(name.table()) {
            Some(schema) => Ok(Arc::new(Table(schema.clone()))),
            None => {
                let declared: Vec<&str> = self.tables.keys().map(String::as_str).collect();
                plan_err!("relation '{}' was not found; declared: {}", name.table(), declared.join(", "))
            }
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let name = name.to_lowercase();
        if let Some(cast) = self.casts.iter().find(|cast| cast.name() == name) {
            return Some(cast.clone());
        }
        self.own.get(&name).or_else(|| self.built_in.scalars.get(&name)).cloned()
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.built_in.aggregates.get(&name.to_lowercase()).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.built_in.windows.get(&name.to_lowercase()).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.own.keys().chain(self.built_in.scalars.keys()).cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.built_in.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.built_in.windows.keys().cloned().collect()
    }
}

/// What to write in place of a type that no column has.
fn instead_of(ty: &sqlparser::ast::DataType) -> &'static str {
    use sqlparser::ast::DataType as Sql;
    match ty {
        Sql::Time(..) => "keep a timestamp, or the time of day as a text",
        Sql::Bytea | Sql::Blob(_) | Sql::Binary(_) | Sql::Varbinary(_) | Sql::Bytes(_) => {
            "keep bytes as a text, as hex(x)"
        }
        Sql::Array(_) | Sql::Struct(..) | Sql::Map(..) | Sql::Union(_) => "a column holds one value",
        Sql::JSON | Sql::JSONB | Sql::Uuid | Sql::Enum(..) => "write VARCHAR",
        _ => {
            "write BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, DECIMAL(p, s), REAL, DOUBLE, VARCHAR, DATE or TIMESTAMP"
        }
    }
}

/// Types where DataFusion's own choice is not ours: microseconds, and DuckDB's decimal without digits.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, ty: &sqlparser::ast::DataType) -> Result<Option<FieldRef>> {
        use sqlparser::ast::DataType as Sql;
        let utc = || Some("UTC".into());
        let ty = match ty {
            Sql::Timestamp(Some(digits), _) | Sql::Datetime(Some(digits)) if *digits != 6 => {
                return plan_err!("{ty}: a timestamp has microseconds, 6 digits; shorten it with DATE_TRUNC");
            }
            Sql::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) | Sql::Datetime(_) => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            Sql::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
                DataType::Timestamp(TimeUnit::Microsecond, utc())
            }
            Sql::Decimal(ExactNumberInfo::None)
            | Sql::Numeric(ExactNumberInfo::None)
            | Sql::Dec(ExactNumberInfo::None) => DataType::Decimal128(18, 3),
            Sql::Decimal(ExactNumberInfo::PrecisionAndScale(p, s))
            | Sql::Numeric(ExactNumberInfo::PrecisionAndScale(p, s))
            | Sql::Dec(ExactNumberInfo::PrecisionAndScale(p, s)) => match (u8::try_from(*p), i8::try_from(*s)) {
                (Ok(p), Ok(s)) if (1..=38).contains(&p) && s >= 0 && s as u8 <= p => DataType::Decimal128(p, s),
                _ => return plan_err!("DECIMAL({p}, {s}): precision is 1 to 38 and scale at most the precision"),
            },
            Sql::Float(_) | Sql::Real => DataType::Float32,
            // PostgreSQL's INT8 has 8 bytes; the pipeline file's int8 has 8 bits: neither is guessed.
            Sql::Int8(_) | Sql::Int4(_) | Sql::Int2(_) | Sql::Float4 | Sql::Float8 => {
                return plan_err!(
                    "the type {ty} means other widths elsewhere: write TINYINT, SMALLINT, INTEGER, BIGINT, REAL or DOUBLE"
                );
            }
            Sql::Custom(name, args) if args.is_empty() => match name.to_string().to_uppercase().as_str() {
                "TIMESTAMP_UTC" => DataType::Timestamp(TimeUnit::Microsecond, utc()),
                _ => return plan_err!("there is no type {ty} here: {}", instead_of(ty)),
            },
            Sql::Boolean
            | Sql::Bool
            | Sql::TinyInt(_)
            | Sql::SmallInt(_)
            | Sql::Int(_)
            | Sql::Integer(_)
            | Sql::BigInt(_)
            | Sql::Double(_)
            | Sql::DoublePrecision
            | Sql::Decimal(_)
            | Sql::Numeric(_)
            | Sql::Dec(_)
            | Sql::Char(_)
            | Sql::Varchar(_)
            | Sql::Text
            | Sql::String(_)
            | Sql::Date
            | Sql::Interval { .. } => return Ok(None),
            _ => return plan_err!("there is no type {ty} here: {}", instead_of(ty)),
        };
        Ok(Some(Arc::new(Field::new("", ty, true))))
    }
}
