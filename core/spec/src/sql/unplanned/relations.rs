//! Joins and relations of FROM that the parser knows from some engine and that have no meaning here.

use super::{Found, LEAVE_OUT, Unplanned};
use sqlparser::ast::{Join, JoinConstraint, JoinOperator, Spanned, TableAlias, TableFactor};

const NO_LISTS: &str = "a column holds one value: join a table of the values, or write (VALUES …) AS t(x)";

pub fn of_join(join: &Join, found: &mut Found) {
    let Join { relation, global, join_operator } = join;
    let span = relation.span();
    found.add(*global, span, "GLOBAL JOIN", LEAVE_OUT);
    let (clause, instead) = match join_operator {
        JoinOperator::Inner(JoinConstraint::None) | JoinOperator::Join(JoinConstraint::None) => {
            ("JOIN without ON or USING", "write CROSS JOIN for all pairs")
        }
        JoinOperator::Left(JoinConstraint::None)
        | JoinOperator::LeftOuter(JoinConstraint::None)
        | JoinOperator::Right(JoinConstraint::None)
        | JoinOperator::RightOuter(JoinConstraint::None)
        | JoinOperator::FullOuter(JoinConstraint::None)
        | JoinOperator::Semi(JoinConstraint::None)
        | JoinOperator::LeftSemi(JoinConstraint::None)
        | JoinOperator::RightSemi(JoinConstraint::None)
        | JoinOperator::Anti(JoinConstraint::None)
        | JoinOperator::LeftAnti(JoinConstraint::None)
        | JoinOperator::RightAnti(JoinConstraint::None) => {
            ("this JOIN without ON or USING", "write ON with a condition")
        }
        JoinOperator::Join(_)
        | JoinOperator::Inner(_)
        | JoinOperator::Left(_)
        | JoinOperator::LeftOuter(_)
        | JoinOperator::Right(_)
        | JoinOperator::RightOuter(_)
        | JoinOperator::FullOuter(_)
        | JoinOperator::Semi(_)
        | JoinOperator::LeftSemi(_)
        | JoinOperator::RightSemi(_)
        | JoinOperator::Anti(_)
        | JoinOperator::LeftAnti(_)
        | JoinOperator::RightAnti(_)
        | JoinOperator::CrossJoin(JoinConstraint::None) => return,
        JoinOperator::CrossJoin(_) => ("CROSS JOIN with a condition", "write JOIN … ON"),
        JoinOperator::CrossApply => ("CROSS APPLY", "write CROSS JOIN LATERAL (…)"),
        JoinOperator::OuterApply => ("OUTER APPLY", "write LEFT JOIN LATERAL (…) ON TRUE"),
        JoinOperator::AsOf { .. } => {
            ("ASOF JOIN", "JOIN on the condition, and keep the nearest row with QUALIFY ROW_NUMBER() OVER (…) = 1")
        }
        JoinOperator::StraightJoin(_) => ("STRAIGHT_JOIN", "write JOIN"),
        JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
            ("ARRAY JOIN", NO_LISTS)
        }
    };
    found.add(true, span, clause, instead);
}

pub fn of_factor(factor: &TableFactor) -> Vec<Unplanned> {
    let mut found = Found { all: Vec::new() };
    let span = factor.span();
    let nothing = &None;
    let (sample, alias) = match factor {
        TableFactor::Table {
            name: _,
            alias,
            // A function: refused as what reads something else.
            args: _,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            found.add(!with_hints.is_empty() || !index_hints.is_empty(), span, "a hint of a table", LEAVE_OUT);
            found.add(version.is_some(), span, "a version of a table", "pass a date as a param in the input's path");
            found.add(*with_ordinality, span, "WITH ORDINALITY", "number the rows with ROW_NUMBER()");
            found.add(!partitions.is_empty(), span, "PARTITION of a table", "write a condition in WHERE");
            found.add(json_path.is_some(), span, "a path into a table", "declare `columns` with paths");
            found.add(alias.as_ref().is_some_and(is_join_word), span, "a JOIN of this kind", JOIN_WORD);
            (sample, alias)
        }
        TableFactor::Derived { lateral: _, subquery: _, alias, sample } => (sample, alias),
        TableFactor::NestedJoin { table_with_joins, alias } => {
            table_with_joins.joins.iter().for_each(|join| of_join(join, &mut found));
            (nothing, alias)
        }
        TableFactor::Pivot { alias, .. } => {
            let instead = "write one SUM(x) FILTER (WHERE k = 'a') AS a for each column";
            found.add(true, span, "PIVOT", instead);
            (nothing, alias)
        }
        TableFactor::Unpivot { alias, .. } => {
            found.add(true, span, "UNPIVOT", "write one SELECT for each column, with UNION ALL between");
            (nothing, alias)
        }
        TableFactor::UNNEST { alias, .. } => {
            found.add(true, span, "UNNEST", NO_LISTS);
            (nothing, alias)
        }
        TableFactor::MatchRecognize { alias, .. } => {
            found.add(true, span, "MATCH_RECOGNIZE", "compare rows with LAG and LEAD");
            (nothing, alias)
        }
        TableFactor::JsonTable { alias, .. } | TableFactor::OpenJsonTable { alias, .. } => {
            found.add(true, span, "a table out of JSON", "declare `columns` with paths under [step.input]");
            (nothing, alias)
        }
        TableFactor::XmlTable { alias, .. } | TableFactor::SemanticView { alias, .. } => {
            found.add(true, span, "this kind of table", "declare a table under [step.tables.…]");
            (nothing, alias)
        }
        // Refused as what reads something else.
        TableFactor::TableFunction { expr: _, alias } => (nothing, alias),
        TableFactor::Function { alias, .. } => (nothing, alias),
    };
    let instead = "take rows by a hash of their key, as in WHERE hash % 100 = 0: an item must give the same rows again";
    found.add(sample.is_some(), span, "TABLESAMPLE", instead);
    if let Some(TableAlias { explicit: _, name: _, columns: _, at }) = alias {
        found.add(at.is_some(), span, "AT after a table's name", LEAVE_OUT);
    }
    found.all
}

const JOIN_WORD: &str = "write JOIN … ON, and keep the rows that you want with QUALIFY ROW_NUMBER() OVER (…) = 1";

/// `a ASOF JOIN b` and `a POSITIONAL JOIN b` are read as a name for `a`: the join would be another one.
fn is_join_word(alias: &TableAlias) -> bool {
    let word = |word: &&str| alias.name.value.eq_ignore_ascii_case(word);
    !alias.explicit && alias.name.quote_style.is_none() && ["asof", "positional", "any", "paste"].iter().any(word)
}
