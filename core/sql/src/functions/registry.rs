//! Which functions SQL has here: DataFusion's, less those whose answer changes from one run to the next or that reach
//! outside, with our own sums; and the names that users of other engines write for them (`spelling`).

use super::sums::{SumFunction, Sums};
use super::time_zone::AtTimeZone;
use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Not offered, in lower case: (name, what to write instead).
pub const WITHHELD: &[(&str, &str)] = &[
    ("now", SAME_ROWS),
    ("current_timestamp", SAME_ROWS),
    ("current_date", SAME_ROWS),
    ("today", SAME_ROWS),
    ("current_time", SAME_ROWS),
    ("random", SAME_ROWS),
    ("uuid", SAME_ROWS),
    ("version", SAME_ROWS),
    ("input_file_name", "name the file's column in the input's path"),
    ("file_row_index", "number rows with ROW_NUMBER() OVER (ORDER BY …)"),
    ("approx_distinct", "write COUNT(DISTINCT x)"),
    ("approx_median", "write MEDIAN(x)"),
    ("approx_percentile_cont", "write QUANTILE_CONT(x, 0.5)"),
    ("approx_percentile_cont_with_weight", "write QUANTILE_CONT(x, 0.5)"),
    ("arrow_cast", "write CAST(x AS type)"),
    ("arrow_try_cast", "write TRY_CAST(x AS type)"),
    ("cast_to_type", "write CAST(x AS type)"),
    ("try_cast_to_type", "write TRY_CAST(x AS type)"),
    ("arrow_typeof", "types stand in `spotmill validate`"),
    ("arrow_metadata", "types stand in `spotmill validate`"),
    ("arrow_field", "types stand in `spotmill validate`"),
    ("with_metadata", "types stand in `spotmill validate`"),
    ("to_local_time", "write AT TIME ZONE 'Area/City'"),
];

const SAME_ROWS: &str = "an item must give the same rows whenever it runs; pass a param such as $date";

pub struct Registry {
    pub scalars: BTreeMap<String, Arc<ScalarUDF>>,
    pub aggregates: BTreeMap<String, Arc<AggregateUDF>>,
    pub windows: BTreeMap<String, Arc<WindowUDF>>,
}

/// The functions that every worker has.
pub fn built_in() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let mut scalars = BTreeMap::new();
        for function in datafusion_functions::all_default_functions() {
            add(&mut scalars, function.name(), function.aliases(), &function);
        }
        let zone = Arc::new(ScalarUDF::from(AtTimeZone::default()));
        scalars.insert(super::time_zone::NAME.to_owned(), zone);
        let mut aggregates = BTreeMap::new();
        for function in datafusion_functions_aggregate::all_default_aggregate_functions() {
            let function = super::correlation::Correlation::of(&function);
            add(&mut aggregates, function.name(), function.aliases(), &function);
        }
        for what in [Sums::Sum, Sums::Average] {
            let function = Arc::new(AggregateUDF::from(SumFunction::new(what)));
            add(&mut aggregates, function.name(), function.aliases(), &function);
        }
        let mut windows = BTreeMap::new();
        for function in datafusion_functions_window::all_default_window_functions() {
            add(&mut windows, function.name(), function.aliases(), &super::ranks::Signed::of(&function));
        }
        Registry { scalars, aggregates, windows }
    })
}

fn add<F: Clone>(into: &mut BTreeMap<String, F>, name: &str, aliases: &[String], function: &F) {
    for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
        if !WITHHELD.iter().any(|(withheld, _)| *withheld == name) {
            into.insert(name.to_lowercase(), function.clone());
        }
    }
}

/// What to write in place of a function that is withheld.
pub fn withheld(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    WITHHELD.iter().find(|(withheld, _)| *withheld == name).map(|(_, instead)| *instead)
}

/// Whether a query may call a function of that name.
pub fn is_function(name: &str) -> bool {
    let registry = built_in();
    registry.scalars.contains_key(name)
        || registry.aggregates.contains_key(name)
        || registry.windows.contains_key(name)
        || crate::spelling::names().any(|(written, _)| written == name)
}

/// A function as `spotmill functions` lists it.
pub struct Described {
    pub name: String,
    pub signature: String,
    pub description: String,
}

/// Every function that a query may call, by every name that it has, in order.
pub fn catalog() -> Vec<Described> {
    let registry = built_in();
    let mut all: BTreeMap<String, Described> = BTreeMap::new();
    let scalars = registry.scalars.iter().map(|(n, f)| (n, f.documentation()));
    let aggregates = registry.aggregates.iter().map(|(n, f)| (n, f.documentation()));
    let windows = registry.windows.iter().map(|(n, f)| (n, f.documentation()));
    for (name, documentation) in windows.chain(scalars).chain(aggregates) {
        let (signature, description) = match documentation {
            Some(d) => (d.syntax_example.clone(), d.description.lines().next().unwrap_or_default().to_owned()),
            None => (String::new(), String::new()),
        };
        if !name.starts_with("spotmill_") {
            all.insert(name.clone(), Described { name: name.clone(), signature, description });
        }
    }
    for (written, planned) in crate::spelling::names() {
        let planned = all.get(planned).map(|d| (d.signature.clone(), d.description.clone()));
        let (signature, description) = planned.unwrap_or_default();
        all.entry(written.to_owned()).or_insert(Described { name: written.to_owned(), signature, description });
    }
    all.into_values().collect()
}
