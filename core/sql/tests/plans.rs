//! Plans of a dozen queries, as they are given to the engine: what a new version of the planner, or a rule of ours,
//! changes in the meaning of a query is seen here. `cargo insta review` accepts a change that is meant.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::BTreeMap;
use std::sync::Arc;

fn tables() -> BTreeMap<String, SchemaRef> {
    let table = |fields: &[(&str, DataType)]| {
        let fields: Vec<Field> = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
        Arc::new(Schema::new(fields))
    };
    let orders = table(&[
        ("id", DataType::Int64),
        ("customer", DataType::Int32),
        ("day", DataType::Date32),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("price", DataType::Decimal128(10, 2)),
        ("weight", DataType::Float64),
        ("note", DataType::Utf8View),
    ]);
    let customers = table(&[("id", DataType::Int32), ("name", DataType::Utf8View), ("vip", DataType::Boolean)]);
    BTreeMap::from([("orders".to_owned(), orders), ("customers".to_owned(), customers)])
}

#[track_caller]
fn pinned(name: &str, text: &str) {
    let plan = spotmill_sql::plan::plan(text, &tables(), &[]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    insta::assert_snapshot!(name, plan.display_indent().to_string(), text);
}

#[test]
fn integers_are_added_in_64_bits() {
    pinned("integers", "SELECT customer + 1 AS v, -customer AS w, id / 2 AS x, id // 2 AS y, id % 3 AS z FROM orders");
}

#[test]
fn decimals_beside_floats_are_floats() {
    pinned(
        "floats",
        "SELECT COALESCE(weight, 0.5) AS v, CASE WHEN id > 1 THEN weight ELSE 1.5 END AS w FROM orders WHERE weight > 0.1",
    );
}

#[test]
fn conversions_that_are_written() {
    pinned(
        "casts",
        "SELECT CAST(note AS BIGINT) AS v, TRY_CAST(note AS DATE) AS w, day > '2024-01-01' AS x FROM orders",
    );
}

#[test]
fn joins_have_their_keys() {
    pinned(
        "join",
        "SELECT c.name, o.price FROM orders o LEFT JOIN customers c ON c.id = o.customer AND o.weight > c.id",
    );
}

#[test]
fn a_key_of_using_is_one_column() {
    pinned("using", "SELECT * FROM customers c FULL JOIN (SELECT customer AS id, price FROM orders) o USING (id)");
}

#[test]
fn a_correlated_subquery_is_a_join() {
    pinned(
        "subquery",
        "SELECT name, (SELECT SUM(price) FROM orders o WHERE o.customer = c.id) AS spent FROM customers c \
         WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id AND o.weight > 2)",
    );
}

#[test]
fn not_in_has_three_values() {
    pinned("not-in", "SELECT id FROM customers WHERE id NOT IN (SELECT customer FROM orders)");
}

#[test]
fn aggregates_have_their_types() {
    pinned(
        "aggregate",
        "SELECT customer, COUNT(*) AS n, SUM(customer) AS s, AVG(price) AS a, MEDIAN(price) AS m, \
         COUNT(DISTINCT note) FILTER (WHERE weight > 1) AS d FROM orders GROUP BY customer HAVING COUNT(*) > 1",
    );
}

#[test]
fn windows_have_their_frames() {
    pinned(
        "window",
        "SELECT ROW_NUMBER() OVER (PARTITION BY customer ORDER BY at DESC) AS n, SUM(price) OVER (ORDER BY day) AS s, \
         AVG(weight) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a FROM orders \
         QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY at DESC) = 1",
    );
}

#[test]
fn grouping_sets_name_their_keys() {
    pinned(
        "rollup",
        "SELECT customer, day, SUM(price) AS s, GROUPING(day) AS g FROM orders GROUP BY ROLLUP (customer, day)",
    );
}

#[test]
fn set_operations_have_one_type() {
    pinned("union", "SELECT id FROM customers UNION ALL SELECT id FROM orders INTERSECT SELECT customer FROM orders");
}

#[test]
fn order_puts_null_last() {
    pinned("order", "SELECT DISTINCT note FROM orders ORDER BY note DESC LIMIT 3");
}

#[test]
fn functions_by_the_names_of_others() {
    pinned(
        "spelling",
        "SELECT year(day) AS y, EXTRACT(quarter FROM at) AS q, strftime(day, '%Y-%m') AS m, if(weight > 1, 'a', 'b') AS i, \
         note LIKE 'a\\%' AS l, substring(note FROM 2 FOR 3) AS s, date_diff('day', day, '2024-01-01') AS d FROM orders",
    );
}
