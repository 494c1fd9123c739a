//! What SQL means on the pinned engine. A change of these is a change of users' results: it belongs in the release
//! notes, and in the worker's version.

use crate::common::Bench;

/// Rows of `sql` over three tables of nothing special, NULLs included.
fn check(sql: &str, expected: &str) {
    let list = &["id int32", "g string", "v int16", "m decimal(10,2)", "d date", "f float64"];
    let mut bench = Bench::new(list, sql);
    bench.file(
        "a.csv",
        "1,a,10,100.25,2013-01-31,1.5\n2,a,,0.05,2013-02-28,2.5\n3,b,30,,2012-02-29,\n4,,-7,-1.10,,-0.5\n5,b,7,2.00,2013-12-31,0.125\n",
    );
    bench.table("names", &["g string", "name string"], "a,Anna\nb,Bert\nb,Bob\nc,Cleo\n");
    assert_eq!(bench.rows(), expected, "{sql}");
}

#[test]
fn decimals() {
    check("SELECT m * (1 - 0.10) AS x FROM input WHERE id = 1", "90.2250\n");
    check(
        "SELECT CAST(CAST(m AS DECIMAL(18,4)) * (1 - CAST(0.10 AS DECIMAL(4,2))) AS DECIMAL(18,4)) AS x FROM input WHERE id = 1",
        "90.2250\n",
    );
    check("SELECT SUM(m) AS s, AVG(m) AS v, MIN(m) AS lo, MAX(m) AS hi FROM input", "101.20|25.3|-1.10|100.25\n");
    check("SELECT m / 3 AS q FROM input WHERE id IN (1, 5) ORDER BY id", "33.416667\n0.666667\n");
}

#[test]
fn division() {
    check(
        "SELECT 7/2 AS a, 7 // 2 AS b, -7 // 2 AS c, 7 % 3 AS d, -7 % 3 AS e, 7.0/2 AS f FROM input LIMIT 1",
        "3.5|3|-3|1|-1|3.5\n",
    );
    check("SELECT v / 0 AS z, v % 7 AS r FROM input WHERE id = 1", "inf|3\n");
}

#[test]
fn nulls() {
    check("SELECT id, v FROM input ORDER BY v", "4|-7\n5|7\n1|10\n3|30\n2|-\n");
    check("SELECT id, v FROM input ORDER BY v DESC", "3|30\n1|10\n5|7\n4|-7\n2|-\n");
    check("SELECT id, v FROM input ORDER BY v NULLS FIRST", "2|-\n4|-7\n5|7\n1|10\n3|30\n");
    check("SELECT COUNT(*) AS n, COUNT(v) AS v, COUNT(DISTINCT g) AS g, SUM(v) AS s FROM input", "5|4|2|40\n");
    check("SELECT SUM(v) AS s, MAX(v) AS m, AVG(v) AS a FROM input WHERE id > 100", "-|-|-\n");
    check("SELECT id FROM input WHERE v > 5 OR v IS NULL ORDER BY id", "1\n2\n3\n5\n");
    check("SELECT id FROM input WHERE v NOT IN (10, 30) ORDER BY id", "4\n5\n");
    check("SELECT COALESCE(v, 0) AS c, NULLIF(g, 'a') AS n FROM input ORDER BY id", "10|-\n0|-\n30|b\n-7|-\n7|b\n");
}

#[test]
fn grouping() {
    check(
        "SELECT g, COUNT(*) AS n, COUNT(*) FILTER (WHERE v > 8) AS big, MAX(f) AS f FROM input GROUP BY g ORDER BY g",
        "a|2|1|2.5\nb|2|1|0.125\n-|1|0|-0.5\n",
    );
    check("SELECT g, COUNT(*) AS n FROM input GROUP BY g HAVING COUNT(*) > 1 ORDER BY g", "a|2\nb|2\n");
    check(
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY g ORDER BY id DESC) AS r, SUM(v) OVER (PARTITION BY g) AS s FROM input ORDER BY id",
        "1|2|10\n2|1|10\n3|2|37\n4|1|-7\n5|1|37\n",
    );
}

#[test]
fn joins() {
    check(
        "SELECT i.id, n.name FROM input AS i LEFT JOIN names AS n ON i.g = n.g ORDER BY i.id, n.name",
        "1|Anna\n2|Anna\n3|Bert\n3|Bob\n4|-\n5|Bert\n5|Bob\n",
    );
    check(
        "SELECT i.id, n.name FROM input AS i JOIN names AS n ON i.g = n.g ORDER BY i.id, n.name",
        "1|Anna\n2|Anna\n3|Bert\n3|Bob\n5|Bert\n5|Bob\n",
    );
    check("SELECT n.name FROM names AS n LEFT JOIN input AS i ON i.g = n.g WHERE i.id IS NULL", "Cleo\n");
}

#[test]
fn functions() {
    check(
        "SELECT ROUND(f, 1) AS a, ROUND(-f, 0) AS b, FLOOR(f) AS c, ABS(f) AS d FROM input ORDER BY id",
        "1.5|-2.0|1.0|1.5\n2.5|-3.0|2.0|2.5\n-|-|-|-\n-0.5|1.0|-1.0|0.5\n0.1|-0.0|0.0|0.125\n",
    );
    check(
        "SELECT CASE WHEN v > 8 THEN 'big' WHEN v IS NULL THEN 'none' ELSE 'small' END AS c FROM input ORDER BY id",
        "big\nnone\nbig\nsmall\nsmall\n",
    );
    check(
        "SELECT UPPER(g) AS u, LENGTH(g) AS l, g || '-' || id AS c, SUBSTR('abcdef', 2, 3) AS s, TRIM('  x ') AS t, g LIKE 'a%' AS k FROM input ORDER BY id LIMIT 2",
        "A|1|a-1|bcd|x|true\nA|1|a-2|bcd|x|true\n",
    );
    check(
        "SELECT EXTRACT(YEAR FROM d) AS y, EXTRACT(DOW FROM d) AS w, STRFTIME(d, '%Y-%m') AS m, d + INTERVAL '1 month' AS n FROM input ORDER BY id",
        "2013|4|2013-01|2013-02-28 00:00:00\n2013|4|2013-02|2013-03-28 00:00:00\n2012|3|2012-02|2012-03-29 00:00:00\n-|-|-|-\n2013|2|2013-12|2014-01-31 00:00:00\n",
    );
    check(
        "SELECT CAST(f AS INTEGER) AS a, CAST(v AS VARCHAR) AS b, CAST('12' AS SMALLINT) AS c FROM input ORDER BY id",
        "2|10|12\n2|-|12\n-|30|12\n0|-7|12\n0|7|12\n",
    );
    check("SELECT id FROM input WHERE d >= DATE '2013-01-31' ORDER BY id", "1\n2\n5\n");
    check(
        "SELECT id FROM input UNION ALL SELECT id + 10 AS id FROM input WHERE id < 2 ORDER BY id",
        "1\n2\n3\n4\n5\n11\n",
    );
    check("SELECT DISTINCT g FROM input ORDER BY g", "a\nb\n-\n");
}
