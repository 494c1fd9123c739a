"""Tables as the tools of this folder hold them: `{"columns": [[name, type], ...], "rows": [[...], ...]}` with the
product's names of types and values that JSON can carry (decimals, dates and timestamps are strings, and so are "nan",
"inf", "-inf" and "-0.0"; integers, floats, booleans, strings and null are themselves). Here they become DuckDB tables
and Parquet files. Used by fuzz.py, replay.py and shrink.py; nothing to run.
"""

import json
import re

import duckdb

DUCK = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_utc": "TIMESTAMPTZ",
}


def connect():
    """An empty DuckDB: one thread, so that it stays modest and repeatable, and UTC. DuckDB 2.0.0 leaves out a LIMIT where
    its statistics promise too few rows (outer joins with an empty table), and now and then loses rows of the right side of
    a FULL JOIN below a semi-join, to which it sends that join's keys: it plans without both."""
    con = duckdb.connect()
    con.execute("SET threads=1; SET TimeZone='UTC'; SET memory_limit='2GB'")
    con.execute("SET disabled_optimizers='statistics_propagation,join_filter_pushdown'")
    return con


def duck_type(name):
    """The DuckDB type of a type of the product: `decimal(10,2)` is itself in capitals."""
    return DUCK.get(name) or name.upper()


def quoted(name):
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) and name != "user" else '"' + name.replace('"', '""') + '"'


def literal(value):
    """A value as text for INSERT, which casts it to the column's type."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int)):
        return str(value)
    return "'" + (repr(value) if isinstance(value, float) else value).replace("'", "''") + "'"


def load(con, tables):
    """(Re)creates every table of `tables` in `con`."""
    for name, table in tables.items():
        columns = ", ".join(f"{quoted(c)} {duck_type(t)}" for c, t in table["columns"])
        con.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({columns})")
        if table["rows"]:
            rows = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in table["rows"])
            con.execute(f"INSERT INTO {quoted(name)} VALUES {rows}")


def write(con, tables, folder):
    """Writes the loaded tables as Parquet into `folder`; the answer is the `tables` part of a request."""
    answer = {}
    for name in tables:
        path = folder / f"{name}.parquet"
        con.execute(f"COPY {quoted(name)} TO '{path}' (FORMAT parquet)")
        answer[name] = {"files": [str(path)]}
    return answer


def drop(con, tables):
    for name in tables:
        con.execute(f"DROP TABLE IF EXISTS {quoted(name)}")


def dump(case):
    """A case as JSON that reads well: a line for each row, each query and each other field."""
    lines = []
    for key, value in case.items():
        if key == "tables":
            parts = []
            for name, table in value.items():
                rows = ",\n      ".join(json.dumps(row, ensure_ascii=False) for row in table["rows"])
                rows = f"[\n      {rows}]" if rows else "[]"
                parts.append(f'    {json.dumps(name)}: {{"columns": {json.dumps(table["columns"])}, "rows": {rows}}}')
            lines.append('  "tables": {\n' + ",\n".join(parts) + "}")
        elif isinstance(value, list) and len(value) > 1 and key == "sql":
            texts = ",\n    ".join(json.dumps(v, ensure_ascii=False) for v in value)
            lines.append(f'  "{key}": [\n    {texts}]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
