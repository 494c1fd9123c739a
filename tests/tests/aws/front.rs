//! Between the command line and the emulator: a test answers what the emulator does not know, everything else is forwarded as it
//! is.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What is answered to headers and a body: a status and the answer; nothing of what is forwarded.
type Answer = dyn Fn(&str, &[u8]) -> Option<(u16, String)> + Send + Sync;

pub struct Front {
    port: u16,
}

impl Front {
    /// In front of the emulator's port; it lives as long as the test's process.
    pub fn before(
        emulator: u16,
        answer: impl Fn(&str, &[u8]) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let answer = answer.clone();
                // A client that goes away is no concern of ours.
                thread::spawn(move || serve(client, emulator, &*answer).ok());
            }
        });
        Self { port }
    }

    /// The environment of a program that asks here first.
    pub fn env(&self, of: Vec<(String, String)>) -> Vec<(String, String)> {
        let others = of.into_iter().filter(|(name, _)| name != "AWS_ENDPOINT_URL");
        others.chain([("AWS_ENDPOINT_URL".to_owned(), format!("http://127.0.0.1:{}", self.port))]).collect()
    }
}

/// One request a connection.
fn serve(mut client: TcpStream, emulator: u16, answer: &Answer) -> Result<()> {
    let (head, body) = read(&mut client)?;
    if let Some((status, answer)) = answer(&head, &body) {
        let kind = if answer.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.1" };
        let length = answer.len();
        return write!(
            client,
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
        );
    }
    forward(&mut client, emulator, &head, &body)
}

/// The request to another port, and its answer back.
fn forward(client: &mut impl Write, port: u16, head: &str, body: &[u8]) -> Result<()> {
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let kept = rest.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = format!("{first}\r\nConnection: close\r\n{}", kept.collect::<Vec<_>>().join("\r\n"));
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(body)?;
    std::io::copy(&mut upstream, client).map(drop)
}

/// What another port answers to a request: its status and body.
pub fn ask(port: u16, head: &str, body: &[u8]) -> (u16, String) {
    // A body of unknown length is sent to HTTP 1.1 alone.
    let head = head.replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut answer = Vec::new();
    forward(&mut answer, port, &head, body).expect("it answers");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

/// Headers with the empty line after them, and the body.
fn read(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8_192]);
    let end = loop {
        let n = client.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..n]);
        match bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None if n == 0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    while body.len() < length.unwrap_or(0) {
        let n = client.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..n]);
    }
    Ok((head, body))
}
