//! What to write in place of usual functions that SQL does not have here.

const SAME_ROWS: &str = "an item must give the same rows whenever it runs; pass a param such as $date";
const NO_LIST: &str = "a column holds one value: use STRING_AGG, SPLIT_PART, or a function of your worker";
const JSON: &str = "declare a column with its path into the JSON under [step.input]";
const NO_BYTES: &str = "a column holds no bytes: use hex({x}), md5({x}) or sha256({x})";
const NO_STRUCT: &str = "a column holds one value: name each as a column of its own";
const NO_CLOCK: &str = "there is no type for a time of day: keep a timestamp, or strftime({x}, '%H:%M:%S')";
const TYPES: &str = "the types of columns stand in `spotmill validate`";
const FORMAT: &str = "use concat or ||, with lpad, round, CAST({x} AS VARCHAR) or strftime for the parts";
const LENGTHS: &str = "use {x} + 1 for days, or {x} + INTERVAL 1 MONTH";

/// (names, what to write instead); `{x}` stands for a column.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &[
            "now",
            "current_timestamp",
            "current_date",
            "current_time",
            "today",
            "getdate",
            "localtime",
            "localtimestamp",
            "current_user",
            "session_user",
            "current_setting",
            "nextval",
        ],
        SAME_ROWS,
    ),
    (&["rownum"], "number rows with ROW_NUMBER() OVER (ORDER BY …), and QUALIFY"),
    (&["columns"], "list the columns, or write * EXCLUDE (…)"),
    (&["grouping_id"], "use GROUPING({x}, …)"),
    (&["zeroifnull"], "use COALESCE({x}, 0)"),
    (&["hash", "farm_fingerprint", "xxhash64"], "use md5({x})"),
    (&["json_object", "json_extract", "json_value", "json_query", "json_extract_string", "get_json_object"], JSON),
    (&["struct_extract", "list_contains", "list_transform", "list_filter", "array_contains"], NO_LIST),
    (&["random", "rand", "uuid", "gen_random_uuid", "version", "setseed"], SAME_ROWS),
    (&["input_file_name", "filename"], "name the file's column in the input's path"),
    (&["file_row_index", "rowid"], "number rows with ROW_NUMBER() OVER (ORDER BY …)"),
    (&["list", "array_agg", "collect_list", "collect_set", "array", "make_array", "list_value"], NO_LIST),
    (&["string_split", "str_split", "split", "string_to_array", "regexp_split_to_array", "regexp_match"], NO_LIST),
    (&["regexp_extract_all", "unnest", "explode", "list_sort", "array_length", "range", "generate_series"], NO_LIST),
    (&["histogram", "map", "struct", "named_struct", "struct_pack", "row", "get_field", "union_extract"], NO_STRUCT),
    (&["encode", "decode", "base64", "to_base64", "from_base64", "unhex", "from_hex", "digest"], NO_BYTES),
    (&["sha224", "sha384", "sha512"], "use sha256({x})"),
    (&["make_time", "to_time", "time"], NO_CLOCK),
    (&["typeof", "arrow_typeof", "pg_typeof", "arrow_metadata", "arrow_field", "with_metadata"], TYPES),
    (&["arrow_cast", "cast_to_type"], "use CAST({x} AS type)"),
    (&["arrow_try_cast", "try_cast_to_type"], "use TRY_CAST({x} AS type)"),
    (&["format", "printf"], FORMAT),
    (&["to_days", "to_months", "to_years", "to_hours", "to_minutes", "to_seconds", "to_weeks"], LENGTHS),
    (&["dateadd", "add_months", "adddate"], LENGTHS),
    (&["age", "timestampdiff", "months_between"], "use date_diff('month', {x}, y) or date_sub('month', {x}, y)"),
    (&["to_char", "date_format", "format_date", "format_timestamp"], "use strftime({x}, '%Y-%m-%d')"),
    (&["to_date", "str_to_date", "parse_date"], "use CAST(strptime({x}, '%Y-%m-%d') AS DATE)"),
    (&["parse_timestamp", "str_to_timestamp"], "use strptime({x}, '%Y-%m-%d %H:%M:%S')"),
    (&["from_unixtime", "to_timestamp_seconds"], "use to_timestamp({x})"),
    (&["to_unixtime", "unix_timestamp"], "use epoch({x})"),
    (&["to_timestamp_millis"], "use epoch_ms({x})"),
    (&["to_timestamp_micros"], "use make_timestamp({x})"),
    (&["to_timestamp_nanos"], "use make_timestamp({x} // 1000)"),
    (&["to_local_time", "timezone"], "use {x} AT TIME ZONE 'Area/City'"),
    (&["date_bin", "time_bucket", "trunc_date"], "use date_trunc('hour', {x})"),
    (&["approx_distinct", "approx_count_distinct", "count_distinct"], "use COUNT(DISTINCT {x})"),
    (&["approx_median"], "use MEDIAN({x})"),
    (&["approx_percentile", "approx_percentile_cont", "approx_quantile"], "use QUANTILE_CONT({x}, 0.5)"),
    (&["approx_percentile_cont_with_weight"], "use QUANTILE_CONT({x}, 0.5)"),
    (&["percentile_disc"], "use QUANTILE_DISC({x}, 0.5)"),
    (&["sum_if", "sumif"], "use SUM({x}) FILTER (WHERE …)"),
    (&["total", "fsum", "kahan_sum", "sumkahan"], "use SUM({x})"),
    (&["favg", "average"], "use AVG({x})"),
    (&["stdev", "stdev_samp", "std"], "use STDDEV({x})"),
    (&["var_sample", "var"], "use VAR_SAMP({x})"),
    (&["var_population"], "use VAR_POP({x})"),
    (&["covar"], "use COVAR_SAMP({x}, y)"),
    (&["every"], "use BOOL_AND({x})"),
    (&["some", "any"], "use BOOL_OR({x})"),
    (&["isnull"], "use {x} IS NULL, or COALESCE({x}, …)"),
    (&["nvl2"], "use if({x} IS NOT NULL, …, …)"),
    (&["iif"], "use if(…, …, …)"),
    (&["signum"], "use sign({x})"),
    (&["truncate"], "use trunc({x})"),
    (&["iszero"], "use {x} = 0"),
    (&["nanvl"], "use if(isnan({x}), …, {x})"),
    (&["strip"], "use trim({x})"),
    (&["substring_index", "substr_index"], "use split_part({x}, ',', 1)"),
    (&["charindex", "locate", "find_in_set"], "use strpos({x}, '…')"),
    (&["regexp_count", "regexp_instr", "regexp_substr"], "use regexp_matches or regexp_extract({x}, '…')"),
    (&["lengthb"], "use strlen({x})"),
    (&["initcap"], "use upper(left({x}, 1)) || lower(substr({x}, 2))"),
];

/// What to write instead. `first` is the first plain column in the arguments, for an example that fits.
pub fn hint(function: &str, first: Option<&str>, candidates: &[String]) -> String {
    instead(function, first).unwrap_or_else(|| nearest(&function.to_ascii_lowercase(), candidates))
}

/// Functions that are written like columns.
const BARE: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "rownum",
    "session_user",
];

/// What to write in place of a name that is no column but a function elsewhere.
pub fn bare(name: &str) -> Option<String> {
    BARE.iter().any(|bare| bare.eq_ignore_ascii_case(name)).then(|| instead(name, None)).flatten()
}

fn instead(function: &str, first: Option<&str>) -> Option<String> {
    let lower = function.to_ascii_lowercase();
    let (_, instead) = INSTEAD.iter().find(|(names, _)| names.contains(&lower.as_str()))?;
    Some(instead.replace("{x}", first.unwrap_or("x")))
}

fn nearest(name: &str, candidates: &[String]) -> String {
    let names = candidates.iter().map(String::as_str);
    match spotmill_core::nearest::nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "register it in your worker, or use another".to_owned(),
    }
}
