"""Generates the tables of TPC-H or TPC-DS as Parquet files, with the texts of their queries in queries.json, by DuckDB's
extensions from PyPI. An extension loads only into the DuckDB of its own version, which is not the one that the other
tools use: so tpc.py runs this file in a virtual environment of its own (PACKAGES).

Usage:  python tpc_data.py h|ds SCALE FOLDER
"""

import importlib
import json
import pathlib
import sys

VERSION = "1.5.5"
PACKAGES = [f"duckdb=={VERSION}", f"duckdb_extension_tpch=={VERSION}", f"duckdb_extension_tpcds=={VERSION}"]


def load_extension(con, name):
    """The extension is a file in its Python package."""
    package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
    (file,) = package.glob(f"extensions/*/{name}.duckdb_extension")
    con.load_extension(str(file))


def main(suite, scale, folder):
    import duckdb

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET threads=1")
    load_extension(con, f"tpc{suite}")
    con.execute(f"CALL {'dbgen' if suite == 'h' else 'dsdgen'}(sf={float(scale)})")
    names = [name for (name,) in con.execute("SELECT table_name FROM information_schema.tables").fetchall()]
    for name in names:
        con.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
    texts = con.execute(f"SELECT query_nr, query FROM tpc{suite}_queries() ORDER BY 1").fetchall()
    (folder / "queries.json").write_text(json.dumps({"tables": sorted(names), "queries": texts}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 4 else sys.exit(__doc__)
