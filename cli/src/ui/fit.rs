//! Tables that hold at the width of a terminal. Long values end in `…`, and columns that find no room leave from the
//! middle, with how many there are in their place; in a pipe everything is written.

use std::io::IsTerminal;

/// Characters between two columns.
const GAP: usize = 2;
/// What a value keeps at least before columns leave.
const KEPT: usize = 24;

/// Characters of a line of the terminal: what COLUMNS says, else its own width; none where there is no terminal.
pub fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let named = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
    named.or_else(|| {
        let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
        Some(usize::from(size.ws_col)).filter(|n| *n > 0)
    })
}

/// Names and rows of a result, as wide as there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Where the columns were in the result; none for the one that stands for those left out.
    pub from: Vec<Option<usize>>,
}

pub fn fit(names: Vec<String>, rows: Vec<Vec<String>>, room: Option<usize>) -> Fitted {
    let from = (0..names.len()).map(Some).collect();
    let whole = Fitted { names, rows, from };
    match room {
        Some(room) if whole.width() > room => whole.shortened(room).narrowed(room),
        _ => whole,
    }
}

impl Fitted {
    fn widths(&self) -> Vec<usize> {
        let cells = |i: usize| self.rows.iter().filter_map(move |row| row.get(i)).map(|cell| cell.chars().count());
        self.names.iter().enumerate().map(|(i, name)| cells(i).fold(name.chars().count(), usize::max)).collect()
    }

    fn width(&self) -> usize {
        self.widths().iter().map(|w| w + GAP).sum::<usize>().saturating_sub(GAP)
    }

    /// The widest column shrinks until all have room or none is wide any more.
    fn shortened(mut self, room: usize) -> Fitted {
        let mut widths = self.widths();
        while widths.iter().map(|w| w + GAP).sum::<usize>() > room + GAP {
            match widths.iter_mut().max() {
                Some(widest) if *widest > KEPT => *widest -= 1,
                _ => break,
            }
        }
        for (i, most) in widths.iter().enumerate() {
            shorten(&mut self.names[i], *most);
            self.rows.iter_mut().filter_map(|row| row.get_mut(i)).for_each(|cell| shorten(cell, *most));
        }
        self
    }

    /// Columns from both ends in turn, as many as there is room for beside the mark.
    fn narrowed(self, room: usize) -> Fitted {
        let widths = self.widths();
        if self.width() <= room {
            return self;
        }
        let mark = |left_out: usize| format!("… {left_out} more");
        let (mut head, mut tail, mut used) = (0, 0, mark(widths.len()).chars().count());
        while head + tail + 1 < widths.len() {
            let from_head = head <= tail;
            let next = if from_head { head } else { widths.len() - 1 - tail };
            used += widths[next] + GAP;
            if used > room && head + tail > 0 {
                break;
            }
            if from_head { head += 1 } else { tail += 1 }
        }
        let all = widths.len();
        let kept = |i: &usize| *i < head || *i >= all - tail;
        let pick = |cells: Vec<String>, mark: String| {
            let mut picked: Vec<String> = Vec::new();
            for (i, cell) in cells.into_iter().enumerate() {
                if kept(&i) {
                    picked.push(cell);
                } else if i == head {
                    picked.push(mark.clone());
                }
            }
            picked
        };
        Fitted {
            names: pick(self.names, mark(all - head - tail)),
            rows: self.rows.into_iter().map(|row| pick(row, "…".to_owned())).collect(),
            from: (0..=head + tail)
                .map(|i| if i < head { Some(i) } else { (i > head).then(|| all - (head + tail + 1 - i)) })
                .collect(),
        }
    }
}

fn shorten(cell: &mut String, most: usize) {
    if cell.chars().count() > most {
        *cell = cell.chars().take(most.saturating_sub(1)).chain(['…']).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn what_has_room_is_left_alone() {
        let (names, rows) = (texts(&["a", "b"]), vec![texts(&["1", "two"])]);
        for room in [None, Some(80), Some(6)] {
            assert_eq!(fit(names.clone(), rows.clone(), room).rows, rows, "{room:?}");
        }
    }

    #[test]
    fn a_long_value_gives_way_before_a_column_does() {
        let long = "x".repeat(100);
        let fitted = fit(texts(&["id", "text"]), vec![texts(&["1", &long])], Some(60));
        assert_eq!(fitted.names, ["id", "text"]);
        assert_eq!(fitted.rows[0][1].chars().count(), 56);
        assert!(fitted.rows[0][1].ends_with('…'));
    }

    #[test]
    fn columns_leave_from_the_middle_and_are_counted() {
        let names: Vec<String> = (0..20).map(|i| format!("column_{i:02}")).collect();
        let rows = vec![names.clone()];
        for room in [40, 60, 78, 100] {
            let fitted = fit(names.clone(), rows.clone(), Some(room));
            assert!(fitted.width() <= room, "{room}: {fitted:?}");
            let at = fitted.from.iter().position(Option::is_none).expect("a mark");
            assert_eq!(fitted.names[at], format!("… {} more", 21 - fitted.names.len()));
            assert_eq!(fitted.rows[0].len(), fitted.names.len());
            for (name, from) in fitted.names.iter().zip(&fitted.from) {
                assert!(from.is_none_or(|i| names[i] == *name), "{fitted:?}");
            }
            assert_eq!(fitted.names.last(), names.last());
        }
    }

    #[test]
    fn one_column_is_always_shown() {
        let fitted = fit(texts(&["a", "b", "c"]), vec![vec!["x".repeat(30); 3]], Some(5));
        assert_eq!(fitted.names, ["a", "… 2 more"]);
    }
}
