//! Which joins are by name, and what each kind of join keeps.

use super::side::Side;
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, Select, Statement, TableFactor, TableWithJoins, Visit, Visitor,
};
use std::ops::ControlFlow;

/// The value of a merged key, and the rows that a join keeps.
#[derive(Clone, Copy, PartialEq)]
pub enum Keep {
    Left,
    Right,
    Either,
    LeftRows,
    RightRows,
}

impl Keep {
    pub(super) fn of(self, left: Side, right: Side) -> Side {
        match self {
            Keep::LeftRows => left,
            Keep::RightRows => right,
            Keep::Left | Keep::Right | Keep::Either => left.and(right),
        }
    }
}

/// None for the joins that cannot be joined by name.
pub fn constraint(operator: &mut JoinOperator) -> Option<(Keep, &mut JoinConstraint)> {
    Some(match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => {
            (Keep::Left, c)
        }
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (Keep::Right, c),
        JoinOperator::FullOuter(c) => (Keep::Either, c),
        JoinOperator::Semi(c) | JoinOperator::LeftSemi(c) | JoinOperator::Anti(c) | JoinOperator::LeftAnti(c) => {
            (Keep::LeftRows, c)
        }
        JoinOperator::RightSemi(c) | JoinOperator::RightAnti(c) => (Keep::RightRows, c),
        _ => return None,
    })
}

/// Whether a select joins by name, outside of its subqueries.
pub(super) fn has_join_by_name(item: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => has_join_by_name(table_with_joins),
        _ => false,
    };
    nested(&item.relation) || item.joins.iter().any(|join| is_by_name(join) || nested(&join.relation))
}

fn is_by_name(join: &Join) -> bool {
    let mut operator = join.join_operator.clone();
    matches!(constraint(&mut operator), Some((_, JoinConstraint::Using(_) | JoinConstraint::Natural)))
}

/// Whether anything in the statement joins by name.
pub(super) fn joins_by_name(statement: &Statement) -> bool {
    struct Any;
    impl Visitor for Any {
        type Break = ();
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            match select.from.iter().any(has_join_by_name) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    statement.visit(&mut Any).is_break()
}
