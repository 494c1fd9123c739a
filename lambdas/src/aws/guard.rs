//! Turns a function's panic into an error with a constant name. The process lives on, and holds nothing that the next
//! call could find broken.

use crate::HandlerError;
use spotmill_core::calls::errors;
use std::future::Future;
use tracing::Instrument;

pub async fn guarded<T: Send + 'static>(
    call: impl Future<Output = Result<T, HandlerError>> + Send + 'static,
) -> Result<T, HandlerError> {
    match tokio::spawn(call.in_current_span()).await {
        Ok(result) => result,
        Err(ended) => {
            let text = ended.try_into_panic().map_or_else(|_| "it was cancelled".to_owned(), |p| message(&*p));
            Err(HandlerError::new(errors::PANICKED, format!("the function panicked: {text}")))
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_a_constant_name() {
        let e = guarded::<()>(async { panic!("at item {}", 7) }).await.unwrap_err();
        assert_eq!((e.error, e.cause.as_str()), ("Spotmill.Panicked", "the function panicked: at item 7"));
        let e = guarded::<()>(async { panic!("plain") }).await.unwrap_err();
        assert!(e.cause.ends_with("plain"), "{e}");
        assert_eq!(guarded(async { Ok(1) }).await.unwrap(), 1);
    }
}
