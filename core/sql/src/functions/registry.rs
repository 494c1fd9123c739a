//! Which functions SQL has here: those that the reference describes (`reference`), DataFusion's or our own, under the
//! names that the planner reads; `spelling` has those that users of other engines write for them.

use super::reference::find;
use super::sums::{SumFunction, Sums};
use super::time_zone::AtTimeZone;
use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

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
        for (names, function) in super::rows::all() {
            scalars.extend(names.iter().map(|name| ((*name).to_owned(), function.clone())));
        }
        mend(&mut scalars, &super::rounding::NAMES, super::rounding::Rounding::of);
        mend(&mut scalars, &super::nan::NAMES, super::nan::OneNan::of);
        scalars.retain(|name, _| find(name).is_some_and(|e| !matches!(e.kind, "aggregate" | "window")));
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
        for (names, function) in super::groups::all() {
            aggregates.extend(names.iter().map(|name| ((*name).to_owned(), function.clone())));
        }
        aggregates.retain(|name, _| find(name).is_some_and(|e| e.kind == "aggregate"));
        let mut windows = BTreeMap::new();
        for function in datafusion_functions_window::all_default_window_functions() {
            add(&mut windows, function.name(), function.aliases(), &super::ranks::Signed::of(&function));
        }
        windows.retain(|name, _| find(name).is_some());
        Registry { scalars, aggregates, windows }
    })
}

/// Puts a function of ours, made of the planner's, in its place.
fn mend(scalars: &mut BTreeMap<String, Arc<ScalarUDF>>, names: &[&str], of: fn(&Arc<ScalarUDF>) -> Arc<ScalarUDF>) {
    for name in names {
        if let Some(function) = scalars.get_mut(*name) {
            *function = of(function);
        }
    }
}

fn add<F: Clone>(into: &mut BTreeMap<String, F>, name: &str, aliases: &[String], function: &F) {
    for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
        into.insert(name.to_lowercase(), function.clone());
    }
}

/// Whether a query may call a function of that name.
pub fn is_function(name: &str) -> bool {
    super::reference::find(name).is_some()
}
