"""Window functions. Where one depends on the order among ties, its ORDER BY ends with a key.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E, Items, Node, frozen
from grammar.scope import ORDERED, joined


class Windows:
    def sort_key(self, e):
        return Node(e, self.one("", "", " ASC", " DESC", " DESC"), self.one("", "", "", " NULLS FIRST", " NULLS LAST"))

    def total_order(self, sc, count=1):
        """Sort keys of which the last are unique together, or None."""
        if sc.key is None:
            return None
        keys = [self.expr(self.family(sc, *ORDERED), sc.flat(), 1) for _ in range(self.rng.randint(0, count))]
        keys = [k for k in keys if k.col] + sc.key
        return keys

    def window(self, t, sc, rough):
        """A window function of a family over the scope, or None."""
        flat = sc.flat()
        options = [(4, lambda: self.window_aggregate(t, flat, rough))]
        if sc.key is not None:
            options.append((3, lambda: self.window_value(t, flat)))
        if t == "int":
            options.append((5, lambda: self.window_rank(flat)))
        if t == "float" and rough:
            options.append((2, lambda: self.window_share(flat)))
        return self.pick(options)

    def partition(self, sc):
        if not self.chance(0.55):
            return []
        keys = [
            self.expr(self.family(sc, "int", "text", "bool", "date", "dec"), sc, self.one(0, 0, 0, 1))
            for _ in range(self.one(1, 1, 2))
        ]
        keys = [k for k in keys if k.col] or [self.rng.choice(sc.cols)]
        keys = [k for k in keys if k.rough < 2] or []
        if keys and self.chance(0.04):
            keys.append(keys[0])
            self.tag("PARTITION BY with a repeated key")
        return [Node("PARTITION BY ", Items(keys), " ")] if keys else []

    def over(self, call, sc, order, frame=""):
        parts = self.partition(sc)
        if parts:
            self.tag("PARTITION BY")
        if order:
            parts.append(frozen("ORDER BY ", *joined([self.sort_key(k) for k in order]), " "))
        spec = Node("(", *parts, frame, ")")
        return call.like(*call.parts, " OVER ", spec, col=True, name=None)

    def window_rank(self, sc):
        name = self.one("row_number", "rank", "dense_rank", "ntile")
        if name in ("row_number", "ntile"):
            order = self.total_order(sc)
            if order is None:
                return None
        else:
            order = self.some_order(sc)
        self.tag(f"window {name}")
        argument = self.one("2", "3") if name == "ntile" else ""
        return self.over(E("int", f"{name}({argument})", bound=max(3, sc.rows), duck="i64"), sc, order)

    def window_share(self, sc):
        name = self.one("percent_rank", "cume_dist")
        self.tag(f"window {name}")
        return self.over(E("float", f"{name}()", bound=1, duck="f64", rough=1), sc, self.some_order(sc))

    def some_order(self, sc):
        keys = [self.expr(self.family(sc, *ORDERED), sc, self.one(0, 0, 0, 1)) for _ in range(self.one(1, 1, 1, 2))]
        exact = [c for c in sc.cols if c.rough < 2]
        tied = [c for c in exact if (c.name or "").split("_")[-1] in ("k", "s2", "b", "i8", "dt", "ts")]
        if tied and self.chance(0.5):
            return [self.rng.choice(tied)]
        return [k for k in keys if k.col and k.rough < 2] or ([self.rng.choice(exact)] if exact else [])

    def window_value(self, t, sc):
        name = self.one("lag", "lead", "lag", "lead", "first_value", "last_value", "nth_value")
        a = self.expr(t, sc, 1)
        order = self.total_order(sc)
        if not order:
            return None
        self.tag(f"window {name}")
        if name in ("lag", "lead"):
            more = [] if self.chance(0.4) else [f", {self.one('1', '2', '0')}"]
            if more and self.chance(0.5):
                default = a if self.chance(0.3) else self.literal(t)
                if default.duck != a.duck and "lit" != default.duck or t == "dec":
                    return None
                more += [", ", default]
                self.tag("lag/lead default")
            return self.over(a.like(f"{name}(", a, *more, ")"), sc, order)
        nth = f", {self.one('1', '2', '3')}" if name == "nth_value" else ""
        ignore = ""
        if self.chance(0.08):
            ignore = " IGNORE NULLS"
            self.tag("IGNORE NULLS")
        frame = self.frame("ROWS") if self.chance(0.5) else ""
        return self.over(a.like(f"{name}(", a, f"{nth}{ignore})"), sc, order, frame)

    def window_aggregate(self, t, sc, rough):
        made = self.aggregate(t, sc, rough)
        text = str(made) if made is not None else ""
        if (
            made is None
            or "string_agg" in text
            or "DISTINCT " in text.split("(")[0] + text[: text.find(")")]
            or "median(" in text
            or "ORDER BY" in text
        ):
            return None
        kind = self.rng.choices(("whole", "default", "ROWS", "unbounded", "RANGE", "GROUPS"), (5, 5, 5, 2, 1.5, 1.5))[0]
        self.tag(f"window aggregate {kind}")
        if kind == "whole":
            return self.over(made, sc, [])
        if kind == "default":
            return self.over(made, sc, self.some_order(sc))
        if kind == "ROWS":
            order = self.total_order(sc)
            return self.over(made, sc, order, self.frame("ROWS")) if order else None
        if kind == "unbounded":
            ends = self.one(
                ("UNBOUNDED PRECEDING", "CURRENT ROW"),
                ("CURRENT ROW", "UNBOUNDED FOLLOWING"),
                ("UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"),
                ("CURRENT ROW", "CURRENT ROW"),
            )
            return self.over(made, sc, self.some_order(sc), f"RANGE BETWEEN {ends[0]} AND {ends[1]}")
        if kind == "GROUPS":
            order = self.some_order(sc)
            return self.over(made, sc, order, self.frame("GROUPS")) if order else None
        return self.window_range(made, sc)

    def window_range(self, made, sc):
        """RANGE with distances: over one number or date."""
        cols = [
            c
            for c in sc.cols
            if c.t in ("int", "date", "dec") and not c.wild and c.duck not in ("u8", "u16", "u32", "u64", "i8", "i128")
        ]
        if not cols:
            return None
        key = self.rng.choice(cols)
        far = {"int": ("1", "2", "5"), "dec": ("1", "2"), "date": ("INTERVAL '1 day'", "INTERVAL '3 days'")}[key.t]
        ends = self.one(
            (f"{self.one(*far)} PRECEDING", "CURRENT ROW"),
            (f"{self.one(*far)} PRECEDING", f"{self.one(*far)} FOLLOWING"),
            ("UNBOUNDED PRECEDING", f"{self.one(*far)} FOLLOWING"),
            ("CURRENT ROW", f"{self.one(*far)} FOLLOWING"),
        )
        return self.over(made, sc, [key], f"RANGE BETWEEN {ends[0]} AND {ends[1]}")

    def frame(self, unit):
        """A frame whose start is not behind its end."""
        ends = [
            "UNBOUNDED PRECEDING",
            "2 PRECEDING",
            "1 PRECEDING",
            "CURRENT ROW",
            "1 FOLLOWING",
            "2 FOLLOWING",
            "UNBOUNDED FOLLOWING",
        ]
        a, b = sorted((self.rng.randint(0, 5), self.rng.randint(1, 6)))
        if self.chance(0.1) and a <= 3:
            return f"{unit} {ends[a]}"
        return f"{unit} BETWEEN {ends[a]} AND {ends[b]}"
