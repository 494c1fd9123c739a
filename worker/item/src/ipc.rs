//! The batches of an Arrow file, after a look at where its messages lie: a reader allocates what a length says, and takes
//! a stream that ends between two messages for a whole one. So a file has to hold every message that it speaks of, the
//! compressed buffers what they claim (`unpacked.rs`), and a stream to end with its mark.

use crate::unpacked::{self, wrong};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader, read_footer_length};
use arrow::ipc::{Block, root_as_footer, root_as_message};
use arrow::record_batch::RecordBatchReader;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// What a file begins and ends with; a stream has no such letters.
const MAGIC: &[u8; 6] = b"ARROW1";
/// Feather's first version, another format.
const FEATHER_1: &[u8; 4] = b"FEA1";
/// The length of a file's footer, and the letters.
const TAIL_BYTES: u64 = 10;
/// Stands before the length of a message; absent before Arrow 0.15.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The columns at these places, or all.
pub fn open(path: &Path, read: Option<Vec<usize>>) -> Result<Box<dyn RecordBatchReader>, ArrowError> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = [0; MAGIC.len()];
    file.read_exact(&mut head)?;
    if head.starts_with(FEATHER_1) {
        return Err(wrong("it is Feather of version 1; have it rewritten as version 2, which is Arrow, or as Parquet"));
    }
    if head == *MAGIC {
        has_its_blocks(&mut file, bytes)?;
        file.rewind()?;
        return Ok(Box::new(FileReader::try_new_buffered(file, read)?));
    }
    file.rewind()?;
    has_its_messages(BufReader::new(&mut file), bytes)?;
    file.rewind()?;
    Ok(Box::new(StreamReader::try_new_buffered(file, read)?))
}

fn has_its_blocks(file: &mut File, bytes: u64) -> Result<(), ArrowError> {
    let mut tail = [0; TAIL_BYTES as usize];
    let end = bytes.checked_sub(TAIL_BYTES).ok_or_else(|| wrong("it has no footer"))?;
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut tail)?;
    let length = read_footer_length(tail)?;
    let begin = end.checked_sub(length as u64).ok_or_else(|| wrong("its footer is longer than the file"))?;
    let mut footer = vec![0; length];
    file.seek(SeekFrom::Start(begin))?;
    file.read_exact(&mut footer)?;
    let footer = root_as_footer(&footer).map_err(|e| wrong(&format!("its footer: {e}")))?;
    let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
    let mut file = BufReader::new(file);
    for block in blocks {
        let place = place(block).filter(|(_, _, end)| *end <= begin);
        let (message, body, _) = place.ok_or_else(|| wrong("its footer speaks of batches that it does not hold"))?;
        has_its_buffers(&mut file, message, body)?;
    }
    Ok(())
}

/// Where a block's message begins, where its body does, and where that ends.
fn place(block: &Block) -> Option<(u64, u64, u64)> {
    let begin = u64::try_from(block.offset()).ok()?;
    let body = begin.checked_add(u64::try_from(block.metaDataLength()).ok()?)?;
    Some((begin, body, body.checked_add(u64::try_from(block.bodyLength()).ok()?)?))
}

fn has_its_buffers(file: &mut (impl Read + Seek), begin: u64, body: u64) -> Result<(), ArrowError> {
    file.seek(SeekFrom::Start(begin))?;
    let mut word = [0; 4];
    file.read_exact(&mut word)?;
    if word == CONTINUATION {
        file.read_exact(&mut word)?;
    }
    let left = body.checked_sub(file.stream_position()?).ok_or_else(|| wrong("a message has no length"))?;
    let mut message = vec![0; left as usize];
    file.read_exact(&mut message)?;
    let found = root_as_message(&message).map_err(|e| wrong(&format!("a message: {e}")))?;
    unpacked::check(file, &found, body)
}

fn has_its_messages(mut file: BufReader<&mut File>, bytes: u64) -> Result<(), ArrowError> {
    let (mut at, mut message) = (0, Vec::new());
    let word = |file: &mut BufReader<&mut File>, at: &mut u64| -> Result<[u8; 4], ArrowError> {
        let mut word = [0; 4];
        file.read_exact(&mut word).map_err(|_| wrong("it ends without the mark of an end"))?;
        *at += word.len() as u64;
        Ok(word)
    };
    loop {
        let mut length = word(&mut file, &mut at)?;
        if length == CONTINUATION {
            length = word(&mut file, &mut at)?;
        }
        let length = u64::try_from(i32::from_le_bytes(length)).map_err(|_| wrong("a message has no length"))?;
        if length == 0 {
            return if at == bytes { Ok(()) } else { Err(wrong("bytes follow its end")) };
        }
        if length > bytes - at {
            return Err(wrong("it does not hold a message that it speaks of"));
        }
        message.resize(length as usize, 0);
        file.read_exact(&mut message)?;
        at += length;
        let found = root_as_message(&message).map_err(|e| wrong(&format!("a message: {e}")))?;
        let body = u64::try_from(found.bodyLength()).ok().filter(|body| *body <= bytes - at);
        let body = body.ok_or_else(|| wrong("it does not hold the body of a message"))?;
        unpacked::check(&mut file, &found, at)?;
        at += body;
        file.seek(SeekFrom::Start(at))?;
    }
}
