//! When this machine booted: what user data states (`SPOTMILL_BOOTED_MS`, where several "machines" share one kernel),
//! or the kernel.

/// Milliseconds since 1970; `now_ms` where the time of boot cannot be found.
pub fn moment_ms(now_ms: u64) -> u64 {
    let stated = std::env::var("SPOTMILL_BOOTED_MS").unwrap_or_default();
    of(&stated, &std::fs::read_to_string("/proc/uptime").unwrap_or_default(), now_ms)
}

fn of(stated: &str, uptime: &str, now_ms: u64) -> u64 {
    let up_secs = || uptime.split_whitespace().next()?.parse::<f64>().ok();
    let booted = stated.trim().parse().ok().or_else(|| Some(now_ms.saturating_sub((up_secs()? * 1_000.0) as u64)));
    booted.unwrap_or(now_ms).min(now_ms)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_boot_time_is_stated_or_read_from_the_kernel() {
        assert_eq!(of("", "12.50 99.00\n", 100_000), 87_500);
        assert_eq!(of("90000\n", "12.50 99.00\n", 100_000), 90_000);
        assert_eq!(of("", "", 100_000), 100_000);
        assert_eq!(of("200000", "", 100_000), 100_000, "no machine boots after now");
    }
}
