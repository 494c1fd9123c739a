//! The first panic's place and text, kept by a hook: by the time a panic is caught, where it began is gone.

use std::any::Any;
use std::sync::Mutex;

static FIRST: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Keeps the first panic since the last `take`; panics that follow from it are less informative.
pub fn watch() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|l| format!("{}:{}:{}", l.file(), l.line(), l.column())).unwrap_or_default();
        let text = text(info.payload());
        if let Ok(mut first) = FIRST.lock() {
            first.get_or_insert((place, text));
        }
        previous(info);
    }));
}

/// Place and text of the first panic.
pub fn first() -> Option<(String, String)> {
    FIRST.lock().ok()?.clone()
}

/// The same, and forgets it.
pub fn take() -> Option<(String, String)> {
    FIRST.lock().ok()?.take()
}

pub fn text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
