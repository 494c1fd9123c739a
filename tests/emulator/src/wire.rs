//! The little HTTP that talking to the emulator without the command line takes: one request a connection, to a port of
//! this machine, without a signature that anybody checks.

use crate::REGION;
use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(1);
const ALIVE: Duration = Duration::from_secs(5);
/// A machine under load answers late.
const REPLY: Duration = Duration::from_secs(60);

/// Does the emulator speak HTTP there?
pub fn answers(port: u16) -> bool {
    let get = "GET /_ministack/health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    exchange(port, get, ALIVE).is_ok_and(|reply| is_success(&reply))
}

pub fn post(port: u16, action: &str, body: &str) -> std::result::Result<String, String> {
    // The scope of the signature names the service; nothing else of it is read.
    let service = if action.starts_with("AWSStepFunctions.") { "states" } else { "sqs" };
    let request = format!(
        "POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: {action}\r\nauthorization: AWS4-HMAC-SHA256 Credential=test/20130101/{REGION}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = exchange(port, &request, REPLY).map_err(|e| format!("{action}: {e}"))?;
    match reply.split_once("\r\n\r\n") {
        Some((head, body)) if is_success(&reply) && !head.to_lowercase().contains("transfer-encoding: chunked") => {
            Ok(body.to_owned())
        }
        _ => Err(format!("{action}: {reply}")),
    }
}

fn is_success(reply: &str) -> bool {
    reply.starts_with("HTTP/1.1 200")
}

/// The connection is closed after the reply, which is its end.
fn exchange(port: u16, request: &str, within: Duration) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), CONNECT)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}
