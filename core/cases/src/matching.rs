//! Which expected row is which row that was made. Any order: as many pairs as can be made at once, so that a row which
//! fits two is not lost to the wrong one. Listed order: place by place, or one after the other.

use std::collections::VecDeque;

/// For each expected row the index of the made row that is its own, where there is one; no made row stands twice.
pub type Pairs = Vec<Option<usize>>;

/// The largest number of pairs; of equal choices, rows stay in their order.
pub fn in_any_order(expected: usize, made: usize, fits: impl Fn(usize, usize) -> bool) -> Pairs {
    let mut pairs: Pairs = vec![None; expected];
    let mut owner: Vec<Option<usize>> = vec![None; made];
    // Mostly the order is the same.
    for (i, (pair, owner)) in pairs.iter_mut().zip(&mut owner).enumerate() {
        if fits(i, i) {
            (*pair, *owner) = (Some(i), Some(i));
        }
    }
    for i in 0..expected {
        if pairs[i].is_none() {
            augment(i, &mut pairs, &mut owner, &fits);
        }
    }
    pairs
}

/// Finds a made row for `first`, where need be by giving others that they fit as well to their present owners.
fn augment(first: usize, pairs: &mut Pairs, owner: &mut [Option<usize>], fits: &impl Fn(usize, usize) -> bool) {
    // The expected row from which each made row was reached.
    let mut from: Vec<Option<usize>> = vec![None; owner.len()];
    let mut queue = VecDeque::from([first]);
    while let Some(row) = queue.pop_front() {
        for candidate in 0..owner.len() {
            if from[candidate].is_some() || !fits(row, candidate) {
                continue;
            }
            from[candidate] = Some(row);
            match owner[candidate] {
                Some(present) => queue.push_back(present),
                None => return settle(candidate, &from, pairs, owner),
            }
        }
    }
}

/// Hands the rows on, from the free one back to the row that asked.
fn settle(free: usize, from: &[Option<usize>], pairs: &mut Pairs, owner: &mut [Option<usize>]) {
    let mut next = Some(free);
    while let Some(made) = next {
        let Some(row) = from[made] else { return };
        next = pairs[row].replace(made);
        owner[made] = Some(row);
    }
}

/// Row by row from the first.
pub fn in_listed_order(expected: usize, made: usize, fits: impl Fn(usize, usize) -> bool) -> Pairs {
    (0..expected).map(|i| (i < made && fits(i, i)).then_some(i)).collect()
}

/// Each after the one before it, whatever stands between them.
pub fn one_after_the_other(expected: usize, made: usize, fits: impl Fn(usize, usize) -> bool) -> Pairs {
    let mut after = 0;
    (0..expected)
        .map(|row| {
            let found = (after..made).find(|candidate| fits(row, *candidate))?;
            after = found + 1;
            Some(found)
        })
        .collect()
}
