//! Where columns come from, as a table over every kind of node: on the left of `<-` what is made, on the right what it is
//! made of and how; `*` is which rows there are.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::DFSchema;
use datafusion_expr::LogicalPlan;
use datafusion_expr::logical_plan::{Extension, UserDefinedLogicalNodeCore};
use spotmill_core::lineage::{ColumnLineage, InputColumn};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

fn tables() -> BTreeMap<String, SchemaRef> {
    let table = |fields: &[(&str, DataType)]| {
        let fields: Vec<Field> = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
        Arc::new(Schema::new(fields))
    };
    let o = [
        ("id", DataType::Int64),
        ("customer", DataType::Int64),
        ("price", DataType::Int64),
        ("note", DataType::Utf8View),
    ];
    let c = [("id", DataType::Int64), ("name", DataType::Utf8View), ("vip", DataType::Boolean)];
    BTreeMap::from([("o".to_owned(), table(&o)), ("c".to_owned(), table(&c))])
}

/// `v <- o.price computed, o.id filter+sort`.
fn described(lineage: &ColumnLineage) -> Vec<String> {
    let input = |input: &InputColumn| {
        let how: Vec<&str> = input.how.iter().map(|how| how.name()).collect();
        format!("{}.{} {}", input.table, input.column, how.join("+"))
    };
    let line = |name: &str, inputs: &[InputColumn]| {
        let inputs: Vec<String> = inputs.iter().map(input).collect();
        format!("{name} <- {}", inputs.join(", ")).trim_end().to_owned()
    };
    let mut lines: Vec<String> = lineage.columns.iter().map(|(name, inputs)| line(name, inputs)).collect();
    if !lineage.rows.is_empty() {
        lines.push(line("*", &lineage.rows));
    }
    lines
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let tables = tables();
    let lineage = spotmill_sql::column_lineage(text, &tables, &[]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    assert_eq!(described(&lineage), expected, "{text}");
    // The plan that runs reads no column for a value, or for its rows, that is not named here.
    let finished = spotmill_sql::plan(text, &tables, &[]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    let all = |lineage: &ColumnLineage| -> BTreeSet<(String, String)> {
        let inputs = lineage.columns.values().flatten().chain(&lineage.rows);
        inputs.map(|input| (input.table.clone(), input.column.clone())).collect()
    };
    let (named, runs) = (all(&lineage), all(&spotmill_sql::columns::lineage(&finished)));
    assert!(runs.is_subset(&named), "{text}: {:?}", runs.difference(&named));
}

#[test]
fn projections_and_filters() {
    check("SELECT id, price AS p FROM o", &["id <- o.id as it is", "p <- o.price as it is"]);
    check("SELECT price * 2 + id AS v, 1 AS one FROM o", &["one <-", "v <- o.id computed, o.price computed"]);
    check("SELECT CAST(note AS BIGINT) AS n FROM o", &["n <- o.note computed"]);
    check("SELECT COALESCE(name, 'x') AS n FROM c", &["n <- c.name computed"]);
    check(
        "SELECT id FROM o WHERE price > 3 AND note = 'x'",
        &["id <- o.id as it is", "* <- o.note filter, o.price filter"],
    );
    check("SELECT id FROM o ORDER BY price LIMIT 3", &["id <- o.id as it is", "* <- o.price sort"]);
    check(
        "SELECT CASE WHEN vip THEN name ELSE 'no' END AS n, CASE id WHEN 1 THEN 2 END AS m FROM c",
        &["m <- c.id condition", "n <- c.name computed, c.vip condition"],
    );
    check("SELECT * FROM c", &["id <- c.id as it is", "name <- c.name as it is", "vip <- c.vip as it is"]);
    check(
        "SELECT price, price + 1 AS more FROM (SELECT price FROM o)",
        &["more <- o.price computed", "price <- o.price as it is"],
    );
}

#[test]
fn groups() {
    check(
        "SELECT customer, SUM(price) AS s, SUM(price) + 1 AS t, COUNT(*) AS n FROM o GROUP BY customer HAVING MIN(id) > 1",
        &[
            "customer <- o.customer as it is",
            "n <-",
            "s <- o.price aggregated",
            "t <- o.price aggregated",
            "* <- o.customer group by, o.id filter",
        ],
    );
    check("SELECT COUNT(id) FILTER (WHERE price > 1) AS n FROM o", &["n <- o.id aggregated, o.price filter"]);
    check("SELECT STRING_AGG(note, ',' ORDER BY id) AS n FROM o", &["n <- o.id sort, o.note aggregated"]);
    check(
        "SELECT customer, note, SUM(price) AS s FROM o GROUP BY ROLLUP (customer, note)",
        &[
            "customer <- o.customer as it is",
            "note <- o.note as it is",
            "s <- o.price aggregated",
            "* <- o.customer group by, o.note group by",
        ],
    );
    check("SELECT DISTINCT note FROM o", &["note <- o.note as it is", "* <- o.note group by"]);
    check(
        "SELECT DISTINCT ON (customer) customer, note FROM o ORDER BY customer, price DESC",
        &["customer <- o.customer as it is", "note <- o.note as it is", "* <- o.customer group by+sort, o.price sort"],
    );
}

#[test]
fn windows() {
    check(
        "SELECT id, SUM(price) OVER (PARTITION BY customer ORDER BY id) AS s, LAG(note) OVER (ORDER BY id) AS l FROM o",
        &[
            "id <- o.id as it is",
            "l <- o.id window, o.note computed",
            "s <- o.customer window, o.id window, o.price aggregated",
        ],
    );
    check(
        "SELECT note FROM o QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY price) = 1",
        &["note <- o.note as it is", "* <- o.customer filter, o.price filter"],
    );
}

#[test]
fn joins() {
    for kind in ["", "LEFT", "RIGHT"] {
        check(
            &format!("SELECT name, note FROM o {kind} JOIN c ON c.id = o.customer AND o.price > c.id"),
            &["name <- c.name as it is", "note <- o.note as it is", "* <- c.id join, o.customer join, o.price join"],
        );
    }
    check(
        "SELECT name, note FROM o FULL JOIN c ON c.id = o.customer",
        &["name <- c.name as it is", "note <- o.note as it is", "* <- c.id join, o.customer join"],
    );
    check("SELECT name FROM o CROSS JOIN c", &["name <- c.name as it is"]);
    check(
        "SELECT id, note FROM o FULL JOIN c USING (id)",
        &["id <- c.id computed, o.id computed", "note <- o.note as it is", "* <- c.id join, o.id join"],
    );
    check(
        "SELECT note FROM o SEMI JOIN c ON c.id = o.customer",
        &["note <- o.note as it is", "* <- c.id join, o.customer join"],
    );
    check(
        "SELECT note FROM o ANTI JOIN (SELECT id FROM c WHERE vip) AS v ON v.id = o.customer",
        &["note <- o.note as it is", "* <- c.id join, c.vip filter, o.customer join"],
    );
}

#[test]
fn sets() {
    check(
        "SELECT id, note FROM o WHERE price > 1 UNION ALL SELECT id, name FROM c WHERE vip",
        &[
            "id <- c.id as it is, o.id as it is",
            "note <- c.name as it is, o.note as it is",
            "* <- c.vip filter, o.price filter",
        ],
    );
    check(
        "SELECT id FROM o UNION SELECT id FROM c",
        &["id <- c.id as it is, o.id as it is", "* <- c.id group by, o.id group by"],
    );
    check("SELECT id FROM o EXCEPT SELECT id FROM c", &["id <- o.id as it is", "* <- c.id join, o.id group by+join"]);
    check(
        "SELECT id FROM o INTERSECT SELECT id FROM c",
        &["id <- o.id as it is", "* <- c.id join, o.id group by+join"],
    );
}

#[test]
fn subqueries() {
    check(
        "SELECT id, (SELECT MAX(price) FROM o) AS most FROM c",
        &["id <- c.id as it is", "most <- o.price aggregated"],
    );
    // What a correlated subquery compares decides of its own column alone.
    check(
        "SELECT name, (SELECT SUM(price) FROM o WHERE o.customer = c.id) AS spent FROM c",
        &["name <- c.name as it is", "spent <- c.id filter, o.customer filter, o.price aggregated"],
    );
    check(
        "SELECT name FROM c WHERE EXISTS (SELECT 1 FROM o WHERE o.customer = c.id AND o.price > 2)",
        &["name <- c.name as it is", "* <- c.id filter, o.customer filter, o.price filter"],
    );
    check(
        "SELECT name FROM c WHERE id NOT IN (SELECT customer FROM o WHERE note = 'x')",
        &["name <- c.name as it is", "* <- c.id filter, o.customer filter, o.note filter"],
    );
    check("SELECT id IN (SELECT customer FROM o) AS bought FROM c", &["bought <- c.id computed, o.customer computed"]);
    check(
        "SELECT name, most FROM c, LATERAL (SELECT MAX(price) AS most FROM o WHERE o.customer = c.id) AS l",
        &["most <- o.price aggregated", "name <- c.name as it is", "* <- c.id filter, o.customer filter"],
    );
}

#[test]
fn queries_with_names() {
    check(
        "WITH spent AS (SELECT customer, SUM(price) AS s FROM o GROUP BY customer), rich AS (SELECT * FROM spent WHERE s > 9) \
         SELECT c.name, rich.s AS total FROM rich JOIN c ON c.id = rich.customer",
        &[
            "name <- c.name as it is",
            "total <- o.price aggregated",
            "* <- c.id join, o.customer group by+join, o.price filter",
        ],
    );
    // One table under two names is one table.
    check(
        "SELECT a.price - b.price AS d FROM o a JOIN o b ON a.id = b.customer",
        &["d <- o.price computed", "* <- o.customer join, o.id join"],
    );
    check(
        "SELECT o.note, v.word FROM o JOIN (VALUES (1, 'one'), (2, 'two')) AS v(n, word) ON v.n = o.id",
        &["note <- o.note as it is", "word <-", "* <- o.id join"],
    );
}

/// A node that nobody has heard of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
struct Strange(LogicalPlan);

impl UserDefinedLogicalNodeCore for Strange {
    fn name(&self) -> &str {
        "Strange"
    }
    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.0]
    }
    fn schema(&self) -> &Arc<DFSchema> {
        self.0.schema()
    }
    fn expressions(&self) -> Vec<datafusion_expr::Expr> {
        Vec::new()
    }
    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strange")
    }
    fn with_exprs_and_inputs(
        &self,
        _: Vec<datafusion_expr::Expr>,
        _: Vec<LogicalPlan>,
    ) -> datafusion_common::Result<Self> {
        Ok(self.clone())
    }
}

#[test]
fn what_is_not_traced_may_be_anything_that_is_read() {
    let plan = spotmill_sql::plan("SELECT id, note FROM o WHERE price > 1", &tables(), &[]).expect("a plan");
    let strange = LogicalPlan::Extension(Extension { node: Arc::new(Strange(plan)) });
    assert_eq!(
        described(&spotmill_sql::columns::lineage(&strange)),
        [
            "id <- o.id not traced, o.note not traced",
            "note <- o.id not traced, o.note not traced",
            "* <- o.id not traced, o.note not traced, o.price filter",
        ]
    );
}
