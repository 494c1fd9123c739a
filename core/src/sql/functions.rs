//! What to write in place of usual functions that SQL does not have here.

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
    let names = known.iter().map(String::as_str);
    match crate::spec::nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "register it in your worker, or use another".to_owned(),
    }
}
