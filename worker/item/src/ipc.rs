//! The batches of an Arrow file, after a look at where its messages lie: a reader allocates what a length says, and takes
//! a stream that ends between two messages for a whole one. So a file has to hold every message that it speaks of, and
//! a stream to end with its mark.

use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader, read_footer_length};
use arrow::ipc::{Block, root_as_footer, root_as_message};
use arrow::record_batch::RecordBatchReader;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
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

fn wrong(message: &str) -> ArrowError {
    ArrowError::ParseError(message.to_owned())
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
    match blocks.map(end_of).find(|block| block.is_none_or(|end| end > begin)) {
        Some(_) => Err(wrong("its footer speaks of batches that it does not hold")),
        None => Ok(()),
    }
}

fn end_of(block: &Block) -> Option<u64> {
    let (begin, body) = (u64::try_from(block.offset()).ok()?, u64::try_from(block.bodyLength()).ok()?);
    begin.checked_add(u64::try_from(block.metaDataLength()).ok()?)?.checked_add(body)
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
        file.seek_relative(body as i64)?;
        at += body;
    }
}
