//! INT96 timestamps, which Spark, Hive and Impala wrote for years. The engine makes nanoseconds of them, which have no
//! room for 9999-12-31; so a copy of the file has a footer in which such a column is what it is made of: twelve bytes.
//! The pages are the same. `instants` makes timestamps of them. Columns of types that the engine has not (`foreign`)
//! become what they are made of in the same way.

use crate::failure::{Outcome, bad_data, cannot_read, cannot_write};
use crate::footer::lengths;
use polars_parquet_format::thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol};
use polars_parquet_format::{FileMetaData, SchemaElement, Type};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

pub const BYTES: usize = 12;
const MAGIC: &[u8; 4] = b"PAR1";

/// Writes `copy`: the file with its INT96 columns as bytes, and those named `foreign` as what they are made of.
pub fn as_bytes(path: &Path, foreign: &BTreeMap<String, String>, copy: &Path) -> Outcome<()> {
    let mut file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let (body, footer) = split(&mut file).map_err(|e| cannot_read(path, &e))?;
    let name = path.display().to_string();
    let broken =
        |e: polars_parquet_format::thrift::Error| bad_data(&name, format!("{name}: its footer is no Parquet: {e}"));
    let bytes = footer.len().saturating_mul(64);
    let mut metadata =
        FileMetaData::read_from_in_protocol(&mut TCompactInputProtocol::new(&footer[..], bytes)).map_err(broken)?;
    retype(&mut metadata);
    strip(&mut metadata.schema, foreign);
    let mut footer = Vec::new();
    metadata.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut footer)).map_err(broken)?;
    write(&mut file, body, &footer, copy).map_err(|e| cannot_write(copy, &e))
}

/// How long the pages are, and the footer.
fn split(file: &mut File) -> io::Result<(u64, Vec<u8>)> {
    let (body, footer) = lengths(file)?;
    let mut bytes = vec![0; footer as usize];
    file.seek(SeekFrom::Start(body))?;
    file.read_exact(&mut bytes)?;
    Ok((body, bytes))
}

fn retype(metadata: &mut FileMetaData) {
    // It would make the engine read those bytes as timestamps.
    metadata.key_value_metadata.iter_mut().for_each(|pairs| pairs.retain(|pair| pair.key != "ARROW:schema"));
    for element in metadata.schema.iter_mut().filter(|e| e.type_ == Some(Type::INT96)) {
        element.type_ = Some(Type::FIXED_LEN_BYTE_ARRAY);
        element.type_length = Some(BYTES as i32);
    }
    let chunks = metadata.row_groups.iter_mut().flat_map(|group| &mut group.columns);
    for chunk in chunks {
        let Some(column) = chunk.meta_data.as_mut().filter(|column| column.type_ == Type::INT96) else { continue };
        column.type_ = Type::FIXED_LEN_BYTE_ARRAY;
        // Its bytes are in no order.
        column.statistics = None;
        (chunk.column_index_offset, chunk.column_index_length) = (None, None);
    }
}

/// Takes the meaning from the leaves of these columns: only their bytes are left, which every reader has types for.
fn strip(elements: &mut [SchemaElement], foreign: &BTreeMap<String, String>) {
    let mut elements = elements.iter_mut();
    let columns = elements.next().and_then(|root| root.num_children).unwrap_or_default();
    for _ in 0..columns {
        let Some(column) = elements.next() else { return };
        let is_foreign = foreign.contains_key(&column.name);
        let mut inside = stripped(column, is_foreign);
        while inside > 0 {
            let Some(element) = elements.next() else { return };
            inside = inside - 1 + stripped(element, is_foreign);
        }
    }
}

/// How many elements stand in it.
fn stripped(element: &mut SchemaElement, is_foreign: bool) -> i64 {
    let inside = element.num_children.map_or(0, i64::from).max(0);
    if is_foreign && inside == 0 {
        (element.logical_type, element.converted_type) = (None, None);
        (element.precision, element.scale) = (None, None);
    }
    inside
}

fn write(file: &mut File, body: u64, footer: &[u8], copy: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(copy)?);
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file.take(body), &mut out)?;
    out.write_all(footer)?;
    out.write_all(&(footer.len() as u32).to_le_bytes())?;
    out.write_all(MAGIC)?;
    out.flush()
}
