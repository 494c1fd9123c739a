//! The table of all items as compact JSON, which the page's script shows a hundred rows at a time: a column is text of
//! numbers to the base of 64, each as wide as its largest. A column whose numbers are all the same is that number.

use crate::model::{Attempt, Report};
use crate::words::{count, number};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows that the page holds; the report's JSON holds all.
const ROWS: usize = 10_000;
/// Characters of labels that the page holds.
const LABELS: usize = 40_000;
/// Runs of consecutive items beyond which each item has its number.
const SPANS: usize = 500;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

#[derive(Serialize)]
pub struct Items {
    pub json: String,
    /// `10,000 of 40,000 items`; empty where there are none.
    pub title: String,
}

/// An item by the attempt that decided it.
pub struct Row<'a> {
    step: usize,
    pub attempt: &'a Attempt,
    attempts: u64,
}

/// Every item of which an attempt is on record, in order.
pub fn rows(report: &Report) -> Vec<Row<'_>> {
    let steps: BTreeMap<&str, usize> = report.steps.iter().enumerate().map(|(at, s)| (s.step.as_str(), at)).collect();
    let mut all: BTreeMap<(usize, u32), Row<'_>> = BTreeMap::new();
    for attempt in &report.attempts {
        let step = steps.get(attempt.step.as_str()).copied().unwrap_or(usize::MAX);
        let row = all.entry((step, attempt.item)).or_insert(Row { step, attempt, attempts: 0 });
        row.attempts += 1;
        if row.attempt.status != "committed" {
            row.attempt = attempt;
        }
    }
    all.into_values().collect()
}

pub fn of(report: &Report) -> Items {
    let mut chosen = rows(report);
    let all = chosen.len();
    if all > ROWS {
        chosen.sort_by_key(|row| (row.attempt.status == "committed", std::cmp::Reverse(row.attempt.run_ms)));
        chosen.truncate(ROWS);
        chosen.sort_by_key(|row| (row.step, row.attempt.item));
    }
    let mut statuses: Vec<&str> = vec!["committed"];
    for row in &chosen {
        if !statuses.contains(&row.attempt.status.as_str()) {
            statuses.push(&row.attempt.status);
        }
    }
    let status = |row: &Row<'_>| statuses.iter().position(|s| *s == row.attempt.status).unwrap_or(0) as u64;
    let column = |value: &dyn Fn(&Row<'_>) -> u64| column(chosen.iter().map(value).collect());
    let mut columns = json!({
        "status": column(&status),
        "attempts": column(&|row| row.attempts),
        "took": column(&|row| row.attempt.run_ms.div_ceil(100)),
        "peak": column(&|row| row.attempt.peak_bytes.div_ceil(1 << 20)),
        "rows_in": column(&|row| row.attempt.rows.raw),
        "rejected": column(&|row| row.attempt.rows.rejected),
        "rows_out": column(&|row| row.attempt.rows.written),
    });
    let spans = spans(&chosen);
    if spans.is_none() {
        columns["step"] = column(&|row| row.step as u64);
        columns["item"] = column(&|row| row.attempt.item.into());
    }
    let value = json!({
        "n": chosen.len(),
        "steps": report.steps.iter().map(|step| &step.step).collect::<Vec<_>>(),
        "statuses": statuses,
        "spans": spans,
        "columns": columns,
        "labels": labels(&chosen),
    });
    Items { json: in_script(&value), title: title(chosen.len() as u64, all as u64) }
}

fn title(shown: u64, all: u64) -> String {
    match all {
        0 => String::new(),
        all if shown < all => {
            format!("{} of {}: those that failed, and the slowest", number(shown), count(all, "item"))
        }
        all => count(all, "item"),
    }
}

/// A column as `{"width": 2, "data": "…"}`, or `{"same": 7}`.
fn column(values: Vec<u64>) -> Value {
    let most = values.iter().copied().max().unwrap_or_default();
    if values.iter().all(|value| *value == most) {
        return json!({"same": most});
    }
    let width = (1..=11).find(|width| *width == 11 || most < 1_u64 << (6 * width)).unwrap_or(11_usize);
    let mut data = String::with_capacity(values.len() * width);
    for value in values {
        let digit = |at: usize| char::from(DIGITS[(value >> (6 * at) & 63) as usize]);
        data.extend((0..width).rev().map(digit));
    }
    json!({"width": width, "data": data})
}

/// Consecutive items as `[step, first, how many]`.
fn spans(rows: &[Row<'_>]) -> Option<Vec<[u64; 3]>> {
    let mut spans: Vec<[u64; 3]> = Vec::new();
    for row in rows {
        let (step, item) = (row.step as u64, u64::from(row.attempt.item));
        match spans.last_mut() {
            Some([of, first, n]) if *of == step && *first + *n == item => *n += 1,
            _ => spans.push([step, item, 1]),
        }
    }
    (spans.len() <= SPANS).then_some(spans)
}

/// What items read, without what all names have in common; nothing of very many.
fn labels(rows: &[Row<'_>]) -> Option<Value> {
    let all: Vec<&str> = rows.iter().map(|row| row.attempt.label.as_str()).collect();
    let first = *all.first()?;
    let common = |mut a: std::str::Chars<'_>, mut b: std::str::Chars<'_>| {
        let mut n = 0;
        while let (Some(x), Some(y)) = (a.next(), b.next()) {
            if x != y {
                break;
            }
            n += x.len_utf8();
        }
        n
    };
    let prefix = all.iter().map(|label| common(label.chars(), first.chars())).min().unwrap_or(0);
    let middles: Vec<&str> = all.iter().map(|label| &label[prefix..]).collect();
    let length: usize = middles.iter().map(|middle| middle.len() + 3).sum();
    (length <= LABELS).then(|| json!({"prefix": &first[..prefix], "rest": middles}))
}

/// JSON that cannot end the script that it stands in.
fn in_script(value: &Value) -> String {
    let text = value.to_string();
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_largest() {
        assert_eq!(column(vec![7, 7]), json!({"same": 7}));
        assert_eq!(column(vec![0, 63]), json!({"width": 1, "data": "0_"}));
        assert_eq!(column(vec![1, 64]), json!({"width": 2, "data": "0110"}));
        assert_eq!(column(vec![0, u64::MAX]), json!({"width": 11, "data": "00000000000F__________"}));
    }

    #[test]
    fn a_name_cannot_end_the_script() {
        let text = in_script(&json!(["</script><script>alert(1)</script>", "<!--", "a & b"]));
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let back: Vec<String> = serde_json::from_str(&text).expect("JSON still");
        assert_eq!(back[0], "</script><script>alert(1)</script>");
    }
}
