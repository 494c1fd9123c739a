//! The form in which a copy holds accepted rows: CSV with commas, NULL as nothing and an empty text in quotes, so that
//! the engine needs no setting to read it. A row of one column ends in a second, empty field: a line of nothing would
//! be no row.

/// The name of the second field.
pub const FILLER: &str = "\u{1}filler";

/// Begins a row, adds fields, ends it.
#[derive(Default)]
pub struct RowText {
    pub bytes: Vec<u8>,
    fields: usize,
}

impl RowText {
    pub fn begin(&mut self) {
        self.bytes.clear();
        self.fields = 0;
    }

    pub fn null(&mut self) {
        self.next();
    }

    pub fn value(&mut self, text: &[u8]) {
        self.next();
        if text.is_empty() {
            self.bytes.extend_from_slice(b"\"\"");
        } else {
            quote_if_needed(text, b',', &mut self.bytes);
        }
    }

    fn next(&mut self) {
        if self.fields > 0 {
            self.bytes.push(b',');
        }
        self.fields += 1;
    }

    pub fn end(&mut self) {
        if self.fields == 1 {
            self.bytes.push(b',');
        }
        self.bytes.push(b'\n');
    }
}

/// A CSV field in quotes.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// In quotes if the engine would otherwise read something else.
pub fn quote_if_needed(text: &[u8], separator: u8, out: &mut Vec<u8>) {
    if text.iter().any(|b| matches!(b, b'"' | b'\r' | b'\n') || *b == separator) {
        quote(text, out);
    } else {
        out.extend_from_slice(text);
    }
}
