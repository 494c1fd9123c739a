//! A writer that is killed at any moment leaves the old content or the new; a lock's holder that is killed holds it
//! no longer. The process that is killed is this test, started a second time.

use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_platform::local::{LocalStore, LockError, RunLock};
use spotmill_platform::ports::{Store, Swapped};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DIRECTORY: &str = "SPOTMILL_TEST_DIRECTORY";
const BYTES: usize = 300_000;

#[tokio::test]
async fn a_writer_in_a_process_of_its_own() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (store, base) = (LocalStore::new(), Uri::new(directory));
    let lock = RunLock::try_take(Path::new(base.as_str()).join("lock").as_path(), &ExecutionId::new("writer"));
    let _lock = lock.expect("the lock is free");
    for n in (0..=u8::MAX).cycle() {
        let body = vec![n; BYTES];
        store.put(&base.join("put"), &body).await.expect("put");
        store.create(&base.join(&format!("created-{n}")), &body).await.expect("create");
        store.create(&base.join("swapped"), &body).await.expect("create");
        let etag = store.head(&base.join("swapped")).await.expect("head").etag;
        assert!(matches!(store.swap(&base.join("swapped"), &etag, &body).await, Ok(Swapped::Yes(_))));
    }
}

fn start(directory: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_writer_in_a_process_of_its_own"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start")
}

#[tokio::test]
async fn killed_writers_leave_whole_objects_and_no_lock() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (store, base) = (LocalStore::new(), Uri::new(dir.path().to_str().expect("UTF-8")));
    for moment in 0..12u64 {
        let mut writer = start(dir.path());
        let until = Instant::now() + Duration::from_secs(30);
        while store.head(&base.join("swapped")).await.is_err() {
            assert!(Instant::now() < until, "the writer does not write");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(moment * 1_700)).await;
        let path = dir.path().join("lock");
        if moment == 11 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let Err(LockError::Held { by, .. }) = RunLock::try_take(&path, &ExecutionId::new("x")) else {
                panic!("the writer holds the lock")
            };
            assert_eq!((by.pid, by.execution.as_str()), (writer.id(), "writer"));
        }
        writer.kill().expect("SIGKILL");
        writer.wait().expect("wait");
        drop(RunLock::try_take(&path, &ExecutionId::new("x")).expect("freed by the kernel"));
        for found in store.list(&base.join("")).await.expect("list") {
            let name = found.uri.as_str().rsplit('/').next().expect("name").to_owned();
            if name == "lock" {
                continue;
            }
            assert!(name == "put" || name == "swapped" || name.starts_with("created-"), "{name} is no object of ours");
            let body = store.get(&found.uri).await.expect("get").body;
            assert_eq!(body.len(), BYTES, "{name}");
            assert!(body.iter().all(|b| *b == body[0]), "{name} is half one version, half another");
            if name.starts_with("created-") {
                store.delete(&found.uri).await.expect("delete");
            }
        }
    }
}
