//! What DataFusion is told wherever it plans or evaluates.

use datafusion_common::config::ConfigOptions;

/// Options of every plan: nothing that depends on a machine or on time.
pub fn options() -> ConfigOptions {
    let mut options = ConfigOptions::default();
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.target_partitions = 1;
    options.optimizer.max_passes = 8;
    options.optimizer.skip_failed_rules = false;
    // LIMIT around a subquery cuts in the order of the subquery.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options
}
