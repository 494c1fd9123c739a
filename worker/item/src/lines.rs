//! A quick guess at how many rows CSV files hold, for whoever can tell whether it is right: as many as lines that end
//! outside of quotes. It only saves a second parse of files whose guess another count confirms.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

const CHUNK: usize = 256 << 10;

/// None where a file is compressed or cannot be read.
pub fn guess(paths: &[PathBuf], header: bool) -> Option<u64> {
    let mut rows = 0;
    let mut chunk = vec![0; CHUNK];
    for path in paths {
        rows += lines(File::open(path).ok()?, &mut chunk)?.saturating_sub(u64::from(header));
    }
    Some(rows)
}

fn lines(mut file: impl Read, chunk: &mut [u8]) -> Option<u64> {
    let (mut lines, mut quoted, mut last) = (0, false, None);
    loop {
        let read = match file.read(chunk).ok()? {
            0 => return Some(lines + u64::from(last.is_some_and(|byte| byte != b'\n'))),
            read => &chunk[..read],
        };
        // Gzip and zstd hold zeros in their first bytes, and CSV holds none.
        if last.is_none() && memchr::memchr(0, read).is_some() {
            return None;
        }
        for at in memchr::memchr2_iter(b'"', b'\n', read) {
            // A quote within quotes is written twice, and so changes nothing.
            match read[at] {
                b'"' => quoted = !quoted,
                _ => lines += u64::from(!quoted),
            }
        }
        last = read.last().copied();
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn of(text: &[u8]) -> Option<u64> {
        let all: Vec<_> = [4, 5, 64].into_iter().map(|size| lines(text, &mut vec![0; size])).collect();
        assert!(all.iter().all(|one| *one == all[0]), "the size of a chunk makes a difference: {all:?}");
        all[0]
    }

    #[test]
    fn lines_are_counted_whether_the_last_one_ends_or_not() {
        assert_eq!(
            (of(b""), of(b"a"), of(b"a\n"), of(b"a,b\nc,d\n"), of(b"a,b\nc,d")),
            (Some(0), Some(1), Some(1), Some(2), Some(2))
        );
    }

    #[test]
    fn a_line_that_ends_within_quotes_is_no_row() {
        assert_eq!((of(b"a,\"b\nc\"\nd\n"), of(b"\"a\"\"\n\"\"b\"\n\"\"\n")), (Some(2), Some(2)));
    }

    #[test]
    fn no_guess_is_made_of_what_is_compressed() {
        assert_eq!(of(b"\x1f\x8b\x08\x00ab\n"), None);
    }
}
