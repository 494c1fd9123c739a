"""Computes the flights pipeline's results independently, with DuckDB over the same files, and compares row multisets.

usage: flights.py DATA_DIR OUT_DIR [DATE ...]   (no dates: every day drop in DATA_DIR/raw)
"""
import pathlib
import sys

import duckdb

COLUMNS = {
    "year": "SMALLINT", "month": "TINYINT", "day": "TINYINT", "dep_time": "SMALLINT", "sched_dep_time": "SMALLINT",
    "dep_delay": "SMALLINT", "arr_time": "SMALLINT", "sched_arr_time": "SMALLINT", "arr_delay": "SMALLINT",
    "carrier": "VARCHAR", "flight": "INTEGER", "tailnum": "VARCHAR", "origin": "VARCHAR", "dest": "VARCHAR",
    "air_time": "SMALLINT", "distance": "INTEGER", "hour": "TINYINT", "minute": "TINYINT", "time_hour": "TIMESTAMPTZ",
}

BY_ROUTE = """
select date '{date}' flight_date, f.carrier, a.name carrier_name, origin, dest, count(*) flights,
       count(*) filter (where dep_time is null) cancelled,
       count(*) filter (where arr_delay > 15) late,
       count(arr_delay) arr_known, sum(arr_delay)::bigint arr_delay_sum
from read_csv('{raw}', header=false, nullstr='NA', columns={columns}) f
left join read_csv('{airlines}', header=true, all_varchar=true) a on a.carrier = f.carrier
group by all"""

DAILY = """
select flight_date, sum(flights)::bigint flights, sum(cancelled)::bigint cancelled, sum(late)::bigint late,
       round(sum(arr_delay_sum)::double / sum(arr_known), 1) avg_arr_delay
from ({by_route}) group by 1"""


def compare(con, name, expected, published):
    columns = [row[0] for row in con.sql(f"describe ({expected})").fetchall()]
    listed = ", ".join(columns)
    found = f"select {listed} from read_parquet('{published}/*.parquet', hive_partitioning=false)"
    for (one, other, what) in ((expected, found, "missing"), (found, expected, "unexpected")):
        rows = con.sql(f"(select {listed} from ({one})) except all (select {listed} from ({other})) limit 3").fetchall()
        if rows:
            sys.exit(f"{name}: {what} rows, for example {rows}")
    return con.sql(f"select count(*) from ({found})").fetchall()[0][0]


def main():
    data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    dates = sys.argv[3:] or sorted(p.name.removesuffix(".csv.gz") for p in (data / "raw").glob("*.csv.gz"))
    assert dates, f"no day drops in {data}/raw"
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    routes = 0
    for date in dates:
        by_route = BY_ROUTE.format(date=date, raw=data / "raw" / f"{date}.csv.gz", airlines=data / "airlines.csv", columns=COLUMNS)
        routes += compare(con, f"by_route {date}", by_route, out / "by_route" / f"date={date}")
        assert compare(con, f"daily {date}", DAILY.format(by_route=by_route), out / "daily" / f"date={date}") == 1
    print(f"same: {len(dates)} days, {routes} routes")


if __name__ == "__main__":
    main()
