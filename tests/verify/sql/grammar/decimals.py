"""Decimal and float expressions. Decimals keep track of their precision and scale as DuckDB has them; floats of how
exact they are.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import INT_DIGITS, digits_of


class Decimals:
    def options_dec(self):
        return [
            (4, self.dec_sum),
            (2.5, self.dec_product),
            (0.4, self.dec_modulo),
            (0.5, self.dec_unary),
            (1.5, self.dec_round),
            (1, self.dec_cast),
            (0.8, self.dec_from_int),
            (0.4, self.dec_from_float),
        ]

    def number_pair(self, sc, d, rough, tame):
        """Two decimals, or a decimal and an integer; as decimals."""
        tame = tame or self.chance(0.93)
        a = self.expr("dec", sc, d, rough, tame)
        b = self.expr("dec", sc, d, rough, tame) if self.chance(0.7) else self.expr("int", sc, min(d, 1), rough, tame)
        if b.t == "int":
            if b.duck == "i128":
                return None
            self.tag("decimal with int")
        return (a, b) if self.chance(0.7) else (b, a)

    @staticmethod
    def shape(e):
        return (e.p, e.s) if e.t == "dec" else (INT_DIGITS[e.duck], 0)

    def dec_sum(self, sc, d, rough, tame):
        pair = self.number_pair(sc, d, rough, tame)
        if not pair:
            return None
        a, b = pair
        (pa, sa), (pb, sb) = self.shape(a), self.shape(b)
        s = max(sa, sb)
        p = max(pa - sa, pb - sb) + s + 1
        bound = a.bound + b.bound
        if digits_of(bound) + s > 38 and not self.chance(0.1) or max(pa - sa, pb - sb) + s > 38 and (a.wild or b.wild):
            return None
        self.tag("decimal +-")
        return E(
            "dec",
            "(",
            self.open(a, sc),
            self.one(" + ", " - "),
            self.open(b, sc),
            ")",
            bound=bound,
            p=min(p, 38),
            s=s,
            wild=a.wild or b.wild,
        )

    def dec_product(self, sc, d, rough, tame):
        pair = self.number_pair(sc, d, rough, tame)
        if not pair:
            return None
        a, b = pair
        (pa, sa), (pb, sb) = self.shape(a), self.shape(b)
        s, bound = sa + sb, a.bound * b.bound
        if s > 20 or digits_of(bound) + s > 38 and not self.chance(0.1):
            return None
        self.tag("decimal *")
        return E(
            "dec",
            "(",
            self.open(a, sc),
            " * ",
            self.open(b, sc),
            ")",
            bound=bound,
            p=min(pa + pb, 38),
            s=s,
            wild=a.wild or b.wild,
        )

    def dec_modulo(self, sc, d, rough, tame):
        a = self.expr("dec", sc, d, rough, True)
        self.tag("decimal %")
        b = self.one("0.7", "2", "1.25")
        return E("dec", "(", a, f" % {b})", bound=min(a.bound, 3), p=a.p, s=max(a.s, 2))

    def dec_unary(self, sc, d, rough, tame):
        a = self.expr("dec", sc, d, rough, tame)
        name = self.one("(-", "abs(")
        self.tag("decimal negation" if name == "(-" else "abs")
        return a.like(name, a, ")")

    def dec_round(self, sc, d, rough, tame):
        a = self.expr("dec", sc, d, rough, True)
        name = self.one("round", "round", "floor", "ceil", "trunc")
        n = self.rng.randint(0, max(0, a.s - 1)) if name == "round" and self.chance(0.8) else None
        self.tag(f"{name} decimal")
        return E(
            "dec", f"{name}(", a, f", {n})" if n is not None else ")", bound=a.bound + 1, p=min(38, a.p + 1), s=n or 0
        )

    def dec_cast(self, sc, d, rough, tame):
        a = self.expr("dec", sc, d, rough, tame)
        s = self.one(0, 1, 2, 3, 5)
        attempt = a.wild or digits_of(a.bound) + s > 20
        self.tag("try_cast decimal" if attempt else "cast decimal")
        p = max(min(38, digits_of(a.bound) + s + 1), s + 1) if not attempt else 18
        return E("dec", "TRY_" if attempt else "", "CAST(", a, f" AS DECIMAL({p},{s}))", bound=a.bound + 1, p=p, s=s)

    def dec_from_int(self, sc, d, rough, tame):
        a = self.expr("int", sc, d, rough, True)
        self.tag("cast int to decimal")
        s = self.one(0, 2, 4)
        if a.bound >= 10**14:
            return None
        return E("dec", "CAST(", a, f" AS DECIMAL(18,{s}))", bound=a.bound, p=18, s=s)

    def dec_from_float(self, sc, d, rough, tame):
        a = self.expr("float", sc, 0, 0, True)
        if a.bound is None or a.bound > 10**8:
            return None
        self.tag("cast float to decimal")
        return E("dec", "CAST(", a, " AS DECIMAL(18,2))", bound=int(a.bound) + 1, p=18, s=2)

    # Floats

    def options_float(self):
        return [
            (2.5, self.float_arithmetic),
            (2.5, self.division),
            (1, self.float_cast),
            (1.5, self.float_round),
            (0.6, self.float_unary),
            (2, self.float_rough),
        ]

    def double(self, e):
        return e if e.duck == "f64" else e.like("CAST(", e, " AS DOUBLE)", duck="f64")

    def float_arithmetic(self, sc, d, rough, tame):
        tame = tame or self.chance(0.9)
        a = self.double(self.expr("float", sc, d, rough, tame))
        b = self.double(self.expr("float", sc, d, rough, tame))
        op = self.one("+", "-", "*")
        known = None not in (a.bound, b.bound)
        bound = (a.bound * b.bound if op == "*" else a.bound + b.bound) if known else None
        wild = a.wild or b.wild
        level = max(a.rough, b.rough, 1 if wild or not known or bound > 10**6 else 0)
        if level > rough:
            return None
        self.tag(f"float {op}")
        return E(
            "float",
            "(",
            self.open(a, sc),
            f" {op} ",
            self.open(b, sc),
            ")",
            bound=bound,
            duck="f64",
            rough=level,
            wild=wild,
        )

    def division(self, sc, d, rough, tame):
        """Division of integers, decimals or floats is in doubles; by zero mostly avoided, for floats always."""
        if rough < 1:
            return None
        t = self.family(sc, "int", "dec", "float")
        a, b = self.expr(t, sc, d, min(rough, 1), True), self.expr(t, sc, min(d, 1), min(rough, 1), True)
        if t == "int" and ("u64" in (a.duck, b.duck) or max(a.bound, b.bound) >= 2**53):
            return None
        if t == "float":
            a, b = self.double(a), self.double(b)
        if a.bound is None or t == "dec" and max(digits_of(a.bound) + a.s, digits_of(b.bound) + b.s) > 15:
            return None
        if t == "float" or not self.chance(0.15):
            b = b.like("nullif(", b, ", 0)")
        else:
            self.tag("division by zero")
        self.tag(f"{t} /")
        return E("float", "(", a, " / ", b, ")", bound=None, duck="f64", rough=1, wild=True)

    def float_cast(self, sc, d, rough, tame):
        t = self.family(sc, "int", "dec")
        a = self.expr(t, sc, d, rough, True)
        if t == "dec" and (rough < 1 or digits_of(a.bound) + a.s > 15) or a.bound >= 2**53:
            return None
        self.tag(f"cast {t} to float")
        return E(
            "float",
            "CAST(",
            a,
            " AS DOUBLE)",
            bound=a.bound,
            duck="f64",
            rough=1 if t == "dec" or a.bound > 10**6 else 0,
        )

    def float_round(self, sc, d, rough, tame):
        if rough < 1:
            return None
        a = self.double(self.expr("float", sc, d, min(rough, 1), True))
        name = self.one("round", "round", "floor", "ceil", "trunc")
        n = self.one("", ", 1", ", 2", ", 0") if name == "round" else ""
        if n and (a.bound is None or a.bound > 10**6 or a.rough):
            return None
        self.tag(f"{name} float")
        return E("float", f"{name}(", a, f"{n})", bound=a.bound and a.bound + 1, duck="f64", rough=max(a.rough, 1))

    def float_unary(self, sc, d, rough, tame):
        a = self.double(self.expr("float", sc, d, rough, tame))
        name = self.one("(-", "abs(", "sqrt(abs(")
        if name == "sqrt(abs(" and rough < 1:
            return None
        self.tag({"(-": "float negation", "sqrt(abs(": "sqrt"}.get(name, "abs"))
        if name == "sqrt(abs(":
            return E("float", name, a, "))", bound=a.bound, duck="f64", rough=max(1, a.rough), wild=a.wild)
        return a.like(name, a, ")")

    def float_rough(self, sc, d, rough, tame):
        if rough < 2:
            return None
        a = self.double(self.expr("float", sc, d, 1, True))
        name = self.one("ln", "log10", "exp", "power", "log2")
        self.tag(name)
        parts = {"exp": ("exp(least(", a, ", 5e0))"), "power": ("power(", a, f", {self.one('2', '3', '0.5e0')})")}.get(
            name
        )
        return E("float", *(parts or (f"{name}(abs(", a, ") + 1e0)")), bound=None, duck="f64", rough=2)
