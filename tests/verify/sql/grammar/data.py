"""Random tables for fuzz.py: four tables of 0 to 200 rows with a key `id`, a join key `k` and a choice of columns of all
types: ties, nulls, empty texts, unicode, numbers, dates and decimals at the limits of their types.
Used by fuzz.py; nothing to run.
"""

import datetime

SIZES = (0, 1, 2, 3, 5, 8, 12, 20, 40, 200)
SIZE_WEIGHTS = (4, 3, 4, 5, 12, 22, 24, 18, 8, 1)

COMMON = ("a", "b", "ab", "x", "y")
TEXTS = (
    "",
    "a",
    "b",
    "ab",
    "abc",
    "A",
    "Ab",
    "b a",
    "x,y",
    "a,b,c",
    "é",
    "日本",
    "😀x",
    "%",
    "a_b",
    "100%",
    "it's",
    "abab",
    "aab ",
    " a ",
)
NUMERIC = ("0", "1", "-2", "10", "007", "abc", "", "12345678901", "9223372036854775807")
DAY = datetime.date(2024, 2, 26)
MOMENT = datetime.datetime(2024, 2, 28, 23, 0)
FAR_DAYS = (
    "0001-01-01",
    "0001-12-31",
    "1582-10-15",
    "1899-12-31",
    "1969-12-31",
    "1970-01-01",
    "2000-02-29",
    "9999-12-31",
)
FAR_MOMENTS = (
    "0001-01-01 00:00:00",
    "1677-09-21 00:12:43",
    "1969-12-31 23:59:59.999999",
    "1970-01-01 00:00:00",
    "2262-04-12 00:00:00",
    "9999-12-31 23:59:59.999999",
)


def digits(rng, p, s, small):
    """A decimal of at most `small` digits before the point; often one that rounding finds halfway."""
    whole = rng.randrange(10 ** min(small, p - s)) if p > s else 0
    part = f"{rng.randrange(10**s):0{s}d}" if s else ""
    if s and rng.random() < 0.4:
        part = (part[: rng.randrange(s)] + "5").ljust(s, "0")
    text = f"{whole}.{part}" if s else str(whole)
    return rng.choice(("", "", "-")) + text


def limit(rng, p, s):
    text = "9" * (p - s) + ("." + "9" * s if s else "")
    return rng.choice((text, "-" + text, "0" + ("." + "0" * s if s else ""), digits(rng, p, s, 3)))


def moment(rng):
    step = rng.choice((datetime.timedelta(hours=1), datetime.timedelta(minutes=7, microseconds=250000)))
    return str(MOMENT + step * rng.randrange(8))


# name: (type, a value, largest absolute value or None, wild)
POOL = {
    "i8": ("int8", lambda r: r.randint(-9, 9), 9, False),
    "i16": ("int16", lambda r: r.randint(-99, 99), 99, False),
    "i32": ("int32", lambda r: r.randint(-20, 20), 20, False),
    "i64": ("int64", lambda r: r.choice((0, 1, 2, 3, 1000, -1000, 123456789)), 123456789, False),
    "m8": ("int8", lambda r: r.choice((-128, 127, 0, 1, -1)), 128, True),
    "m16": ("int16", lambda r: r.choice((-32768, 32767, 0, 5)), 32768, True),
    "m32": ("int32", lambda r: r.choice((-(2**31), 2**31 - 1, 0, 7, 1 << 16)), 2**31, True),
    "m64": ("int64", lambda r: r.choice((-(2**63), 2**63 - 1, 0, 1, -1, 2**53 + 1, 5)), 2**63, True),
    "u8": ("uint8", lambda r: r.choice((0, 1, 2, 200, 255)), 255, False),
    "u16": ("uint16", lambda r: r.choice((0, 3, 65535)), 65535, False),
    "u32": ("uint32", lambda r: r.choice((0, 1, 5, 2**32 - 1)), 2**32, False),
    "u64": ("uint64", lambda r: r.choice((0, 1, 2**63, 2**64 - 1)), 2**64, True),
    "f32": ("float32", lambda r: r.randint(-40, 40) / 4, 10, False),
    "f64": ("float64", lambda r: r.choice((0.0, 1.5, 2.5, -0.5, 0.125, 100.25, -3.0)), 101, False),
    "m_f": (
        "float64",
        lambda r: r.choice(("nan", "inf", "-inf", "-0.0", 0.0, 1.7976931348623157e308, 5e-324, 1.5)),
        None,
        True,
    ),
    "m_f32": ("float32", lambda r: r.choice(("nan", "inf", "-0.0", 0.5, 16777216.0)), None, True),
    "d1": ("decimal(4,1)", lambda r: digits(r, 4, 1, 2), 100, False),
    "d2": ("decimal(10,2)", lambda r: digits(r, 10, 2, 5), 10**5, False),
    "d4": ("decimal(12,4)", lambda r: digits(r, 12, 4, 1), 10, False),
    "d6": ("decimal(18,6)", lambda r: digits(r, 18, 6, 6), 10**6, False),
    "d0": ("decimal(20,0)", lambda r: digits(r, 20, 0, 2), 100, False),
    "m_d0": ("decimal(38,0)", lambda r: limit(r, 38, 0), 10**38, True),
    "m_d10": ("decimal(38,10)", lambda r: limit(r, 38, 10), 10**28, True),
    "m_d38": ("decimal(38,38)", lambda r: limit(r, 38, 38), 1, True),
    "s": ("string", lambda r: r.choice(COMMON if r.random() < 0.6 else TEXTS), None, False),
    "s2": ("string", lambda r: r.choice(("x", "y", "z")), None, False),
    "num": ("string", lambda r: r.choice(NUMERIC), None, False),
    "dt": ("date", lambda r: str(DAY + datetime.timedelta(days=r.randrange(9))), None, False),
    "m_dt": ("date", lambda r: r.choice(FAR_DAYS), None, True),
    "ts": ("timestamp", moment, None, False),
    "m_ts": ("timestamp", lambda r: r.choice(FAR_MOMENTS), None, True),
    "tz": ("timestamp_utc", lambda r: moment(r) + "+00", None, False),
    "b": ("bool", lambda r: r.random() < 0.5, None, False),
}
OFTEN = ("i32", "i64", "d2", "d4", "s", "s2", "dt", "b", "f64", "ts")


def column(rng, count, make, nulls):
    """Values, of which some repeat the one before so that there are ties."""
    values = []
    for _ in range(count):
        values.append(None if rng.random() < nulls else values[-1] if values and rng.random() < 0.25 else make(rng))
    return values


def table(rng, letter):
    count = rng.choices(SIZES, SIZE_WEIGHTS)[0]
    names = set(rng.sample(OFTEN, rng.randint(2, 4))) | set(rng.sample(sorted(POOL), rng.randint(3, 6)))
    ids = rng.sample(range(-3, count + 5), count)
    columns = [["id", rng.choice(("int32", "int64"))], ["k", rng.choice(("int16", "int32", "int64"))]]
    values = [ids, column(rng, count, lambda r: r.randint(0, 6), rng.choice((0, 0.1, 0.3)))]
    for name in sorted(names):
        columns.append([f"{letter}_{name}", POOL[name][0]])
        values.append(column(rng, count, POOL[name][1], rng.choice((0, 0.1, 0.1, 0.3, 0.9))))
    return {"columns": columns, "rows": [list(row) for row in zip(*values)] if count else []}


def tables(rng):
    return {f"t{i}": table(rng, letter) for i, letter in enumerate("abcd"[: rng.randint(3, 4)], 1)}
