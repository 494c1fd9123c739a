//! The accepted rows of a file in chunks: what reads a chunk knows how many rows it must find there. They are cut by
//! whoever checks the rows, at the ends of rows that were seen, never by searching for line ends a second time.

/// A chunk and its rows about fill the cache of one core. Each costs the engine half a millisecond on its way through a
/// plan with partitions, so that smaller ones are slower; larger ones were not faster with two processes at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Chunks that a file may have beyond those of its size, before a copy without gaps costs less than they do.
const SPARE_CHUNKS: usize = 32;

/// Whole rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub from: usize,
    pub to: usize,
    pub rows: usize,
}

/// The chunks of rows that follow each other.
#[derive(Debug, Default)]
pub struct Chunks {
    cut: Vec<Chunk>,
    open: Option<Chunk>,
}

impl Chunks {
    /// A row that stands from `from` to `to` in the file that is read.
    #[inline]
    pub fn row(&mut self, from: usize, to: usize) {
        match &mut self.open {
            Some(chunk) if chunk.to == from && chunk.to - chunk.from < CHUNK_BYTES => {
                chunk.to = to;
                chunk.rows += 1;
            }
            _ => {
                self.cut.extend(self.open.take());
                self.open = Some(Chunk { from, to, rows: 1 });
            }
        }
    }

    /// Whether one gap more, at `byte` of the file, costs less than a copy of it.
    pub fn spares(&self, byte: usize) -> bool {
        self.cut.len() < SPARE_CHUNKS + 2 * (byte / CHUNK_BYTES)
    }

    pub fn end(mut self) -> Vec<Chunk> {
        self.cut.extend(self.open.take());
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_rows_that_touch() {
        let mut chunks = Chunks::default();
        chunks.row(3, 10);
        chunks.row(10, 12);
        chunks.row(20, 25);
        chunks.row(25, 30 + CHUNK_BYTES);
        chunks.row(30 + CHUNK_BYTES, 31 + CHUNK_BYTES);
        let expected = [(3, 12, 2), (20, 30 + CHUNK_BYTES, 2), (30 + CHUNK_BYTES, 31 + CHUNK_BYTES, 1)];
        assert_eq!(chunks.end(), expected.map(|(from, to, rows)| Chunk { from, to, rows }));
    }

    #[test]
    fn gaps_are_spared_until_a_copy_costs_less() {
        let mut chunks = Chunks::default();
        let rows = |chunks: &mut Chunks, from: usize| {
            (from..)
                .step_by(10)
                .take_while(|at| {
                    chunks.row(*at, at + 9);
                    chunks.spares(at + 9)
                })
                .count()
        };
        assert_eq!(rows(&mut chunks, 0), SPARE_CHUNKS);
        assert_eq!(rows(&mut chunks, 4 * CHUNK_BYTES), 7, "a larger file spares more");
    }
}
