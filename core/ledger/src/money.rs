//! Integer nano-dollars, and the one way a sum is divided: the largest remainders get what is left, so that parts always
//! sum to the whole.

/// Nano-dollars of a dollar.
const NANOS: f64 = 1e9;

/// An amount in dollars as nano-dollars, to the nearest; nothing for what is negative or no number.
pub fn nanos_of(usd: f64) -> u64 {
    // A cast from a float saturates.
    (usd * NANOS).round().max(0.0) as u64
}

/// `1.314159265`: every digit, for programs.
pub fn usd(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// `amount` units of which `per` cost `nanos`, rounded half up.
pub(crate) fn cost(nanos: u64, amount: u64, per: u64) -> u64 {
    let (nanos, amount, per) = (u128::from(nanos), u128::from(amount), u128::from(per.max(1)));
    u64::try_from((nanos * amount + per / 2) / per).unwrap_or(u64::MAX)
}

/// Divides `total` in proportion to `weights` by largest remainders, the first of equal ones first. The parts sum to
/// `total`; where all weights are zero, the last part gets everything.
pub fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    if sum == 0 {
        let mut parts = vec![0; weights.len()];
        if let Some(last) = parts.last_mut() {
            *last = total;
        }
        return parts;
    }
    let share = |weight: &u64| u128::from(total) * u128::from(*weight);
    let mut parts: Vec<u64> = weights.iter().map(|w| (share(w) / sum) as u64).collect();
    let left = total - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(share(&weights[*i]) % sum), *i));
    for i in order.into_iter().take(left as usize) {
        parts[i] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_whole_and_the_largest_remainder_comes_first() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(10, &[3, 3, 1]), [4, 4, 2]);
        assert_eq!(apportion(7, &[0, 0]), [0, 7]);
        assert_eq!(apportion(7, &[]), [0; 0]);
        assert_eq!(apportion(u64::MAX, &[u64::MAX, 1]).iter().map(|p| u128::from(*p)).sum::<u128>(), u64::MAX.into());
    }

    #[test]
    fn amounts_are_rounded_to_the_nearest_nano_dollar() {
        assert_eq!((nanos_of(0.0292), nanos_of(-1.0), nanos_of(f64::NAN)), (29_200_000, 0, 0));
        assert_eq!((cost(3, 1, 2), cost(1, 1, 3), cost(80_000_000, 1_800, 3_600)), (2, 0, 40_000_000));
        assert_eq!(usd(1_314_159_265), "1.314159265");
    }
}
