//! Names of functions: what Polars SQL 0.55 has, and what to write in place of the usual ones it lacks.

/// Functions of Polars SQL 0.55.2, in lower case, sorted.
const BUILTIN: &[&str] = &[
    "abs",
    "acos",
    "acosd",
    "array_agg",
    "array_contains",
    "array_get",
    "array_length",
    "array_lower",
    "array_mean",
    "array_reverse",
    "array_sum",
    "array_to_string",
    "array_unique",
    "array_upper",
    "asin",
    "asind",
    "atan",
    "atan2",
    "atan2d",
    "atand",
    "avg",
    "bit_and",
    "bit_length",
    "bit_not",
    "bit_or",
    "bit_xor",
    "bitand",
    "bitnot",
    "bitor",
    "bitxor",
    "cbrt",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "coalesce",
    "columns",
    "concat",
    "concat_ws",
    "corr",
    "cos",
    "cosd",
    "cot",
    "cotd",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "date",
    "date_part",
    "datetime",
    "degrees",
    "dense_rank",
    "div",
    "ends_with",
    "exp",
    "first",
    "first_value",
    "floor",
    "greatest",
    "group_concat",
    "if",
    "ifnull",
    "lag",
    "last",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "listagg",
    "ln",
    "log",
    "log10",
    "log1p",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "median",
    "min",
    "mod",
    "normalize",
    "nullif",
    "octet_length",
    "pi",
    "pow",
    "power",
    "quantile_cont",
    "quantile_disc",
    "radians",
    "rank",
    "regexp_like",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "rpad",
    "rtrim",
    "sign",
    "sin",
    "sind",
    "split_part",
    "sqrt",
    "starts_with",
    "stddev",
    "stddev_samp",
    "stdev",
    "stdev_samp",
    "strftime",
    "string_agg",
    "string_to_array",
    "strpos",
    "strptime",
    "substr",
    "sum",
    "tan",
    "tand",
    "time",
    "timestamp",
    "total",
    "trunc",
    "truncate",
    "unnest",
    "upper",
    "var",
    "var_samp",
    "variance",
    "xor",
];

pub fn is_builtin(name: &str) -> bool {
    BUILTIN.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

/// What to write instead. `first` is the first plain column in the arguments, for an example that fits.
pub fn hint(function: &str, first: Option<&str>, known: &[String]) -> String {
    let x = first.unwrap_or("x");
    match function.to_ascii_lowercase().as_str() {
        "date_trunc" | "datetrunc" | "trunc_date" => format!("use strftime({x}, '%Y-%m')"),
        "to_char" | "date_format" | "format_date" | "format_timestamp" => format!("use strftime({x}, '%Y-%m-%d')"),
        "to_date" | "str_to_date" | "parse_date" => format!("use CAST(strptime({x}, '%Y-%m-%d') AS DATE)"),
        "to_timestamp" | "parse_timestamp" => format!("use strptime({x}, '%Y-%m-%d %H:%M:%S')"),
        "year" | "month" | "day" | "hour" | "minute" | "second" | "quarter" | "week" | "dayofweek" | "dayofyear" => {
            format!("use EXTRACT({} FROM {x})", function.to_ascii_uppercase())
        }
        "datediff" | "date_diff" | "age" => format!("use CAST({x} - y AS BIGINT) // 86400000000, in days"),
        "date_add" | "dateadd" | "date_sub" => format!("use {x} + INTERVAL '1 day'"),
        "now" | "current_timestamp" | "current_date" | "today" | "getdate" | "random" | "rand" | "uuid" => {
            "an item must give the same rows whenever it runs; pass a param such as $date".to_owned()
        }
        "nvl" | "isnull" => "use COALESCE".to_owned(),
        "iff" | "iif" => "use CASE WHEN … THEN … ELSE … END".to_owned(),
        "decode" => "use CASE … WHEN … THEN … END".to_owned(),
        "len" | "strlen" | "lengthb" => "use LENGTH".to_owned(),
        "substring_index" => "use SPLIT_PART".to_owned(),
        "instr" | "charindex" | "locate" => "use STRPOS".to_owned(),
        "mean" | "average" => "use AVG".to_owned(),
        "percentile_cont" | "approx_percentile" | "approx_quantile" => format!("use QUANTILE_CONT({x}, 0.5)"),
        "approx_count_distinct" | "approx_distinct" | "count_distinct" => format!("use COUNT(DISTINCT {x})"),
        "count_if" | "countif" => "use COUNT(*) FILTER (WHERE …)".to_owned(),
        "sum_if" | "sumif" => format!("use SUM({x}) FILTER (WHERE …)"),
        "any_value" | "arbitrary" => format!("use FIRST({x})"),
        "collect_list" | "list" => format!("use ARRAY_AGG({x})"),
        "regexp_replace" | "regexp_extract" | "regexp_substr" => {
            "register a Rust function in your worker; REGEXP_LIKE tests a pattern".to_owned()
        }
        "contains" => format!("use STRPOS({x}, '…') > 0"),
        other => nearest(other, known),
    }
}

fn nearest(name: &str, known: &[String]) -> String {
    let names = known.iter().map(String::as_str).chain(BUILTIN.iter().copied());
    match crate::spec::nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "register it in your worker, or use another".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(BUILTIN.is_sorted());
    }
}
