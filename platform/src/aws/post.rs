//! JSON posted to an address that is not AWS's, over the HTTP client that the SDKs bring. Each document is tried once.

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use spotmill_core::format::chain;

/// Characters of an answer that says why not.
const SHOWN: usize = 300;

#[derive(Debug)]
pub struct Poster {
    connector: Connector,
}

impl Default for Poster {
    fn default() -> Self {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        Self { connector: Connector::builder().tls_provider(tls).build() }
    }
}

impl Poster {
    /// Posts a document; the error is why it was not taken. `token` is a bearer's, and is in no error.
    pub async fn post(&self, url: &str, token: Option<&str>, json: Vec<u8>) -> Result<(), String> {
        let mut request = HttpRequest::new(SdkBody::from(json));
        request.set_method("POST").map_err(|e| e.to_string())?;
        request.set_uri(url).map_err(|_| format!("{url} is no address"))?;
        let headers = request.headers_mut();
        headers.try_insert("content-type", "application/json").map_err(|e| e.to_string())?;
        if let Some(token) = token {
            let set = headers.try_insert("authorization", format!("Bearer {token}"));
            set.map_err(|_| "the key has characters that no header holds".to_owned())?;
        }
        let reply = self.connector.call(request).await.map_err(|e| chain(&e))?;
        let status = reply.status().as_u16();
        match status {
            200..=299 => Ok(()),
            _ => Err(format!("it answered {status}{}", beginning(reply.into_body()).await)),
        }
    }
}

/// `: ` and the beginning of a text on one line; nothing of an empty one.
async fn beginning(body: SdkBody) -> String {
    let (mut stream, mut bytes) = (ByteStream::new(body), Vec::new());
    while bytes.len() < SHOWN * 4 {
        match stream.next().await {
            Some(Ok(more)) => bytes.extend_from_slice(&more),
            Some(Err(_)) | None => break,
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}
