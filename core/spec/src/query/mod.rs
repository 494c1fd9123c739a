//! One query over files, outside of any pipeline: what `spotmill sql` asks a worker (its `sql` subcommand) and what the
//! worker answers. Requests are JSON, one a line; each gets one reply line, in order. The modules beside this one hold
//! what can be decided without the engine: what is wrong with the text, and what a param's text means. Nothing in this
//! module reads a file.

pub mod param;
mod place;
mod text;

pub use place::place;
pub use text::{Given, bound, refused, sources};

use serde::{Deserialize, Serialize};
use spotmill_core::endings;
use spotmill_core::item::ItemFailure;
use spotmill_core::model::Read;
use spotmill_core::types::Column;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// With params bound.
    pub sql: String,
    /// By their names in the SQL.
    #[serde(default)]
    pub tables: BTreeMap<String, QueryTable>,
    /// The file to write, an absolute path; its ending is its format. A file that stands there is replaced.
    #[serde(default)]
    pub output: Option<String>,
    /// The most rows that are written or previewed; the reply counts all.
    #[serde(default)]
    pub limit: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryTable {
    /// Absolute paths, all read in one way.
    pub files: Vec<String>,
    /// By the files' endings if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryReply {
    Ok(QueryDone),
    /// The query is no SQL that a step may have; no row was read for it.
    Refused(QueryRefused),
    /// The query is fine, or was never reached; the files, the rows or the request are not.
    Failed(QueryFailed),
    /// A fault of the engine or of a user's function.
    Panic(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryDone {
    /// Of the whole result, whatever the limit.
    pub rows: u64,
    pub columns: Vec<Column>,
    /// The first rows as text, NULL as null; absent where a file was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Vec<Vec<Option<String>>>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryRefused {
    pub message: String,
    /// Of the request's SQL, both from 1; columns count characters.
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// What to write instead.
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryFailed {
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl QueryReply {
    /// What was done; else why not, for whoever wrote the query and the files himself.
    pub fn done(self) -> Result<QueryDone, String> {
        match self {
            Self::Ok(done) => Ok(done),
            Self::Refused(why) => Err(why.message),
            Self::Failed(why) => Err(why.message),
            Self::Panic(text) => Err(format!("the worker panicked: {text}")),
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(QueryFailed { message: message.into(), remedy: None })
    }
}

impl From<ItemFailure> for QueryReply {
    fn from(failure: ItemFailure) -> Self {
        Self::Failed(QueryFailed { message: failure.message, remedy: failure.remedy })
    }
}

/// How a file is read, by its ending; none where that means no format.
pub fn read_of(file: &str) -> Option<Read> {
    let ending = endings::of(file);
    Some(Read { delimiter: ending.delimiter, ..Read::of(ending.format?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_are_the_documented_json() {
        let line = r#"{"sql": "SELECT 1", "tables": {"t": {"files": ["/a.csv"]}}, "output": null, "limit": 5}"#;
        let request: QueryRequest = serde_json::from_str(line).expect("a request");
        assert_eq!((request.limit, request.tables["t"].files.len()), (Some(5), 1));
        assert!(serde_json::from_str::<QueryRequest>(r#"{"sql": "SELECT 1", "tabels": {}}"#).is_err());

        let json = |reply: &QueryReply| serde_json::to_string(reply).expect("JSON");
        assert_eq!(json(&QueryReply::failed("no")), r#"{"failed":{"message":"no"}}"#);
        assert_eq!(json(&QueryReply::Panic("oh".into())), r#"{"panic":"oh"}"#);
        let refused = QueryRefused { message: "no".into(), line: Some(1), column: Some(8), hint: None };
        let text = r#"{"refused":{"message":"no","line":1,"column":8,"hint":null}}"#;
        assert_eq!(json(&QueryReply::Refused(refused)), text);
    }
}
