//! The committed files of a step, held small: a step may have a million. Their list is made twice and never held: once
//! for its digest, which is its name, and once in pages, to be written.

use crate::digest::Sha256;
use crate::ids::{ItemIndex, Uri};
use crate::item::Bundled;
use crate::records::{Receipt, SealedFile};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq)]
struct Held {
    item: ItemIndex,
    /// Numbers of what several files have in common: the partition, the attempt's prefix, the path below it.
    partition: u32,
    prefix: u32,
    path: u32,
    part: u32,
    rows: u64,
    bytes: u64,
    bundled: Option<Bundled>,
    /// As the digest's bits.
    content: Option<[u8; 16]>,
}

/// Texts, each held once.
#[derive(Clone, Debug, Default, PartialEq)]
struct Texts {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.into());
        self.numbers.insert(text.into(), next);
        next
    }

    fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SealedFiles {
    held: Vec<Held>,
    partitions: Texts,
    prefixes: Texts,
    paths: Texts,
}

impl SealedFiles {
    pub fn add(&mut self, item: ItemIndex, receipt: &Receipt) {
        for (i, f) in receipt.files.iter().enumerate() {
            let content = receipt.contents.get(i).and_then(|hex| u128::from_str_radix(hex, 16).ok());
            self.held.push(Held {
                item,
                partition: self.partitions.number(&f.partition),
                prefix: self.prefixes.number(receipt.scratch.as_str()),
                path: self.paths.number(&f.path),
                part: f.part,
                rows: f.rows,
                bytes: f.bytes,
                bundled: Bundled::of(f),
                content: content.map(u128::to_be_bytes),
            });
        }
    }

    /// By partition, item and part.
    pub fn sort(&mut self) {
        let name = |held: &Held| self.partitions.text(held.partition);
        self.held.sort_by(|a, b| (name(a), a.item, a.part).cmp(&(name(b), b.item, b.part)));
    }

    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub fn partitions(&self) -> usize {
        self.partitions.texts.len()
    }

    pub fn bytes(&self) -> u64 {
        self.held.iter().map(|f| f.bytes).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = SealedFile> + '_ {
        self.held.iter().map(|f| SealedFile {
            item: f.item,
            partition: self.partitions.text(f.partition).to_owned(),
            part: f.part,
            uri: Uri::new(self.prefixes.text(f.prefix)).join(self.paths.text(f.path)),
            rows: f.rows,
            bytes: f.bytes,
            content: f.content.map(|bits| format!("{:032x}", u128::from_be_bytes(bits))),
            bundled: f.bundled,
        })
    }

    /// Of the list's bytes.
    pub fn digest(&self) -> Result<String, String> {
        let (mut digest, mut line) = (Sha256::default(), Vec::new());
        for file in self.iter() {
            line.clear();
            write(&file, &mut line).map_err(|e| e.to_string())?;
            digest.update(&line);
        }
        Ok(digest.hex())
    }

    /// `sealed/files-{digest}.ndjson`: a `SealedFile` a line, in pages of about `page_bytes`. Of files that have a
    /// digest.
    pub fn pages(&self, page_bytes: usize) -> impl Iterator<Item = Vec<u8>> + Send + '_ {
        let mut files = self.iter();
        std::iter::from_fn(move || {
            let mut page = Vec::new();
            while page.len() < page_bytes
                && let Some(file) = files.next()
            {
                write(&file, &mut page).ok()?;
            }
            (!page.is_empty()).then_some(page)
        })
    }
}

fn write(file: &SealedFile, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *to, file)?;
    to.push(b'\n');
    Ok(())
}
