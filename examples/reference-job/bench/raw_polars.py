"""The reference job in raw Polars: one process, no recovery. usage: raw_polars.py IN_DIR OUT_DIR"""
import os
import sys

import polars as pl

BUCKETS = 32
INTS = ["orderkey", "partkey", "suppkey"]
TYPES = {**{c: pl.Int64 for c in INTS}, "linenumber": pl.Int32,
         **{c: pl.Float64 for c in ["quantity", "extendedprice", "discount", "tax"]},
         "returnflag": pl.String, "linestatus": pl.String,
         **{c: pl.Date for c in ["shipdate", "commitdate", "receiptdate"]},
         "shipinstruct": pl.String, "shipmode": pl.String, "comment": pl.String}


def main(src, out):
    for part in ("normalized", "reduced", "combined"):
        os.makedirs(f"{out}/{part}", exist_ok=True)
    rows = pl.scan_csv(f"{src}/*.csv", has_header=False, new_columns=list(TYPES), schema_overrides=TYPES)
    rows = (
        rows.filter(pl.col("quantity") > 0)
        .with_columns(
            pl.col("shipmode").str.strip_chars().str.to_lowercase(),
            pl.col("shipinstruct").str.strip_chars().str.to_lowercase(),
            net=pl.col("extendedprice") * (1 - pl.col("discount")),
            ship_month=pl.col("shipdate").dt.strftime("%Y-%m"),
            bucket=pl.col("suppkey") % BUCKETS,
        )
        .select("orderkey", "partkey", "suppkey", "quantity", "discount", "net", "shipmode", "shipinstruct", "ship_month", "bucket")
    )
    rows.sink_parquet(pl.PartitionBy(f"{out}/normalized", key="bucket", include_key=False), mkdir=True, compression="zstd")
    for bucket in range(BUCKETS):
        (pl.scan_parquet(f"{out}/normalized/bucket={bucket}/*.parquet")
           .group_by("suppkey", "ship_month")
           .agg(net=pl.col("net").sum(), quantity=pl.col("quantity").sum(), rows=pl.len(),
                parts=pl.col("partkey").n_unique(), max_discount=pl.col("discount").max())
           .sink_parquet(f"{out}/reduced/{bucket:05}.parquet"))
    (pl.scan_parquet(f"{out}/reduced/*.parquet")
       .group_by("ship_month")
       .agg(net=pl.col("net").sum(), quantity=pl.col("quantity").sum(), rows=pl.col("rows").sum(),
            suppliers=pl.col("suppkey").n_unique())
       .sort("ship_month")
       .sink_parquet(f"{out}/combined/part.parquet"))


main(*sys.argv[1:3])
