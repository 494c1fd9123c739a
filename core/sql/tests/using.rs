//! `USING` and `NATURAL`: every query here plans to what the query beside it, which joins with ON, plans to.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_expr::LogicalPlan;
use spotmill_sql::Refusal;
use spotmill_sql::refusal::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

fn table(columns: &[&str]) -> SchemaRef {
    let fields = columns.iter().map(|name| Field::new(*name, DataType::Int64, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plan(sql: &str) -> Result<LogicalPlan, Refusal> {
    let tables = [
        ("a", table(&["k", "j", "av"])),
        ("b", table(&["bv", "k", "j"])),
        ("c", table(&["k", "cv"])),
        ("d", table(&["K", "dv"])),
        ("z", table(&["zv"])),
    ];
    let tables: BTreeMap<String, SchemaRef> = tables.map(|(name, schema)| (name.to_owned(), schema)).into();
    spotmill_sql::plan(sql, &tables, &[])
}

fn names(plan: &LogicalPlan) -> Vec<String> {
    plan.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[track_caller]
fn means(by_name: &str, on: &str) {
    let [by_name, on] = [by_name, on].map(|sql| plan(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}")));
    assert_eq!(by_name.display_indent().to_string(), on.display_indent().to_string());
    assert_eq!(names(&by_name), names(&on));
}

/// The refusal's message and the text at its place.
#[track_caller]
fn refused(sql: &str, message: &str, place: &str) -> Kind {
    let refusal = plan(sql).expect_err(sql);
    assert!(refusal.message.contains(message), "{sql}: {}", refusal.message);
    assert_eq!(refusal.span.map(|span| &sql[span]), Some(place), "{sql}");
    refusal.kind
}

#[test]
fn the_key_is_the_one_that_the_join_keeps() {
    means("SELECT k FROM a JOIN b USING (k)", "SELECT a.k FROM a JOIN b ON a.k = b.k");
    means("SELECT k FROM b LEFT JOIN a USING (k)", "SELECT b.k FROM b LEFT JOIN a ON b.k = a.k");
    means("SELECT k FROM a RIGHT JOIN b USING (k)", "SELECT b.k FROM a RIGHT JOIN b ON a.k = b.k");
    means("SELECT k FROM a FULL JOIN b USING (k)", "SELECT coalesce(a.k, b.k) AS k FROM a FULL JOIN b ON a.k = b.k");
    means("SELECT k FROM a SEMI JOIN b USING (k)", "SELECT a.k FROM a LEFT SEMI JOIN b ON a.k = b.k");
    means("SELECT k FROM a ANTI JOIN b USING (k)", "SELECT a.k FROM a LEFT ANTI JOIN b ON a.k = b.k");
}

#[test]
fn a_star_lists_the_key_once_at_its_place_on_the_left() {
    means("SELECT * FROM b LEFT JOIN c USING (k)", "SELECT bv, b.k, j, cv FROM b LEFT JOIN c ON b.k = c.k");
    means("SELECT * FROM b RIGHT JOIN c USING (k)", "SELECT bv, c.k, j, cv FROM b RIGHT JOIN c ON b.k = c.k");
    means(
        "SELECT * FROM b FULL JOIN a USING (j, k)",
        "SELECT bv, coalesce(b.k, a.k) AS k, coalesce(b.j, a.j) AS j, av FROM b FULL JOIN a ON b.j = a.j AND b.k = a.k",
    );
    means("SELECT * FROM b SEMI JOIN c USING (k)", "SELECT b.* FROM b LEFT SEMI JOIN c ON b.k = c.k");
}

#[test]
fn a_chain_joins_with_the_key_so_far() {
    let on = "FROM a FULL JOIN b ON a.k = b.k FULL JOIN c ON coalesce(a.k, b.k) = c.k";
    means(
        "SELECT k FROM a FULL JOIN b USING (k) FULL JOIN c USING (k)",
        &format!("SELECT coalesce(a.k, b.k, c.k) AS k {on}"),
    );
    means(
        "SELECT k, bv, cv FROM a RIGHT JOIN b USING (k) LEFT JOIN c USING (k)",
        "SELECT b.k, bv, cv FROM a RIGHT JOIN b ON a.k = b.k LEFT JOIN c ON b.k = c.k",
    );
    means(
        "SELECT k, cv FROM c LEFT JOIN (a FULL JOIN b USING (k)) USING (k)",
        "SELECT c.k, cv FROM c LEFT JOIN (a FULL JOIN b ON a.k = b.k) ON c.k = coalesce(a.k, b.k)",
    );
}

#[test]
fn qualified_keys_and_stars_stay_those_of_their_table() {
    means(
        "SELECT a.k AS x, b.k AS y FROM a FULL JOIN b USING (k)",
        "SELECT a.k AS x, b.k AS y FROM a FULL JOIN b ON a.k = b.k",
    );
    means("SELECT c.* FROM a FULL JOIN c USING (k)", "SELECT c.k, c.cv FROM a FULL JOIN c ON a.k = c.k");
}

#[test]
fn every_clause_means_the_merged_key() {
    let key = "coalesce(a.k, b.k)";
    let on = "FROM a FULL JOIN b ON a.k = b.k";
    let by_name = "FROM a FULL JOIN b USING (k)";
    means(&format!("SELECT av {by_name} WHERE k IS NULL"), &format!("SELECT av {on} WHERE {key} IS NULL"));
    means(
        &format!("SELECT k, count(*) AS n {by_name} GROUP BY k HAVING k > 1 ORDER BY k"),
        &format!("SELECT {key} AS k, count(*) AS n {on} GROUP BY {key} HAVING {key} > 1 ORDER BY 1"),
    );
    means(&format!("SELECT count(*) AS n {by_name} GROUP BY k"), &format!("SELECT count(*) AS n {on} GROUP BY {key}"));
    means(&format!("SELECT DISTINCT ON (k) av {by_name}"), &format!("SELECT DISTINCT ON ({key}) av {on}"));
    means(
        &format!("SELECT sum(av) OVER w AS s {by_name} WINDOW w AS (PARTITION BY k)"),
        &format!("SELECT sum(av) OVER w AS s {on} WINDOW w AS (PARTITION BY {key})"),
    );
    means(
        "SELECT av FROM a RIGHT JOIN b USING (k) ORDER BY k",
        "SELECT av FROM a RIGHT JOIN b ON a.k = b.k ORDER BY b.k",
    );
    means(&format!("SELECT -av AS k {by_name} ORDER BY k"), &format!("SELECT -av AS k {on} ORDER BY -av"));
}

#[test]
fn an_expression_keeps_the_name_it_is_written_with() {
    assert_eq!(names(&plan("SELECT k + 1, k FROM a FULL JOIN b USING (k)").unwrap()), ["k + 1", "k"]);
    let nested = "SELECT \"k + 1\" FROM (SELECT k + 1 FROM a FULL JOIN b USING (k)) t";
    assert_eq!(names(&plan(nested).unwrap()), ["k + 1"]);
}

#[test]
fn options_of_a_star_are_applied() {
    let on = "FROM a FULL JOIN c ON a.k = c.k";
    means("SELECT * EXCLUDE (k, j) FROM a FULL JOIN c USING (k)", &format!("SELECT av, cv {on}"));
    means("SELECT * EXCEPT (k) FROM a FULL JOIN c USING (k)", &format!("SELECT j, av, cv {on}"));
    means(
        "SELECT * REPLACE (k + 1 AS k) FROM a FULL JOIN c USING (k)",
        &format!("SELECT coalesce(a.k, c.k) + 1 AS k, j, av, cv {on}"),
    );
}

#[test]
fn natural_joins_on_every_common_column() {
    means(
        "SELECT * FROM a NATURAL LEFT JOIN b",
        "SELECT a.k, a.j, av, bv FROM a LEFT JOIN b ON a.k = b.k AND a.j = b.j",
    );
    means("SELECT * FROM c NATURAL JOIN d", "SELECT c.k, cv, dv FROM c JOIN d ON c.k = d.K");
}

#[test]
fn columns_of_subqueries_follow_from_their_text() {
    means(
        "WITH b AS (SELECT k, cv AS x FROM c) SELECT * FROM a RIGHT JOIN b USING (k)",
        "WITH b AS (SELECT k, cv AS x FROM c) SELECT b.k, j, av, x FROM a RIGHT JOIN b ON a.k = b.k",
    );
    means(
        "WITH p (k, x) AS (SELECT * FROM c) SELECT * FROM p JOIN (SELECT k, bv FROM b UNION SELECT k, j FROM a) q USING (k)",
        "WITH p (k, x) AS (SELECT * FROM c) SELECT p.k, x, bv FROM p JOIN (SELECT k, bv FROM b UNION SELECT k, j FROM a) q \
         ON p.k = q.k",
    );
    means(
        "SELECT * FROM (SELECT * FROM a LEFT JOIN c USING (k)) x FULL JOIN (VALUES (1, 2)) AS v (k, w) USING (k)",
        "SELECT coalesce(x.k, v.k) AS k, j, av, cv, w FROM (SELECT a.k, j, av, cv FROM a LEFT JOIN c ON a.k = c.k) x \
         FULL JOIN (VALUES (1, 2)) AS v (k, w) ON x.k = v.k",
    );
    let unnamed = plan("SELECT * FROM (SELECT k, count(*) FROM b GROUP BY k) g RIGHT JOIN c USING (k)").unwrap();
    assert_eq!(names(&unnamed), ["k", "count(*)", "cv"]);
}

#[test]
fn a_subquery_sees_its_own_columns_first_and_then_the_key() {
    means(
        "SELECT k FROM a LEFT JOIN b USING (k) WHERE EXISTS (SELECT 1 FROM z WHERE zv = k)",
        "SELECT a.k FROM a LEFT JOIN b ON a.k = b.k WHERE EXISTS (SELECT 1 FROM z WHERE zv = a.k)",
    );
    means(
        "SELECT k FROM a LEFT JOIN b USING (k) WHERE av IN (SELECT k FROM c)",
        "SELECT a.k FROM a LEFT JOIN b ON a.k = b.k WHERE av IN (SELECT c.k FROM c)",
    );
    means(
        "SELECT av FROM a WHERE av IN (SELECT k FROM b RIGHT JOIN c USING (k))",
        "SELECT av FROM a WHERE av IN (SELECT c.k FROM b RIGHT JOIN c ON b.k = c.k)",
    );
}

#[test]
fn names_without_quotes_are_found_in_any_case() {
    means("SELECT k, dv FROM c JOIN d USING (k)", "SELECT c.k, dv FROM c JOIN d ON c.k = d.\"K\"");
    let kind = refused("SELECT dv FROM c JOIN d USING (\"k\")", "no column `k` in `d`", "\"k\"");
    assert!(matches!(kind, Kind::UnknownColumn { available, .. } if available == ["K", "dv"]));
}

#[test]
fn what_has_no_one_meaning_is_refused_at_its_place() {
    refused("SELECT av FROM a JOIN b ON a.k = b.k JOIN c USING (k)", "more than one table", "k");
    refused("SELECT av FROM a JOIN b USING (nope)", "no column `nope` in `a`", "nope");
    refused("SELECT av FROM a JOIN b USING (av)", "no column `av` in `b`", "av");
    refused("SELECT av FROM a NATURAL JOIN z", "finds no column", "z");
    refused("SELECT j FROM a JOIN b USING (k)", "more than one table", "j");
    refused("SELECT * RENAME (k AS x) FROM a JOIN c USING (k)", "list the columns", "*");
    refused("SELECT * EXCLUDE (nope) FROM a JOIN c USING (k)", "no column `nope`", "nope");
    refused("SELECT av FROM (SELECT * ILIKE 'k' FROM a) p JOIN c USING (k)", "* ILIKE is not supported", "*");
    refused("SELECT x.k FROM (a JOIN b USING (k)) AS x", "write (SELECT", "x");
    refused("SELECT av FROM a JOIN missing USING (k)", "relation 'missing' was not found", "missing");
}
