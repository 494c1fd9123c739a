//! Folding frames: the rows of each frame go through accumulators, from one frame to the next with as little work as is
//! exact. It promises each value as if its frame were the only one fed, but for the order in which floats are added. It
//! never takes a float back out of a sum: a frame of floats that loses its first rows is fed anew, or from its end.

use std::ops::Range;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter as kept;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Accumulator, ReversedUDAF};
use datafusion_functions_aggregate::count::Count;

use crate::accumulator::{Accumulators, Aggregate};
use crate::repeats::Repeats;

pub(crate) struct Fold<'a> {
    args: &'a [ArrayRef],
    accumulators: Accumulators<'a>,
    /// With DISTINCT, which rows repeat which.
    repeats: Option<Repeats>,
    /// Whether rows that leave a frame are taken back.
    slides: bool,
    /// Whether rows may be fed from the last to the first.
    turns: bool,
    /// An accumulator and the rows it was fed.
    now: Option<(Box<dyn Accumulator>, Range<usize>)>,
    values: Vec<ScalarValue>,
}

impl<'a> Fold<'a> {
    pub(crate) fn new(aggregate: &'a Aggregate, spans: &[Range<usize>]) -> Result<Fold<'a>> {
        let overlap = |pair: &[Range<usize>]| pair[0].start < pair[1].start && pair[1].start < pair[0].end;
        let accumulators = Accumulators::new(aggregate);
        let slides = spans.windows(2).any(overlap)
            && takes_back_exactly(aggregate)
            && accumulators.sliding()?.supports_retract_batch();
        Ok(Fold {
            args: &aggregate.args,
            accumulators,
            repeats: if aggregate.distinct { Some(Repeats::new(&aggregate.args)?) } else { None },
            slides,
            turns: !slides && matches!(aggregate.function.reverse_udf(), ReversedUDAF::Identical),
            now: None,
            values: Vec::new(),
        })
    }

    pub(crate) fn values(mut self, spans: &[Range<usize>]) -> Result<Vec<ScalarValue>> {
        // Neighbours that are the same are folded once.
        let mut folded = spans.to_vec();
        folded.dedup();
        self.fold(&folded)?;
        if folded.len() == spans.len() {
            return Ok(self.values);
        }
        let mut place = 0;
        let value = |span: &Range<usize>| {
            place += usize::from(folded[place] != *span);
            self.values[place].clone()
        };
        Ok(spans.iter().map(value).collect())
    }

    fn fold(&mut self, spans: &[Range<usize>]) -> Result<()> {
        let mut rest = spans;
        while let Some(first) = rest.first() {
            let mut done = 1;
            while self.turns && rest.get(done).is_some_and(|next| shrinks(&rest[done - 1], next)) {
                done += 1;
            }
            if done > 1 {
                self.backward(&rest[..done])?;
            } else {
                self.forward(first)?;
            }
            rest = &rest[done..];
        }
        Ok(())
    }

    /// The value of a frame from what the frame before it left, or anew.
    fn forward(&mut self, span: &Range<usize>) -> Result<()> {
        let (mut accumulator, fed) = match self.now.take() {
            Some((accumulator, fed)) if self.reaches(&fed, span) => (accumulator, fed),
            _ if self.slides => (self.accumulators.sliding()?, span.start..span.start),
            _ => (self.accumulators.plain()?, span.start..span.start),
        };
        // A value leaves with its last row in the frame, and enters with its first.
        let leaving = self.rows(fed.start..span.start, |repeats, row| repeats.next(row) >= fed.end)?;
        if let Some(leaving) = leaving {
            accumulator.retract_batch(&leaving)?;
        }
        let entering = self.rows(fed.end..span.end, |repeats, row| repeats.is_first(row, span.start))?;
        if let Some(entering) = entering {
            accumulator.update_batch(&entering)?;
        }
        self.values.push(accumulator.evaluate()?);
        self.now = Some((accumulator, span.clone()));
        Ok(())
    }

    fn reaches(&self, fed: &Range<usize>, span: &Range<usize>) -> bool {
        let starts = fed.start == span.start || (self.slides && fed.start < span.start && span.start < fed.end);
        starts && fed.end <= span.end
    }

    /// The values of frames that end together, each inside the one before it: fed from the end.
    fn backward(&mut self, spans: &[Range<usize>]) -> Result<()> {
        let mut accumulator = self.accumulators.plain()?;
        let mut values = Vec::with_capacity(spans.len());
        let mut fed = spans.last().map_or(0, |span| span.end);
        for span in spans.iter().rev() {
            let entering = self.rows(span.start..fed, |repeats, row| repeats.next(row) >= span.end)?;
            if let Some(entering) = entering {
                accumulator.update_batch(&entering)?;
            }
            fed = span.start;
            values.push(accumulator.evaluate()?);
        }
        self.values.extend(values.into_iter().rev());
        self.now = None;
        Ok(())
    }

    /// The arguments over these rows, less repeats that are not wanted. None where no row is left.
    fn rows(&self, rows: Range<usize>, wanted: impl Fn(&Repeats, usize) -> bool) -> Result<Option<Vec<ArrayRef>>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let args: Vec<_> = self.args.iter().map(|arg| arg.slice(rows.start, rows.len())).collect();
        let Some(repeats) = &self.repeats else { return Ok(Some(args)) };
        let wanted: BooleanArray = rows.map(|row| wanted(repeats, row)).collect::<Vec<bool>>().into();
        match wanted.true_count() {
            0 => Ok(None),
            all if all == wanted.len() => Ok(Some(args)),
            _ => Ok(Some(args.iter().map(|arg| kept(arg, &wanted)).collect::<Result<_, _>>()?)),
        }
    }
}

fn shrinks(span: &Range<usize>, next: &Range<usize>) -> bool {
    span.end == next.end && span.start < next.start
}

/// Whether the function's accumulator, having taken rows back, is as if it had never seen them.
fn takes_back_exactly(aggregate: &Aggregate) -> bool {
    let function = aggregate.function.inner();
    let argument = aggregate.arg_fields[0].data_type();
    // Sums and means of any package: exact ones are added up in integers.
    if matches!(aggregate.function.name(), "sum" | "avg") {
        return !argument.is_floating();
    }
    if aggregate.is_extreme() {
        return !argument.is_nested() && !matches!(argument, DataType::Interval(_));
    }
    function.downcast_ref::<Count>().is_some()
}
