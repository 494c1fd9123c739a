//! The SQL functions that every worker has, for `spotmill functions` and for "did you mean".

use spotmill_core::item::FunctionInfo;
use spotmill_sql::functions::registry::catalog;

pub fn names() -> Vec<String> {
    catalog().into_iter().map(|f| f.name).collect()
}

pub fn functions() -> Vec<FunctionInfo> {
    let info = |f: spotmill_sql::functions::registry::Described| FunctionInfo {
        name: f.name,
        signature: f.signature,
        custom: false,
    };
    catalog().into_iter().map(info).collect()
}
