"""Aggregates of each family, with DISTINCT, FILTER and ORDER BY.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import FAMILIES, joined


class Aggregates:
    def aggregate(self, t, sc, rough, tame=False):
        """An aggregate of a family over the scope, or None."""
        sc = sc.flat()
        options = {
            "int": [(3, self.count), (3, self.sum_int), (0.3, self.bit_aggregate)],
            "dec": [(4, self.sum_dec)],
            "float": [(2, self.sum_float)],
            "text": [(1.5, self.string_agg)],
            "bool": [(3, self.bool_aggregate)],
            "date": [],
            "ts": [],
            "tsz": [],
        }[t]
        options = [(w, lambda f=f: f(sc)) for w, f in options] + [(3, lambda: self.min_max(t, sc, tame))]
        if t == "float":
            options.append((1.5 if rough >= 1 else 0, lambda: self.median(sc)))
            options.append((9 if rough >= 2 else 0, lambda: self.statistic(sc)))
        return self.pick([o for o in options if o[0]])

    def filtered(self, e, sc):
        if self.chance(0.12):
            self.tag("FILTER")
            return e.like(*e.parts, " FILTER (WHERE ", self.bool(sc, 1), ")", col=True)
        return e

    def count(self, sc):
        form = self.one("*", "*", "x", "distinct")
        self.tag(f"count({form})")
        known = dict(bound=max(1, sc.rows), duck="i64", col=True)
        if form == "*":
            return self.filtered(E("int", "count(*)", **known), sc)
        t = self.family(sc, *FAMILIES)
        return self.filtered(
            E("int", "count(DISTINCT " if form == "distinct" else "count(", self.expr(t, sc, 1), ")", **known), sc
        )

    def sum_int(self, sc):
        wild = self.chance(0.05)
        a = self.expr("int", sc, 1, 1, not wild)
        if a.duck in ("u64", "i128") or a.bound * max(1, sc.rows) >= 2**62 and not wild:
            return None
        distinct = self.chance(0.1)
        self.tag("sum int", *(["sum(distinct)"] if distinct else []))
        return self.filtered(
            E(
                "int",
                "sum(DISTINCT " if distinct else "sum(",
                a,
                ")",
                bound=a.bound * max(1, sc.rows),
                duck="i128",
                wild=a.wild,
            ),
            sc,
        )

    def sum_dec(self, sc):
        a = self.expr("dec", sc, 1, 1, True)
        bound = a.bound * max(1, sc.rows)
        if len(str(bound)) + a.s > 37:
            return None
        self.tag("sum decimal")
        return self.filtered(
            E("dec", "sum(DISTINCT " if self.chance(0.08) else "sum(", a, ")", bound=bound, p=38, s=a.s), sc
        )

    def sum_float(self, sc):
        a = self.expr("float", sc, 1, 0, True)
        if a.rough or a.bound is None:
            return None
        self.tag("sum float")
        return self.filtered(E("float", "sum(", a, ")", bound=a.bound * max(1, sc.rows), duck="f64", rough=0), sc)

    def min_max(self, t, sc, tame=False):
        a = self.expr(t, sc, 1, 1, tame)
        self.tag(f"min/max {t}")
        return self.filtered(a.like(self.one("min(", "max("), a, ")", col=True), sc)

    def bool_aggregate(self, sc):
        self.tag("bool_and/or")
        return self.filtered(E("bool", self.one("bool_and(", "bool_or("), self.bool(sc, 1), ")"), sc)

    def bit_aggregate(self, sc):
        a = self.wide(self.expr("int", sc, 1, 1, True))
        if a.duck in ("u64", "i128", "lit"):
            return None
        self.tag("bit aggregate")
        return E("int", self.one("bit_and(", "bit_or(", "bit_xor("), a, ")", bound=a.bound * 2 + 1, duck=a.duck)

    def string_agg(self, sc):
        a = self.expr("text", sc, 1)
        if not a.col:
            return None
        self.tag("string_agg")
        distinct = "DISTINCT " if self.chance(0.25) else ""
        return self.filtered(
            E("text", f"string_agg({distinct}", a, ", ',' ORDER BY ", a, self.one("", " DESC"), ")"), sc
        )

    def median(self, sc):
        t = self.family(sc, "int", "float")
        a = self.expr(t, sc, 1, 0, True)
        if a.duck in ("u64", "i128", "lit") or a.bound is None or a.bound > 2**50:
            return None
        self.tag(f"median {t}")
        return E("float", "median(", a, ")", bound=a.bound, duck="f64", rough=1)

    def statistic(self, sc):
        """Aggregates whose last bits depend on how they are computed."""
        name = self.one(
            "avg",
            "avg",
            "avg",
            "stddev",
            "stddev_samp",
            "stddev_pop",
            "var_samp",
            "var_pop",
            "corr",
            "covar_pop",
            "covar_samp",
        )
        t = self.family(sc, "int", "dec", "float")
        es = [self.expr(t, sc, 1, 0, True) for _ in range(2 if name in ("corr", "covar_pop", "covar_samp") else 1)]
        if any(e.bound is None or e.bound > 10**7 or e.duck in ("u64", "i128") for e in es):
            return None
        if t == "dec" and name != "avg" or t == "float":
            es = [e.like("CAST(", e, " AS DOUBLE)") if t == "dec" else self.double(e) for e in es]
        self.tag(name if name != "avg" else f"avg {t}")
        made = E("float", f"{name}(", *joined(es), ")", bound=None, duck="f64", rough=2)
        if name.startswith(("covar", "var")):  # sums of products that cancel each other out
            made.noise = 1e-15 * es[0].bound * es[-1].bound
        return self.filtered(made, sc) if name == "avg" else made
