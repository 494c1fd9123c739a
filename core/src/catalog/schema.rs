//! How the columns of a table may change. Readers name columns, so one that is new may come, and one that a run does not
//! make reads as NULL there. One that changes its type, or that goes while another comes, would be read as something else.

use super::Field;

/// The columns that the table has afterwards, in its own order with what is new at the end; or what is refused.
pub fn merged(table: &[Field], run: &[Field]) -> Result<Vec<Field>, String> {
    let find = |list: &[Field], name: &str| list.iter().find(|f| f.name == name).cloned();
    let mut retyped = run.iter().filter_map(|f| find(table, &f.name).filter(|was| was.ty != f.ty).map(|was| (was, f)));
    if let Some((was, is)) = retyped.next() {
        return Err(format!("column `{}` is {} in the table and {} in this run", is.name, was.ty, is.ty));
    }
    let new: Vec<Field> = run.iter().filter(|f| find(table, &f.name).is_none()).cloned().collect();
    let gone: Vec<&Field> = table.iter().filter(|f| find(run, &f.name).is_none()).collect();
    if let (false, false) = (new.is_empty(), gone.is_empty()) {
        let list = |all: &mut dyn Iterator<Item = &Field>| {
            all.map(|f| format!("`{}` {}", f.name, f.ty)).collect::<Vec<_>>().join(", ")
        };
        let (table, run) = (list(&mut gone.into_iter()), list(&mut new.iter()));
        return Err(format!("the table has {table}, which this run does not make, and this run makes {run} instead"));
    }
    Ok(table.iter().cloned().chain(new).collect())
}
