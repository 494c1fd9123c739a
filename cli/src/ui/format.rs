//! Numbers for people, where a message of `spotmill_core::format` would be too long.

pub use spotmill_core::format::{bytes_of as bytes, count as plural, number as count};

pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{:.1} s", ms as f64 / 1000.0),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(640), "0.6 s");
        assert_eq!(duration(71_000), "1:11");
        assert_eq!(duration(3_723_000), "1:02:03");
    }
}
