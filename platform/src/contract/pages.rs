//! Objects that come in pages.

use crate::ports::Store;
use spotmill_core::ids::Uri;

/// `base` is an empty place of the test's own.
pub async fn all(store: &(impl Store + ?Sized), base: &Uri) {
    let pages = |sizes: &[usize]| -> Vec<Vec<u8>> { (0u8..).zip(sizes).map(|(n, size)| vec![n; *size]).collect() };
    for (name, sizes) in
        [("none", &[][..]), ("empty", &[0]), ("one", &[3]), ("many", &[1, 2, 5 << 20, 4, 9 << 20, 7 << 20])]
    {
        let uri = base.join(name);
        // What stood there is replaced.
        store.put(&uri, b"earlier").await.expect("put");
        store.put_pages(&uri, &mut pages(sizes).into_iter()).await.expect("pages");
        let body = store.get(&uri).await.expect("get").body;
        assert!(body == pages(sizes).concat(), "{name}: {} bytes", body.len());
        assert_eq!(store.head(&uri).await.expect("head").bytes, body.len() as u64);
    }
}
