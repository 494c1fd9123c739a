//! SQL by three doors: what is refused, what a bound text looks like, and that no value leaves its literal.

use super::tokens::tokenize;
use super::{bind_text, expression, functions, literal, parse, parse_condition};
use proptest::prelude::*;
use spotmill_core::types::{ColumnType, Value};
use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::BTreeMap;

/// Tables read, or the name and the marked text of every complaint.
fn check(sql: &str, want: Result<&[&str], &[&str]>) {
    let got = parse(sql).map(|s| s.tables.into_iter().map(|(n, _)| n).collect::<Vec<_>>());
    let got = got.map_err(|c| c.into_iter().map(|c| format!("{} {}", c.name, &sql[c.span])).collect::<Vec<_>>());
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(got, want.map(own).map_err(own), "{sql}");
}

#[test]
fn one_select_over_named_tables() {
    check("SELECT 1", Ok(&[]));
    check("SELECT a, FROM input;", Ok(&["input"]));
    check("WITH x AS (SELECT * FROM input) SELECT * FROM x JOIN b USING (k)", Ok(&["input", "b"]));
    check("SELECT * FROM (SELECT * FROM input) AS t WHERE k IN (SELECT k FROM b)", Ok(&["input", "b"]));
    check("SELECT a FROM input UNION ALL SELECT a FROM b", Ok(&["input", "b"]));
    check("SELECT a FROM input AS f, LATERAL (SELECT 1) x", Ok(&["input"]));
}

#[test]
fn everything_else_is_refused() {
    check("", Err(&["bad-sql "]));
    check("-- nothing", Err(&["bad-sql "]));
    check("SELECT 'a", Err(&["bad-sql '"]));
    check("SELEC 1", Err(&["bad-sql SELEC"]));
    check("SELECT a FROM", Err(&["bad-sql FROM"]));
    check("DELETE FROM input", Err(&["undeclared-read DELETE"]));
    check("DROP TABLE input", Err(&["undeclared-read DROP"]));
    check("INSERT INTO input VALUES (1)", Err(&["undeclared-read INSERT"]));
    check("SELECT 1; SELECT 2", Err(&["undeclared-read SELECT"]));
    check("SELECT * FROM read_csv('/etc/passwd')", Err(&["undeclared-read read_csv"]));
    check("SELECT * FROM (SELECT * FROM READ_PARQUET('x')) t", Err(&["undeclared-read READ_PARQUET"]));
    check("SELECT * FROM a WHERE k IN (SELECT k FROM read_ipc('x'))", Err(&["undeclared-read read_ipc"]));
    check("SELECT read_csv('x') FROM input", Err(&["undeclared-read read_csv"]));
    check("SELECT * FROM TABLE(read_json('x'))", Err(&["undeclared-read read_json('x'", "undeclared-read read_json"]));
    check("SELECT * FROM s.input", Err(&["undeclared-read s.input"]));
    check("SELECT x.sum(a) FROM input", Err(&["undeclared-read x.sum"]));
    check("SELECT * INTO t FROM input", Err(&["undeclared-read t"]));
    check("WITH x AS (DELETE FROM input) SELECT * FROM x", Err(&["undeclared-read DELETE FROM input"]));
    check("TABLE input", Err(&["bad-sql TABLE"]));
    check("SELECT '{date}' FROM input", Err(&["braces-in-sql '{date}'"]));
    check("SELECT {date:%Y} FROM input", Err(&["braces-in-sql {date:%Y}"]));
    check("SELECT ? FROM input", Err(&["bad-sql ?"]));
    check("SELECT :date FROM input", Err(&["bad-sql :date"]));
}

#[test]
fn clauses_that_nobody_plans_are_refused() {
    let check = |sql: &str, clause: &str| {
        let complaints = parse(sql).expect_err(sql);
        assert!(complaints.iter().any(|c| c.title.starts_with(clause)), "{sql}: {complaints:?}");
    };
    check("SELECT k FROM input GROUP BY k WITH ROLLUP", "WITH ROLLUP");
    check("SELECT k FROM input GROUP BY ALL WITH CUBE", "WITH ROLLUP");
    check("SELECT k FROM input GROUP BY k WITH TOTALS", "WITH ROLLUP");
    check("SELECT k FROM input PREWHERE v > 2", "PREWHERE");
    check("SELECT k FROM input TABLESAMPLE (1 ROWS)", "TABLESAMPLE");
    check("SELECT k FROM input TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE");
    check("SELECT k FROM (SELECT k FROM input) AS q TABLESAMPLE (1 ROWS)", "TABLESAMPLE");
    check("SELECT * ILIKE 'v%' FROM input", "* ILIKE");
    check("SELECT t.* ILIKE 'v%' FROM input AS t", "* ILIKE");
    check("SELECT * RENAME (a AS b) FROM input", "* RENAME");
    check("FROM input", "FROM without SELECT");
    check("SELECT k FROM input START WITH a = 1 CONNECT BY a = 1", "CONNECT BY");
    check("SELECT k FROM input SETTINGS a = 1", "SETTINGS");
    check("SELECT k FROM input FORMAT CSV", "FORMAT");
    check("SELECT k FROM input FOR XML AUTO", "FOR XML");
    check("SELECT k FROM input FOR UPDATE", "FOR UPDATE");
    check("SELECT k FROM input WITH (NOLOCK)", "a hint");
    check("SELECT k FROM input ORDER BY k FETCH FIRST 3 PERCENT ROWS ONLY", "FETCH");
    check("SELECT TOP 3 k FROM input", "TOP");
    check("SELECT k FROM input SORT BY k", "SORT BY");
    check("SELECT k FROM input LIMIT 1 BY k", "LIMIT BY");
    check("SELECT 1 WHERE EXISTS (SELECT k FROM input PREWHERE v > 2)", "PREWHERE");
}

#[test]
fn conditions_are_one_expression() {
    let check = |sql: &str, good: bool| assert_eq!(parse_condition(sql).is_ok(), good, "{sql}");
    check("distance > 0", true);
    check("a BETWEEN $low AND $high OR LOWER(b) = 'x'", true);
    check("a > (SELECT 1)", false);
    check("a > 0; DELETE FROM x", false);
    check("a > 0 b", false);
    check("read_csv('x') = 1", false);
}

fn params() -> BTreeMap<String, Value> {
    let int = |value, ty| Value::Int { value, ty };
    let pairs = [
        ("date", Value::Date("2013-01-01".into())),
        ("at", Value::Timestamp("2013-01-01T02:03:04".into())),
        ("late", int(15, ColumnType::Int16)),
        ("low", int(-1, ColumnType::Int8)),
        ("least", int(i64::MIN, ColumnType::Int64)),
        ("rate", Value::Float(0.1)),
        ("on", Value::Bool(true)),
        ("who", Value::String("O'Hare".into())),
    ];
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// As SQL it has an exponent, so that it is a float and no decimal of as many digits.
#[test]
fn a_float_param_is_read_back_to_the_last_bit() {
    for value in [31.245_270_191_439_438, 1e-30, -0.0, 1e300, 5e-324, f64::MIN, 3.0] {
        let text = bind_text("$x", &BTreeMap::from([("x".to_owned(), Value::Float(value))])).expect("bound");
        let digits = text.strip_prefix("CAST(").and_then(|rest| rest.strip_suffix(" AS DOUBLE)")).expect(&text);
        assert!(digits.contains('e'), "{text}");
        assert_eq!(digits.parse::<f64>().expect("a number").to_bits(), value.to_bits(), "{text}");
    }
}

#[test]
fn binds_typed_literals() {
    let check = |sql: &str, want: &str| assert_eq!(bind_text(sql, &params()).unwrap(), want);
    check("SELECT $date AS d -- $date", "SELECT CAST('2013-01-01' AS DATE) AS d -- $date");
    check("a > $late", "a > CAST(15 AS SMALLINT)");
    check("a > $low + $least", "a > CAST(-1 AS TINYINT) + CAST('-9223372036854775808' AS BIGINT)");
    check("$at, $rate, $on", "CAST('2013-01-01T02:03:04' AS TIMESTAMP), CAST(1e-1 AS DOUBLE), TRUE");
    check("'$who' || $who", "'$who' || 'O''Hare'");
    check("LIMIT $late OFFSET $late", "LIMIT 15 OFFSET 15");
    check("d IN ($date, $late + 1)", "d IN (CAST('2013-01-01' AS DATE), CAST(15 AS SMALLINT) + 1)");
    check("d IN (SELECT $date)", "d IN (SELECT CAST('2013-01-01' AS DATE))");
    check("ROUND($rate, $late)", "ROUND(CAST(1e-1 AS DOUBLE), 15)");
    check("QUANTILE_CONT(a, $rate), LAG(a, $low)", "QUANTILE_CONT(a, 0.1), LAG(a, -1)");
    check("VALUES ($late, $who)", "VALUES (15, 'O''Hare')");
    assert_eq!(bind_text("$nope", &params()).unwrap_err().to_string(), "there is no param `nope`");
}

#[test]
fn finds_what_the_engine_speaks_of() {
    let check = |sql: &str, subject: &str, want: Option<&str>| {
        assert_eq!(expression(sql, subject).map(|r| &sql[r]), want, "{subject} in {sql}");
    };
    check("SELECT a > $late FROM t", "a > CAST(15 AS SMALLINT)", Some("a > $late"));
    check("SELECT Sum( a ) FROM t", "sum(a)", Some("Sum( a )"));
    check("SELECT a = $at FROM t", "A = CAST('x' AS TIMESTAMP)", Some("a = $at"));
    check("SELECT a FROM t", "b", None);
    check("SELECT é, a FROM t", "a", Some("a"));
    let calls = |sql: &str| functions(sql).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(
        calls("WITH x (a) AS (SELECT f(1) FROM t WHERE a IN (1) AND G (2)) SELECT COUNT(*) OVER () FROM x"),
        ["f", "G", "COUNT"]
    );
}

/// The literal that is all of `SELECT …`.
fn read_back(sql: &str) -> Option<String> {
    let statements = Parser::parse_sql(&GenericDialect, sql).ok()?;
    let [Statement::Query(query)] = statements.as_slice() else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [SelectItem::UnnamedExpr(Expr::Value(value))] = select.projection.as_slice() else { return None };
    value.value.clone().into_string()
}

proptest! {
    #[test]
    fn no_value_leaves_its_literal(text in "(\\PC|['\\\\\"$;\n-]){0,40}") {
        let params = BTreeMap::from([("p".to_owned(), Value::String(text.clone()))]);
        let sql = bind_text("SELECT $p", &params).unwrap();
        prop_assert_eq!(read_back(&sql), Some(text));
    }

    #[test]
    fn what_surrounds_a_param_stays(text in "(\\PC|['\\\\]){0,20}", user in "[^'$]{0,20}") {
        let sql = format!("SELECT '{user}', $p, 'a\\' FROM input -- {}", user.replace('\n', " "));
        let params = BTreeMap::from([("p".to_owned(), Value::String(text.clone()))]);
        let bound = bind_text(&sql, &params).unwrap();
        prop_assert_eq!(bound, sql.replace("$p", &literal(&Value::String(text))));
    }

    #[test]
    fn numbers_come_back(int in any::<i64>(), float in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let params = BTreeMap::from([
            ("i".to_owned(), Value::Int { value: int, ty: ColumnType::Int64 }),
            ("f".to_owned(), Value::Float(float)),
        ]);
        let bound = bind_text("$i $f", &params).unwrap();
        let number = |p: &str| p.rsplit("CAST(").next().unwrap().trim_matches('\'').to_owned();
        let texts: Vec<String> = bound.split(" AS ").map(number).collect();
        prop_assert_eq!(texts[0].parse::<i64>().unwrap(), int);
        prop_assert_eq!(texts[1].parse::<f64>().unwrap(), float);
    }

    #[test]
    fn tokens_know_their_bytes(text in "(\\PC|\n|[a-z(),.'$ ]){0,60}") {
        let Ok(tokens) = tokenize(&text) else { return Ok(()) };
        for tok in &tokens {
            let part = text.get(tok.span.clone());
            prop_assert!(part.is_some());
            if let Token::Placeholder(p) = &tok.token {
                prop_assert_eq!(part.unwrap(), p);
            }
        }
    }

    #[test]
    fn parsing_never_panics(text in "(\\PC|[a-z0-9(){},.'\"$;:*= \n]|SELECT |FROM |input|SUM\\(){0,30}") {
        if let Ok(select) = parse(&text) {
            let _ = super::bind(&select, &params());
        }
        let _ = parse_condition(&text);
    }
}
