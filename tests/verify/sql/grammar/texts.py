"""Expressions of text, dates and timestamps.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import q


class Texts:
    def options_text(self):
        return [
            (1.5, self.text_case),
            (1.5, self.text_part),
            (1, self.text_trim),
            (1, self.text_replace),
            (2, self.text_concat),
            (0.8, self.text_pad),
            (0.8, self.text_misc),
            (0.8, self.text_regexp),
            (1, self.text_cast),
        ]

    def text(self, name, *parts):
        self.tag(name)
        return E("text", *parts)

    def text_case(self, sc, d, rough, tame):
        name = self.one("lower", "upper")
        return self.text(name, f"{name}(", self.expr("text", sc, d), ")")

    def text_part(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        name = self.one("substr", "substring", "left", "right", "split_part", "substring from")
        n, m = self.one("1", "2", "3"), self.one("0", "1", "2", "5")
        if name == "split_part":
            return self.text(name, "split_part(", a, f", ',', {self.one('1', '2', '3')})")
        if name in ("left", "right"):
            return self.text(name, f"{name}(", a, f", {self.one('0', '1', '2', '-1')})")
        if name == "substring from":
            return self.text(name, "substring(", a, f" FROM {n} FOR {m})")
        return self.text(name, f"{name}(", a, f", {n}", f", {m})" if self.chance(0.6) else ")")

    def text_trim(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        if self.chance(0.4):
            a = E("text", "('  ' || ", a, " || ' ')")
        name = self.one("trim", "ltrim", "rtrim", "trim from")
        if name == "trim from":
            return self.text(name, f"trim({self.one('BOTH', 'LEADING', 'TRAILING')} 'a' FROM ", a, ")")
        return self.text(name, f"{name}(", a, ")")

    def text_replace(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        if self.chance(0.25):
            return self.text("translate", "translate(", a, ", 'abx', 'xy')")
        return self.text(
            "replace",
            "replace(",
            a,
            f", {self.one(q('a'), q('ab'), q(','), q('é'), q(''))}, {self.one(q(''), q('z'), q('aa'))})",
        )

    def text_concat(self, sc, d, rough, tame):
        a, b = self.expr("text", sc, d), self.expr("text", sc, min(d, 1))
        name = self.one("||", "||", "concat", "concat_ws")
        if name == "||":
            return self.text(name, "(", a, " || ", b, ")")
        return self.text(name, f"{name}(", "'-', " if name == "concat_ws" else "", a, ", ", b, ")")

    def text_pad(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        name = self.one("lpad", "rpad", "repeat")
        if name == "repeat":
            return self.text(name, "repeat(", a, f", {self.one('0', '2', '3')})")
        return self.text(name, f"{name}(", a, f", {self.one('0', '2', '5')}, {self.one(q('x'), q('xy'), q('é'))})")

    def text_misc(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        name = self.one("reverse", "md5", "reverse")
        return self.text(name, f"{name}(", a, ")")

    def text_regexp(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        pattern = self.one("a", "[ab]+", "^a", "b$", ".", "a|é", "x?y", r"(a)(b)?")
        to = r"<\1>" if pattern.startswith("(") else self.one("", "Z", "--")
        return self.text("regexp_replace", "regexp_replace(", a, f", {q(pattern)}, {q(to)}", self.one("", ", 'g'"), ")")

    def text_cast(self, sc, d, rough, tame):
        t = self.family(sc, "int", "int", "dec", "date", "bool")
        a = self.column(t, sc) if t == "dec" else self.expr(t, sc, min(d, 1), rough, tame)
        pointed = a and "m_d38" in str(a)  # differences.NOT_GENERATED
        return None if a is None or pointed else self.text(f"cast {t} to text", "CAST(", a, " AS VARCHAR)")

    # Dates and timestamps

    def options_date(self):
        return [
            (2, self.date_shift),
            (1, self.date_from_ts),
            (1, self.date_floor),
            (0.4, self.date_plus_int),
            (0.3, self.make_date),
        ]

    def options_ts(self):
        return [(2, self.ts_shift), (1.5, self.ts_floor), (1, self.ts_from_date), (0.4, self.ts_from_tsz)]

    def options_tsz(self):
        return []

    def interval(self, hours):
        unit = self.one("day", "day", "month", "year", *(("hour", "minute") if hours else ()))
        n = self.one(1, 2, 3, 11, 30) if unit != "year" else self.one(1, 4)
        self.tag(f"interval {unit}")
        return self.one(f"INTERVAL '{n}' {unit.upper()}", f"INTERVAL '{n} {unit}s'")

    def date_shift(self, sc, d, rough, tame):
        a = self.expr("date", sc, d, tame=not self.chance(0.05))
        return E("date", "CAST((", a, f"{self.one(' + ', ' - ')}{self.interval(False)}) AS DATE)", wild=a.wild)

    def date_from_ts(self, sc, d, rough, tame):
        self.tag("cast timestamp to date")
        a = self.expr("ts", sc, d, tame=tame)
        return E("date", "CAST(", a, " AS DATE)", wild=a.wild)

    def date_floor(self, sc, d, rough, tame):
        unit = self.one("year", "quarter", "month", "week", "day")
        self.tag(f"date_trunc {unit}")
        a = self.expr("date", sc, d, tame=tame)
        return E("date", f"CAST(date_trunc('{unit}', ", a, ") AS DATE)", wild=a.wild)

    def date_plus_int(self, sc, d, rough, tame):
        self.tag("date + int")
        return E("date", "(", self.expr("date", sc, d, tame=True), f"{self.one(' + ', ' - ')}{self.one('1', '30')})")

    def make_date(self, sc, d, rough, tame):
        self.tag("make_date")
        a = self.column("int", sc, tame=True)
        if a is None or a.duck[0] == "u" or a.bound >= 2**31:
            return None
        return E("date", "make_date(2024, CAST(abs(", a, " % 12) + 1 AS INTEGER), 28)")

    def ts_shift(self, sc, d, rough, tame):
        a = self.expr("ts", sc, d, tame=not self.chance(0.05))
        return E("ts", "(", a, f"{self.one(' + ', ' - ')}{self.interval(True)})", wild=a.wild)

    def ts_floor(self, sc, d, rough, tame):
        unit = self.one("year", "quarter", "month", "week", "day", "hour", "minute", "second")
        self.tag(f"date_trunc {unit}")
        a = self.expr("ts", sc, d, tame=tame)
        return E("ts", f"date_trunc('{unit}', ", a, ")", wild=a.wild)

    def ts_from_date(self, sc, d, rough, tame):
        self.tag("cast date to timestamp")
        a = self.expr("date", sc, d, tame=tame)
        return E("ts", "CAST(", a, " AS TIMESTAMP)", wild=a.wild)

    def ts_from_tsz(self, sc, d, rough, tame):
        """In UTC, which the session is."""
        a = self.column("tsz", sc)
        self.tag("cast timestamptz to timestamp")
        return a and E("ts", "CAST(", a, " AS TIMESTAMP)")
