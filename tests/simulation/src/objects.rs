//! Objects in memory, as S3 keeps them: an ETag is made of the content, so that equal bytes have equal ETags; listings
//! are complete and in order of names.

use spotmill_core::digest::short;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Stored {
    pub body: Arc<Vec<u8>>,
    pub etag: String,
    pub modified_ms: u64,
}

#[derive(Debug, Default)]
pub struct Objects {
    all: BTreeMap<String, Stored>,
}

impl Objects {
    pub fn get(&self, uri: &str) -> Option<&Stored> {
        self.all.get(uri)
    }

    pub fn put(&mut self, uri: &str, body: &[u8], now_ms: u64) -> String {
        let etag = short(body, 16);
        let stored = Stored { body: Arc::new(body.to_vec()), etag: etag.clone(), modified_ms: now_ms };
        self.all.insert(uri.to_owned(), stored);
        etag
    }

    pub fn remove(&mut self, uri: &str) {
        self.all.remove(uri);
    }

    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Stored)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.all.range::<str, _>(from).take_while(move |(uri, _)| uri.starts_with(prefix))
    }

    pub fn text(&self, uri: &str) -> Option<String> {
        self.all.get(uri).map(|stored| String::from_utf8_lossy(&stored.body).into_owned())
    }
}
