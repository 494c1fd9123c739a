//! A proxy between a client and the emulator that injects the faults it is given into the next requests of one method,
//! in order, and forwards all others as they are. A request a connection.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is carried out; nobody hears of it.
    LoseReply,
    /// It never arrives.
    LoseRequest,
    /// It is carried out; the reply breaks off in its middle.
    CutReply,
    /// It never arrives; this is the answer.
    Answer(u16, &'static str),
    /// As it should be.
    Forward,
}

pub struct Proxy {
    port: u16,
    left: Arc<Mutex<VecDeque<Fault>>>,
    seen: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(to: u16, method: &'static str, faults: Vec<Fault>) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let (left, seen) = (Arc::new(Mutex::new(VecDeque::from(faults))), Arc::new(AtomicUsize::new(0)));
        let (faults, count) = (left.clone(), seen.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (faults, count) = (faults.clone(), count.clone());
                // A client that goes away is no concern of the proxy's.
                tokio::spawn(async move { serve(client, to, method, &faults, &count).await.ok() });
            }
        });
        Proxy { port, left, seen, accepting }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests of the method so far.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.left.lock().expect("faults").extend(faults);
    }

    /// Every fault has happened.
    pub fn is_spent(&self) -> bool {
        self.left.lock().expect("faults").is_empty()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    to: u16,
    method: &str,
    faults: &Mutex<VecDeque<Fault>>,
    seen: &AtomicUsize,
) -> io::Result<()> {
    let request = read_request(&mut client).await?;
    let mut fault = Fault::Forward;
    if request.starts_with(format!("{method} ").as_bytes()) {
        seen.fetch_add(1, Ordering::SeqCst);
        fault = faults.lock().expect("faults").pop_front().unwrap_or(Fault::Forward);
    }
    match fault {
        Fault::LoseRequest => Ok(()),
        Fault::LoseReply => forward(&request, to).await.map(drop),
        Fault::CutReply => {
            let reply = forward(&request, to).await?;
            client.write_all(&reply[..reply.len() - reply.len() / 4]).await
        }
        Fault::Answer(status, body) => {
            let kind = if body.starts_with('{') { "application/x-amz-json-1.0" } else { "application/xml" };
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
            client.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await
        }
        Fault::Forward => client.write_all(&forward(&request, to).await?).await,
    }
}

/// Head and body, with `connection: close` put in.
async fn read_request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let head = loop {
        if let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(client, &mut all).await?;
    };
    let text = String::from_utf8_lossy(&all[..head]).to_lowercase();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length: usize = value("content-length:").and_then(|n| n.parse().ok()).unwrap_or(0);
    if value("expect:") == Some("100-continue") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while all.len() < head + 4 + length {
        more(client, &mut all).await?;
    }
    all.splice(head..head, *b"\r\nconnection: close");
    Ok(all)
}

async fn more(client: &mut TcpStream, all: &mut Vec<u8>) -> io::Result<()> {
    match client.read_buf(all).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn forward(request: &[u8], to: u16) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
    server.write_all(request).await?;
    let mut reply = Vec::new();
    server.read_to_end(&mut reply).await?;
    Ok(reply)
}
