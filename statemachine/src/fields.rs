//! The fields of one JSON object, taken one by one. It names the place and the field of whatever is missing, of the
//! wrong type, out of bounds or left over; what a field means is for `parse`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{ParseError, Parsed};
use crate::query::{Place, Template, is_function_name};

/// The fields of one object; each is taken once, and what is left over at the end is unknown.
pub(crate) struct Fields {
    place: String,
    prefix: String,
    left: Map<String, Value>,
}

impl Fields {
    pub fn of(place: &str, prefix: &str, json: Value) -> Parsed<Self> {
        match json {
            Value::Object(left) => Ok(Self { place: place.into(), prefix: prefix.into(), left }),
            _ => Err(ParseError::Field {
                place: place.into(),
                field: prefix.trim_end_matches('.').into(),
                problem: "must be an object".into(),
            }),
        }
    }

    pub fn error(&self, field: &str, problem: &str) -> ParseError {
        ParseError::Field {
            place: self.place.clone(),
            field: format!("{}{field}", self.prefix),
            problem: problem.into(),
        }
    }

    pub fn take<T: DeserializeOwned>(&mut self, field: &str) -> Parsed<Option<T>> {
        let Some(json) = self.left.shift_remove(field) else {
            return Ok(None);
        };
        serde_json::from_value(json).map(Some).map_err(|problem| self.error(field, &problem.to_string()))
    }

    pub fn need<T: DeserializeOwned>(&mut self, field: &str) -> Parsed<T> {
        self.take(field)?.ok_or_else(|| self.error(field, "is missing"))
    }

    pub fn take_within(&mut self, field: &str, least: u64, most: u64) -> Parsed<Option<u64>> {
        let Some(number) = self.take::<u64>(field)? else {
            return Ok(None);
        };
        match (least..=most).contains(&number) {
            true => Ok(Some(number)),
            false => Err(self.error(field, &format!("must be within {least} and {most}"))),
        }
    }

    pub fn need_fields(&mut self, field: &str) -> Parsed<Self> {
        let json = self.need(field)?;
        Self::of(&self.place, &format!("{}{field}.", self.prefix), json)
    }

    pub fn take_each(&mut self, field: &str) -> Parsed<Vec<Self>> {
        let items: Vec<Value> = self.take(field)?.unwrap_or_default();
        let each = items.into_iter().enumerate();
        each.map(|(at, json)| Self::of(&self.place, &format!("{}{field}[{at}].", self.prefix), json)).collect()
    }

    pub fn template(&mut self, field: &str, place: Place) -> Parsed<Option<Template>> {
        let Some(json) = self.left.shift_remove(field) else {
            return Ok(None);
        };
        Template::parse(json, place).map(Some).map_err(|problem| self.error(field, &problem))
    }

    pub fn need_template(&mut self, field: &str, place: Place) -> Parsed<Template> {
        self.template(field, place)?.ok_or_else(|| self.error(field, "is missing"))
    }

    pub fn assign(&mut self, place: Place) -> Parsed<BTreeMap<String, Template>> {
        if !self.left.contains_key("Assign") {
            return Ok(BTreeMap::new());
        }
        let mut fields = self.need_fields("Assign")?;
        let names: Vec<String> = fields.left.keys().cloned().collect();
        let mut assign = BTreeMap::new();
        for name in names {
            if is_function_name(&name) {
                return Err(fields.error(&name, "is also the name of a JSONata function"));
            }
            let template = fields.need_template(&name, place)?;
            assign.insert(name, template);
        }
        Ok(assign)
    }

    pub fn error_equals(&mut self) -> Parsed<Vec<String>> {
        let names: Vec<String> = self.need("ErrorEquals")?;
        match names.is_empty() {
            true => Err(self.error("ErrorEquals", "must name an error")),
            false => Ok(names),
        }
    }

    pub fn finish(self) -> Parsed<()> {
        match self.left.keys().next() {
            Some(unknown) => Err(self.error(unknown, "is unknown, or outside the subset")),
            None => Ok(()),
        }
    }
}
