//! Texts that stand for NULL in a file; a field without any text always does.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nulls {
    values: Vec<Vec<u8>>,
    first: [bool; 256],
}

impl Nulls {
    pub fn new(values: &[String]) -> Self {
        let mut first = [false; 256];
        values.iter().filter_map(|v| v.as_bytes().first()).for_each(|b| first[usize::from(*b)] = true);
        Self { values: values.iter().map(|v| v.as_bytes().to_vec()).collect(), first }
    }

    #[inline]
    pub fn contains(&self, text: &[u8]) -> bool {
        match text.first() {
            None => true,
            Some(b) => self.first[usize::from(*b)] && self.values.iter().any(|v| v == text),
        }
    }
}
