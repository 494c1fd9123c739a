"""Says "same" if two runs of the reference job combined to the same result. usage: check.py DIR_A DIR_B"""
import glob
import sys

import polars as pl


def load(directory):
    files = glob.glob(f"{directory}/combined/**/*.parquet", recursive=True)
    assert files, f"no Parquet below {directory}/combined"
    rows = pl.concat([pl.read_parquet(f, hive_partitioning=False) for f in files]).sort("ship_month")
    return rows.select("ship_month", pl.col("net", "quantity").cast(pl.Float64), pl.col("rows", "suppliers").cast(pl.Int64))


a, b = load(sys.argv[1]), load(sys.argv[2])
assert a.shape == b.shape, (a.shape, b.shape)
for column in ("ship_month", "rows", "suppliers", "quantity"):
    assert (a[column] == b[column]).all(), column
assert ((a["net"] - b["net"]).abs() / a["net"]).max() < 1e-9, "net"
print("same", a.shape)
