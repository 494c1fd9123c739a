//! Inputs and outputs of a step's events.

use super::facet::{self, Facets};
use super::facts::{Dataset, InputFacts, StepFacts};
use super::{Events, assertions, columns};
use serde_json::{Map, Value, json};
use spotmill_core::calls::errors;
use spotmill_core::ids::Generation;
use spotmill_core::model::Format;
use spotmill_core::records::GlueTable;
use spotmill_core::types::Column;

/// What the step read, each dataset once.
pub fn inputs(events: &Events<'_>, step: &StepFacts) -> Vec<Value> {
    let mut seen: Vec<&Dataset> = Vec::new();
    let mut all = Vec::new();
    for input in &step.inputs {
        if !seen.contains(&&input.dataset) {
            seen.push(&input.dataset);
            all.push(of_input(events, input));
        }
    }
    all
}

fn of_input(events: &Events<'_>, input: &InputFacts) -> Value {
    let mut facets = described(events, input.format, &input.columns, &input.dataset);
    if let Some(generation) = input.generation {
        facets.add("version", facet::VERSION, version(events, generation));
    }
    add_symlinks(&mut facets, input.table.as_ref());
    let numbers = [("rowCount", input.rows), ("size", input.bytes), ("fileCount", input.files)];
    let numbers: Map<String, Value> =
        numbers.into_iter().filter_map(|(name, n)| Some((name.to_owned(), n?.into()))).collect();
    let mut read = Facets::new(events.producer());
    if !numbers.is_empty() {
        read.add("inputStatistics", facet::READ, Value::Object(numbers));
    }
    let Dataset { namespace, name } = &input.dataset;
    json!({"namespace": namespace, "name": name, "facets": facets.done(), "inputFacets": read.done()})
}

/// What the step made; nothing where a later publication took its place.
pub fn output(events: &Events<'_>, step: &StepFacts) -> Option<Value> {
    let (output, report) = (&step.output, &step.report);
    if output.superseded {
        return None;
    }
    let mut facets = described(events, step.step.output.format, &output.columns, &output.dataset);
    facets.add("version", facet::VERSION, version(events, report.generation));
    add_symlinks(&mut facets, output.table.as_ref());
    if let Some(lineage) = columns::facet(step) {
        facets.add("columnLineage", facet::COLUMNS, lineage);
    }
    if let Some(assertions) = assertions::facet(step, &report.warnings) {
        facets.add("dataQualityAssertions", facet::ASSERTIONS, assertions);
    }
    let mut written = Facets::new(events.producer());
    let numbers = json!({"rowCount": report.rows.written, "size": report.bytes, "fileCount": report.files});
    written.add("outputStatistics", facet::WRITTEN, numbers);
    let Dataset { namespace, name } = &output.dataset;
    Some(json!({"namespace": namespace, "name": name, "facets": facets.done(), "outputFacets": written.done()}))
}

/// What the step would have published, had its expectations held: which of them did not.
pub fn refused(events: &Events<'_>, step: &StepFacts) -> Option<Value> {
    let named = format!("`{}` ", step.report.step);
    let end = events.facts.report.end.as_ref();
    let end = end.filter(|end| end.error == errors::EXPECTATION_FAILED && end.cause.contains(&named))?;
    let assertions = assertions::facet(step, std::slice::from_ref(&end.cause))?;
    let mut facets = Facets::new(events.producer());
    facets.add("dataQualityAssertions", facet::ASSERTIONS, assertions);
    let Dataset { namespace, name } = &step.output.dataset;
    Some(json!({"namespace": namespace, "name": name, "facets": facets.done()}))
}

fn described(events: &Events<'_>, format: Format, columns: &[Column], dataset: &Dataset) -> Facets {
    let mut facets = Facets::new(events.producer());
    let layer = if dataset.namespace == "file" { "file" } else { "s3" };
    let kind = match format {
        Format::Ndjson => "json".to_owned(),
        other => other.to_string(),
    };
    facets.add("storage", facet::STORAGE, json!({"storageLayer": layer, "fileFormat": kind}));
    if !columns.is_empty() {
        let field =
            |(i, c): (usize, &Column)| json!({"name": c.name, "type": c.ty.to_string(), "ordinal_position": i + 1});
        let fields: Vec<Value> = columns.iter().enumerate().map(field).collect();
        facets.add("schema", facet::SCHEMA, json!({"fields": fields}));
    }
    facets
}

/// The other name of files that a table names, as OpenLineage calls tables of Glue wherever they are.
fn add_symlinks(facets: &mut Facets, table: Option<&GlueTable>) {
    let Some(GlueTable { database, table, region, account, .. }) = table else { return };
    let identifier = json!({
        "namespace": format!("arn:aws:glue:{region}:{account}"),
        "name": format!("table/{database}/{table}"),
        "type": "TABLE",
    });
    facets.add("symlinks", facet::SYMLINKS, json!({"identifiers": [identifier]}));
}

/// `flights/2013-01-01 g2`: of a dataset that many runs write to, each writes its own part.
fn version(events: &Events<'_>, generation: Generation) -> Value {
    json!({"datasetVersion": format!("{} g{generation}", events.facts.report.run)})
}
