"""Integer expressions. DuckDB computes int8 to int32 in their own types: operands are cast to BIGINT where the result
would not fit, mostly.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import INT_LIMIT, INT_NAME, unify


class Integers:
    def options_int(self):
        return [
            (5, self.int_arithmetic),
            (0.8, self.int_modulo),
            (0.6, self.int_unary),
            (1, self.text_to_int),
            (0.6, self.int_from_dec),
            (0.5, self.int_from_float),
            (0.4, self.int_from_bool),
            (0.6, self.int_try_cast),
            (1.3, self.date_part),
            (0.3, self.int_round),
            (0.5, self.int_cast),
            (0.4, self.date_difference),
            (0.3, self.int_bits),
            (1, self.int_at_limit),
        ]

    def wide(self, e):
        """As BIGINT."""
        if e.duck in ("i64", "i128"):
            return e
        return e.like("CAST(", e, " AS BIGINT)", duck="i64") if e.duck != "lit" else e

    def int_pair(self, sc, d, rough, tame):
        tame = tame or self.chance(0.82)
        a, b = self.expr("int", sc, d, rough, tame), self.expr("int", sc, d, rough, tame)
        return None if "u64" in (a.duck, b.duck) else (a, b)

    def fits(self, a, b, bound):
        """Operands whose result is within DuckDB's type, by casting them to BIGINT where it is not; mostly."""
        known = unify([a, b])
        unsigned = "u" in (a.duck[0], b.duck[0])
        if (unsigned or bound >= INT_LIMIT[known["duck"]]) and not self.chance(0.08):
            a, b = self.wide(a), self.wide(b)
            known = unify([a, b])
        if bound >= 2**62 and not self.chance(0.35):
            return None
        if bound >= INT_LIMIT[known["duck"]]:
            self.tag("integer overflow")
        return a, b, "i64" if known["duck"] == "lit" and bound >= 2**31 else known["duck"]

    def int_arithmetic(self, sc, d, rough, tame):
        pair = self.int_pair(sc, d, rough, tame)
        op = self.one("+", "-", "*")
        if not pair:
            return None
        bound = pair[0].bound * pair[1].bound if op == "*" else pair[0].bound + pair[1].bound
        made = self.fits(*pair, bound)
        if not made:
            return None
        a, b, duck = made
        self.tag(f"int {op}")
        return E(
            "int",
            "(",
            self.open(a, sc),
            f" {op} ",
            self.open(b, sc),
            ")",
            bound=bound,
            duck=duck,
            wild=a.wild or b.wild,
        )

    def int_at_limit(self, sc, d, rough, tame):
        """Arithmetic at the limits of int64: some rows overflow, which must be an error."""
        wild = [c for c in sc.cols if c.t == "int" and c.wild and c.duck == "i64"]
        other = self.column("int", sc, tame=True)
        if tame or not wild or other is None or other.duck[0] == "u":
            return None
        self.tag("int64 at its limits")
        a = self.rng.choice(wild)
        return E("int", "(", a, self.one(" + ", " - ", " * "), other, ")", bound=2**63, duck="i64", wild=True)

    def int_modulo(self, sc, d, rough, tame):
        pair = self.int_pair(sc, d, rough, True)
        if not pair or pair[0].duck[0] != pair[1].duck[0]:
            return None
        a, b = pair
        if not self.chance(0.05):
            b = (
                E("int", self.one("2", "3", "7", "(-3)"), bound=7, duck="lit", col=False)
                if self.chance(0.6)
                else b.like("nullif(", b, ", 0)")
            )
        if a.duck[0] == "u":
            a = self.wide(a)
        self.tag("int %")
        known = unify([a, b])
        bound = max(a.bound, b.bound)
        return E("int", *self.one(("(", a, " % ", b, ")"), ("mod(", a, ", ", b, ")")), bound=bound, duck=known["duck"])

    def int_unary(self, sc, d, rough, tame):
        a = self.expr("int", sc, d, rough, tame or self.chance(0.9))
        if a.duck[0] == "u":
            a = self.wide(a)
        if a.duck == "u64" or a.bound >= INT_LIMIT[a.duck] and not self.chance(0.1):
            return None
        name = self.one("(-", "abs(", "sign(")
        self.tag({"(-": "int negation"}.get(name, name[:-1]))
        bound, duck = (1, "i8") if name == "sign(" else (a.bound, a.duck)
        return E("int", name, a, ")", bound=bound, duck=duck, wild=a.wild)

    def text_to_int(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        name = self.one("length", "length", "char_length", "strpos", "position", "ascii", "bit_length")
        self.tag(name)
        if name in ("strpos", "position"):
            b = self.expr("text", sc, 0)
            parts = ("strpos(", a, ", ", b, ")") if name == "strpos" else ("position(", b, " IN ", a, ")")
            return E("int", *parts, bound=10**4, duck="i64")
        return E("int", f"{name}(", a, ")", bound=10**6, duck="i64" if name != "ascii" else "i32")

    def int_from_dec(self, sc, d, rough, tame):
        a = self.expr("dec", sc, d, rough, True)
        if a.bound >= 2**62:
            return None
        self.tag("cast decimal to int")
        return E("int", "CAST(", a, " AS BIGINT)", bound=a.bound + 1, duck="i64")

    def int_from_float(self, sc, d, rough, tame):
        a = self.expr("float", sc, d, 1, True)
        if a.bound is None or a.bound >= 2**53:
            return None
        self.tag("cast float to int")
        return E("int", "CAST(", a, " AS BIGINT)", bound=int(a.bound) + 1, duck="i64")

    def int_from_bool(self, sc, d, rough, tame):
        self.tag("cast bool to int")
        return E("int", "CAST(", self.bool(sc, d), " AS INTEGER)", bound=1, duck="i32")

    def int_try_cast(self, sc, d, rough, tame):
        a = self.column("text", sc)
        if a is None or not (a.name or "").endswith("num"):
            return None
        name = self.one("i8", "i32", "i64")
        self.tag("try_cast text to int")
        return E("int", "TRY_CAST(", a, f" AS {INT_NAME[name]})", bound=INT_LIMIT[name], duck=name, wild=True)

    def date_part(self, sc, d, rough, tame):
        t = self.family(sc, "date", "ts")
        a = self.expr(t, sc, d)
        field = self.one(
            "year",
            "month",
            "day",
            "quarter",
            "week",
            "dow",
            "doy",
            "isodow",
            *(("hour", "minute", "second") if t == "ts" else ()),
        )
        self.tag(f"extract {field}")
        form = self.one(
            ("extract(", field, " FROM "), ("extract(", field.upper(), " FROM "), ("date_part('", field, "', ")
        )
        return E("int", *form, a, ")", bound=10**4, duck="i64")

    def int_round(self, sc, d, rough, tame):
        a = self.wide(self.expr("int", sc, d, rough, True))
        if a.duck in ("lit", "i128", "u64") or a.bound >= 2**52:
            return None
        self.tag("round int")
        return E("int", "round(", a, f", {self.one('-1', '-2', '0', '1')})", bound=a.bound + 50, duck=a.duck)

    def int_cast(self, sc, d, rough, tame):
        a = self.expr("int", sc, d, rough, tame)
        name = self.one(*INT_NAME)
        attempt = a.bound >= INT_LIMIT[name]
        self.tag("try_cast int" if attempt else "cast int")
        return E(
            "int",
            "TRY_" if attempt else "",
            "CAST(",
            a,
            f" AS {INT_NAME[name]})",
            bound=min(a.bound, INT_LIMIT[name]),
            duck=name,
            wild=a.wild or attempt,
        )

    def date_difference(self, sc, d, rough, tame):
        self.tag("date - date")
        return E(
            "int", "(", self.expr("date", sc, d), " - ", self.expr("date", sc, 0), ")", bound=4 * 10**6, duck="i64"
        )

    def int_bits(self, sc, d, rough, tame):
        a = self.wide(self.expr("int", sc, d, rough, True))
        if a.duck in ("u64", "i128"):
            return None
        self.tag("bits")
        b = E("int", self.one("3", "5", "12"), bound=12, duck="lit", col=False)
        return E(
            "int",
            "(",
            a,
            self.one(" & ", " | "),
            b,
            ")",
            bound=2 * a.bound + 16,
            duck="i64" if a.duck == "lit" else a.duck,
        )
