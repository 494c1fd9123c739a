//! Where a long listing is cut, so that its parts can be listed at once. S3 gives a thousand keys a request, in order,
//! and shows nothing of what follows; the first page shows how keys are written, and names the cuts. Parts cover
//! everything whatever the keys are: a wrong guess costs an empty request.

/// The keys after `after`, up to and with `end`; all that follow if it is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub after: Option<String>,
    pub end: Option<String>,
}

/// Positions of a key at which it is cut, from the first that differs within a page: beyond that parts grow tenfold
/// each.
const POSITIONS: usize = 6;

impl Span {
    pub fn holds(&self, key: &str) -> bool {
        self.end.as_deref().is_none_or(|end| key <= end)
    }

    /// What is left of it after a page from `first` to `last`, as one part.
    pub fn rest(&self, last: &str) -> Span {
        Span { after: Some(last.to_owned()), end: self.end.clone() }
    }

    /// The same in several parts, in order. Keys all begin with the first `fixed` bytes.
    pub fn cut(&self, fixed: usize, first: &str, last: &str) -> Vec<Span> {
        let differs = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        let lowest = fixed.max((differs + 1).saturating_sub(POSITIONS));
        let mut cuts: Vec<String> = Vec::new();
        for at in (lowest..=differs).rev().filter(|at| last.is_char_boundary(*at)) {
            let Some(byte) = last.as_bytes().get(at) else { continue };
            cuts.extend(following(*byte).map(|next| format!("{}{}", &last[..at], char::from(next))));
        }
        let mut after = last.to_owned();
        let mut parts = Vec::with_capacity(cuts.len() + 1);
        for cut in cuts.into_iter().filter(|cut| self.holds(cut)) {
            parts.push(Span { after: Some(after), end: Some(cut.clone()) });
            after = cut;
        }
        parts.push(Span { after: Some(after), end: self.end.clone() });
        parts
    }
}

/// The characters of the same kind that come after one in names that count or spell: digits, or letters of its case.
fn following(byte: u8) -> impl Iterator<Item = u8> {
    let last = match byte {
        b'0'..=b'9' => b'9',
        b'a'..=b'f' => b'f',
        b'g'..=b'z' => b'z',
        b'A'..=b'F' => b'F',
        b'G'..=b'Z' => b'Z',
        _ => byte,
    };
    byte + 1..=last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which part each key falls into; every key has to fall into exactly one.
    fn parts(span: &Span, fixed: usize, page: &[String], rest: &[String]) -> Vec<usize> {
        let (first, last) = (page.first().unwrap(), page.last().unwrap());
        let parts = span.cut(fixed, first, last);
        assert_eq!(parts[0].after.as_ref(), Some(last));
        assert_eq!(parts.last().unwrap().end, span.end);
        for pair in parts.windows(2) {
            assert_eq!(pair[0].end, pair[1].after);
            assert!(pair[0].after < pair[0].end, "{pair:?}");
        }
        let mut sizes = vec![0; parts.len()];
        for key in rest {
            let within = |p: &&Span| p.after.as_ref().is_some_and(|after| key > after) && p.holds(key);
            assert_eq!(parts.iter().filter(within).count(), 1, "{key}");
            sizes[parts.iter().position(|p| within(&p)).unwrap()] += 1;
        }
        sizes
    }

    fn keys(n: u32, name: impl Fn(u32) -> String) -> Vec<String> {
        let mut keys: Vec<String> = (0..n).map(name).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    #[test]
    fn numbered_names_are_cut_into_even_parts() {
        let keys = keys(100_000, |i| format!("in/part-{i:06}.csv"));
        let sizes = parts(&Span::default(), 3, &keys[..1000], &keys[1000..]);
        let busy = sizes.iter().filter(|n| **n > 0).count();
        assert_eq!((sizes.iter().sum::<usize>(), busy), (99_000, 18));
        assert!(sizes.iter().all(|n| *n <= 10_001), "{sizes:?}");
    }

    #[test]
    fn names_of_any_kind_fall_into_exactly_one_part() {
        let awkward = |i: u32| match i % 5 {
            0 => format!("in/{i}"),
            1 => format!("in/é{i}/ü"),
            2 => format!("in/{:x}", i.wrapping_mul(2_654_435_761)),
            3 => format!("in/Zz~{}", char::from_u32(0x4e00 + i % 500).unwrap()),
            _ => format!("in/date=2013-{:02}-{:02}/{i}", i % 12 + 1, i % 28 + 1),
        };
        let keys = keys(3000, awkward);
        for at in [1, 2, 50, 999, 1500, keys.len() - 1] {
            parts(&Span::default(), 3, &keys[at - 1..at], &keys[at..]);
            parts(&Span::default(), 3, &keys[..at], &keys[at..]);
        }
    }

    #[test]
    fn a_part_is_cut_within_its_end() {
        let keys = keys(20_000, |i| format!("p/{i:05}"));
        let span = Span { after: Some("p/0".into()), end: Some("p/1".into()) };
        let sizes = parts(&span, 2, &keys[..1000], &keys[1000..10_000]);
        assert_eq!(sizes.iter().sum::<usize>(), 9000);
    }
}
