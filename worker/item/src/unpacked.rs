//! What the compressed buffers of an Arrow message claim to be. A buffer begins with its own length, and the reader
//! allocates what it says: so a length is believed where the compressed bytes alone bound it, and counted otherwise.

use arrow::error::ArrowError;
use arrow::ipc::{CompressionType, Message, RecordBatch};
use std::io::{Read, Seek, SeekFrom};

/// The length that a compressed buffer begins with.
const PREFIX_BYTES: u64 = 8;
/// Of a buffer that was left as it is.
const AS_IT_IS: i64 = -1;
/// What a byte of LZ4 becomes at most. As much is believed of zstd.
const MOST_OF_A_BYTE: u64 = 255;

/// Checks the buffers of a message whose body begins at `body`.
pub fn check(file: &mut (impl Read + Seek), message: &Message<'_>, body: u64) -> Result<(), ArrowError> {
    let dictionary = || message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or_else(dictionary) else { return Ok(()) };
    let Some(codec) = batch.compression().map(|compression| compression.codec()) else { return Ok(()) };
    let within = u64::try_from(message.bodyLength()).unwrap_or_default();
    for (begin, length) in buffers(&batch) {
        let end = begin.checked_add(length).filter(|end| *end <= within);
        let end = end.ok_or_else(|| wrong("a buffer lies outside of its message"))?;
        if length > 0 {
            file.seek(SeekFrom::Start(body + begin))?;
            buffer(&mut file.take(end - begin), codec, length)?;
        }
    }
    Ok(())
}

pub fn wrong(message: &str) -> ArrowError {
    ArrowError::ParseError(message.to_owned())
}

/// Where the buffers of a batch lie in its body. A negative number is none that fits.
fn buffers(batch: &RecordBatch<'_>) -> Vec<(u64, u64)> {
    let place = |n: i64| u64::try_from(n).unwrap_or(u64::MAX);
    batch.buffers().into_iter().flatten().map(|b| (place(b.offset()), place(b.length()))).collect()
}

fn buffer(bytes: &mut impl Read, codec: CompressionType, length: u64) -> Result<(), ArrowError> {
    let mut prefix = [0; PREFIX_BYTES as usize];
    bytes.read_exact(&mut prefix).map_err(|_| wrong("a compressed buffer has no length"))?;
    let claimed = i64::from_le_bytes(prefix);
    if claimed == AS_IT_IS {
        return Ok(());
    }
    let packed = length - PREFIX_BYTES;
    let contradicted =
        |held: &str| wrong(&format!("a buffer of {packed} compressed bytes claims to be {claimed} bytes, and {held}"));
    let claimed = u64::try_from(claimed).map_err(|_| contradicted("no buffer is"))?;
    if claimed <= packed.saturating_mul(MOST_OF_A_BYTE) {
        return Ok(());
    }
    if codec != CompressionType::ZSTD {
        return Err(contradicted("so few bytes cannot hold as many"));
    }
    match unpacked(bytes, claimed) {
        Ok(found) if found == claimed => Ok(()),
        Ok(found) => Err(contradicted(&format!("holds {}{found}", if found > claimed { "more than " } else { "" }))),
        Err(e) => Err(contradicted(&format!("cannot be unpacked: {e}"))),
    }
}

/// How many bytes they are, counted a block at a time; of more than `claimed` one more.
fn unpacked(bytes: &mut impl Read, claimed: u64) -> std::io::Result<u64> {
    let mut reader = zstd::stream::read::Decoder::new(bytes)?.take(claimed.saturating_add(1));
    std::io::copy(&mut reader, &mut std::io::sink())
}
