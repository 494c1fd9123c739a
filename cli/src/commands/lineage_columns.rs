//! `lineage --columns`: where the columns of a file come from, step by step, as lines.

use crate::result::relative;
use spotmill_core::lineage::InputColumn;
use spotmill_lambdas::lineage_columns::StepLineage;

/// Columns beyond this width push what stands after them.
const WIDTH: usize = 24;
/// What decides which rows there are stands under this name, which no column can have.
const ROWS: &str = "(rows)";

pub fn lines(steps: &[StepLineage]) -> Vec<String> {
    steps.iter().flat_map(of_step).collect()
}

fn of_step(of: &StepLineage) -> Vec<String> {
    let mut lines = vec![format!("  {} g{}", of.step, of.generation)];
    let Some(lineage) = &of.lineage else {
        lines.push(
            "    not on record: a Rust transform has no query to follow, or the pipeline has changed since".to_owned(),
        );
        return lines;
    };
    let rows = (!lineage.rows.is_empty()).then_some((ROWS, &lineage.rows));
    let all: Vec<(&str, &Vec<InputColumn>)> =
        lineage.columns.iter().map(|(name, inputs)| (name.as_str(), inputs)).chain(rows).collect();
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(WIDTH);
    for (name, inputs) in all {
        let inputs: Vec<String> = inputs.iter().map(|input| of_input(of, input)).collect();
        let from = if inputs.is_empty() { "no column".to_owned() } else { inputs.join(", ") };
        lines.push(format!("    {name:width$}  {from}"));
    }
    lines
}

/// `arr_delay of by_route (aggregated)`.
fn of_input(of: &StepLineage, input: &InputColumn) -> String {
    let table = of.tables.get(&input.table).map_or_else(|| input.table.clone(), |table| relative(table));
    let how: Vec<&str> = input.how.iter().map(|how| how.name()).collect();
    format!("{} of {table} ({})", input.column, how.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::lineage::{ColumnLineage, Dependence};

    #[test]
    fn a_step_is_a_table_of_its_columns() {
        let input = |column: &str, how: &[Dependence]| InputColumn {
            table: "input".into(),
            column: column.into(),
            how: how.to_vec(),
        };
        let columns = [
            ("n".to_owned(), vec![]),
            ("delay".to_owned(), vec![input("d", &[Dependence::Aggregation]), input("k", &[Dependence::Conditional])]),
        ];
        let lineage = ColumnLineage {
            columns: columns.into(),
            rows: vec![input("k", &[Dependence::Filter, Dependence::GroupBy])],
        };
        let tables = [("input".to_owned(), "clean".to_owned())].into();
        let step = StepLineage { step: "daily".into(), generation: 2, tables, lineage: Some(lineage) };
        assert_eq!(
            lines(std::slice::from_ref(&step)),
            [
                "  daily g2",
                "    delay   d of clean (aggregated), k of clean (condition)",
                "    n       no column",
                "    (rows)  k of clean (filter, group by)",
            ]
        );
        assert!(lines(&[StepLineage { lineage: None, ..step }])[1].contains("not on record"));
    }
}
