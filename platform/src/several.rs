//! Many requests at once, within a bound.

use std::future::Future;
use tokio::task::JoinSet;

/// Does all, at most `width` at once; results in order. After the first error nothing more begins, and nothing is left
/// under way.
pub async fn several<I, T, E, F>(
    width: usize,
    inputs: impl IntoIterator<Item = I>,
    mut act: impl FnMut(I) -> F,
) -> Result<Vec<T>, E>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut waiting = inputs.into_iter().enumerate();
    let (mut under_way, mut done) = (JoinSet::new(), Vec::new());
    loop {
        while under_way.len() < width.max(1)
            && let Some((i, input)) = waiting.next()
        {
            let acting = act(input);
            under_way.spawn(async move { (i, acting.await) });
        }
        match under_way.join_next().await {
            None => break,
            Some(Ok((i, Ok(value)))) => done.push((i, value)),
            Some(Ok((_, Err(e)))) => {
                under_way.shutdown().await;
                return Err(e);
            }
            Some(Err(e)) => std::panic::resume_unwind(e.into_panic()),
        }
    }
    done.sort_by_key(|(i, _)| *i);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}

/// Does all, at most `width` at once. What has begun is never given up, because a request that nobody waits for may still
/// have its effect: the first error is the answer once none is under way.
pub async fn to_the_end<I, E, F>(
    width: usize,
    inputs: impl IntoIterator<Item = I>,
    mut act: impl FnMut(I) -> F,
) -> Result<(), E>
where
    E: Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
{
    let ended = several(width, inputs, |input| {
        let acting = act(input);
        async move { Ok::<_, E>(acting.await) }
    });
    ended.await?.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn results_keep_their_order_and_the_bound_holds() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = several(3, 0..20u64, |i| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(std::time::Duration::from_millis(20 - i)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<u64, ()>(i)
            }
        });
        assert_eq!(all.await, Ok((0..20).collect()));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_goes_to_its_end_does_so_after_an_error_too() {
        let ended = Arc::new(AtomicUsize::new(0));
        let all = to_the_end(2, 0..20u64, |i| {
            let ended = ended.clone();
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(i % 3)).await;
                ended.fetch_add(1, Ordering::SeqCst);
                if i % 5 == 2 { Err(i) } else { Ok(()) }
            }
        });
        assert_eq!(all.await, Err(2), "the first, whichever ended first");
        assert_eq!(ended.load(Ordering::SeqCst), 20);
    }

    #[tokio::test]
    async fn the_first_error_ends_it() {
        let begun = Arc::new(AtomicUsize::new(0));
        let all = several(2, 0..100, |i| {
            begun.fetch_add(1, Ordering::SeqCst);
            async move { if i == 1 { Err("broken") } else { std::future::pending::<Result<(), _>>().await } }
        });
        assert_eq!(all.await, Err("broken"));
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
