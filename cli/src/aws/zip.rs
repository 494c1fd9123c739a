//! A zip archive of one executable file, as Lambda takes a program: deflated, without a time of its own, so that the
//! same program makes the same archive. The format is APPNOTE 6.3.3, of which one small file needs three records.

use miniz_oxide::deflate::compress_to_vec;
use std::io;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 2.0: deflate.
const VERSION: u16 = 20;
/// The upper byte says that attributes are Unix's.
const MADE_BY: u16 = 3 << 8 | VERSION;
const DEFLATED: u16 = 8;
/// The fastest: a person waits for a deploy, and Lambda unpacks once.
const LEVEL: u8 = 1;
/// 1980-01-01, the format's first day.
const DATE: u16 = 1 << 5 | 1;
/// A regular file, rwxr-xr-x.
const MODE: u32 = 0o100_755;

pub fn one(name: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let data = compress_to_vec(body, LEVEL);
    let size =
        |of: &[u8]| u32::try_from(of.len()).map_err(|_| io::Error::other("4 GiB and more do not fit into a zip"));
    let mut common = Vec::new();
    // Flags, method, time, date.
    [0, DEFLATED, 0, DATE].iter().for_each(|n: &u16| common.extend(n.to_le_bytes()));
    [crc32fast::hash(body), size(&data)?, size(body)?].iter().for_each(|n| common.extend(n.to_le_bytes()));
    let name_bytes = u16::try_from(name.len()).map_err(|_| io::Error::other("the name is too long"))?;
    common.extend(name_bytes.to_le_bytes());
    common.extend(0u16.to_le_bytes());

    let mut zip = Vec::with_capacity(data.len() + 256);
    zip.extend(LOCAL.to_le_bytes());
    zip.extend(VERSION.to_le_bytes());
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(&data);
    let central = size(&zip)?;
    zip.extend(CENTRAL.to_le_bytes());
    [MADE_BY, VERSION].iter().for_each(|n| zip.extend(n.to_le_bytes()));
    zip.extend(&common);
    // Comment, disk, internal attributes.
    zip.extend([0; 6]);
    zip.extend((MODE << 16).to_le_bytes());
    zip.extend(0u32.to_le_bytes());
    zip.extend(name.as_bytes());
    let end = size(&zip)?;
    zip.extend(END.to_le_bytes());
    [0u16, 0, 1, 1].iter().for_each(|n| zip.extend(n.to_le_bytes()));
    [end - central, central].iter().for_each(|n| zip.extend(n.to_le_bytes()));
    zip.extend(0u16.to_le_bytes());
    Ok(zip)
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
        let look = "import sys, zipfile, hashlib\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                    i, = z.infolist()\n\
                    print(i.filename, oct(i.external_attr >> 16), hashlib.sha256(z.read(i)).hexdigest())";
        let out = Command::new("python3").args(["-c", look]).arg(&file).output().expect("python3");
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
