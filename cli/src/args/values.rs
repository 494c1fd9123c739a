//! Values that are read out of one argument, with the form that was expected.

pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, for example --param region=eu".to_owned()),
    }
}

pub fn table_files(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "expected NAME=FILE, for example --table trips=data/trips.csv".to_owned())
}

pub fn table_columns(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "expected NAME=COLUMNS, for example --columns trips=\"id int64, day date\"".to_owned())
}

pub fn accept(text: &str) -> Result<(String, Vec<u32>), String> {
    let wrong = || "expected STEP=ITEM,ITEM, for example --accept normalize=7,8".to_owned();
    let (step, items) = text.split_once('=').ok_or_else(wrong)?;
    let items = items.split(',').map(|i| i.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok((step.to_owned(), items))
}

pub fn number(text: &str) -> Result<(String, f64), String> {
    let wrong = || "expected NAME=NUMBER, for example --rate vcpu_hour=0.05".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), value.parse().map_err(|_| wrong())?))
}
