"""The differences from DuckDB that are known and wanted, each with its reason; all tools of this folder read them here.
A difference that is in none of these lists is an error of the product or of the generator. Nothing to run.
"""

import re

# A query that fails in the product and not in DuckDB: (pattern of our message, reason).
OURS_FAILS = [
    (
        r"(?i)overflow|the sum .* does not fit int64",
        "SUM of integers is int64 and its overflow an error, where DuckDB gives hugeint; intermediate results "
        "of integers and decimals are checked, also where DuckDB evaluates fewer rows or wider",
    ),
    (
        r"(?i)(exceeds|past|out of).*(precision|digits|range)|too large to store in a Decimal",
        "a decimal past 38 digits is an error; DuckDB's precision of an intermediate result can be wider",
    ),
    (
        r"(?i)division by zero|divide by zero|divided by zero",
        "`%` by zero is an error in both; which rows it is evaluated for is not laid down",
    ),
]

# A query that fails in DuckDB and not in the product: (pattern of DuckDB's message, reason).
THEIRS_FAILS = [
    (
        r"Overflow in (addition|subtraction|multiplication) of U?INT(8|16|32)\b|Overflow in negation",
        "integers are computed in 64 bits where DuckDB keeps int8, int16, int32 and the unsigned ones",
    ),
    (
        r"Cannot (negate|take the absolute value)|Overflow on abs",
        "integers are computed in 64 bits, so the least int8, int16 and int32 can be negated",
    ),
    (r"(?i)division by zero", "`%` by zero is an error in both; which rows it is evaluated for is not laid down"),
    (r"of INT64\b", "the overflow of int64 is an error in both; which rows it is evaluated for is not laid down"),
    (
        r"DECIMAL\(\d+,\s*\d+\).*out of range|Casting .* to (type )?DECIMAL.* failed|Overflow in .* of DECIMAL|Needed scale",
        "decimals follow the precision rules of the planner; DuckDB casts both operands to a common decimal first",
    ),
]

# A query that fails in DuckDB and must fail in the product too if it is so plain that every row is evaluated (`plain`
# below), for an answer would be a wrong one: (pattern of DuckDB's message, what is wrong with an answer).
MUST_FAIL = [
    (
        r"Overflow in (addition|subtraction|multiplication) of INT64\b",
        "int64 overflows here, so the answer has wrapped",
    ),
]

# Kinds of a column that may differ, compared by value: {(DuckDB's kind, ours): reason}. Pairs of numbers (integer,
# decimal, float) are always compared by value and counted in the summary.
KINDS = {}

# Decimals of 38 digits on both sides with more of them behind the point in ours are compared as DuckDB has them.
WIDE_DECIMALS = (
    "UNION, CASE and COALESCE of decimals that together need more than 38 digits keep the larger scale, and what does not "
    "fit is an error; DuckDB keeps the digits before the point and rounds the others away"
)

# What the generator leaves out, for both answers have a reason.
NOT_GENERATED = [
    "decimals without digits before the point as text: `.5` in DuckDB, `0.5` here",
    "date + interval without a cast: a timestamp in DuckDB, a date in the planner (CAST(... AS DATE) is generated)",
    "upper/lower of ß and İ",
    "text with blanks or a fraction cast to an integer",
    "a sum of floats whose result depends on the order of the rows",
    "which of 0.0 and -0.0 stands for both in a group",
    "decimals of unlike scale in CASE, COALESCE, UNION and the like whose common type has more than 38 digits: DuckDB cuts "
    "decimal places (a SUM has 38 digits; with a literal of more places it is rounded)",
    "unary minus before an unsigned integer, arithmetic of uint64",
]


CHOOSES = r"(?i)\b(where|on|join|having|case|filter|limit|offset|coalesce|and|or|in|over|with|qualify|distinct|union|except|intersect)\b"


def plain(sql):
    """Whether nothing in a query chooses among rows or values: one SELECT over one table."""
    return not re.search(CHOOSES, sql) and sql.upper().count("SELECT ") == 1 and ", LATERAL" not in sql


def reason(patterns, message):
    """The reason why a failure with this message is allowed, or None."""
    return next((why for pattern, why in patterns if re.search(pattern, message, re.S)), None)
