//! What is wrong with a definition, with its state and field.

#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    #[error("the definition is not JSON")]
    Json(#[from] serde_json::Error),
    #[error("{place}: field `{field}` {problem}")]
    Field { place: String, field: String, problem: String },
    #[error("{place}: is never reached")]
    Unreachable { place: String },
}

pub(crate) type Parsed<T> = Result<T, ParseError>;
