//! A zip archive of one executable file, as Lambda takes a program: deflated, without a time of its own, so that the
//! same program makes the same archive.

use std::io::{self, Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The fastest: a person waits for a deploy, and Lambda unpacks once.
const LEVEL: i64 = 1;

pub fn one(name: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, options)?;
    zip.write_all(body)?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn another_program_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.zip");
        let body: Vec<u8> = (0..200_000u32).flat_map(|n| (n % 251).to_le_bytes()).collect();
        std::fs::write(&file, one("bootstrap", &body).unwrap()).unwrap();
        let script = "import sys, zipfile, hashlib\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      i, = z.infolist()\n\
                      print(i.filename, oct(i.external_attr >> 16), hashlib.sha256(z.read(i)).hexdigest())";
        let out = Command::new("python3").args(["-c", script]).arg(&file).output().expect("python3");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let expected = format!("bootstrap 0o100755 {}\n", spotmill_core::digest::sha256(&body));
        assert_eq!(String::from_utf8_lossy(&out.stdout), expected);
    }

    #[test]
    fn the_same_program_makes_the_same_archive() {
        assert_eq!(one("bootstrap", b"program").unwrap(), one("bootstrap", b"program").unwrap());
        assert_ne!(one("bootstrap", b"program").unwrap(), one("bootstrap", b"programs").unwrap());
    }
}
