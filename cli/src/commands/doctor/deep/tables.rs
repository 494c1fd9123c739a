//! The tables of Glue that pipelines name, against those that the stack's role may change: one that was not given to the stack
//! is found here and not after the first run has published.

use super::super::finding::{Finding, fine, problem};
use super::Deep;
use crate::aws::calls::Scene;
use spotmill_core::model::{Catalog, Pipeline};

const WHAT: &str = "tables";

pub(super) fn check(of: &Deep<'_>, scene: &Scene) -> Vec<Finding> {
    let named: Vec<(&Pipeline, &Catalog)> = of.pipelines.iter().copied().flat_map(catalogs).collect();
    let mut found = Vec::new();
    for (pipeline, catalog) in &named {
        for (parameter, arn) in lacking(scene, catalog) {
            let why = format!("{}: {} is not in {parameter}", pipeline.name, catalog.name());
            let what = format!("{why}, so that nobody tells it what was published");
            found.push(problem(WHAT, what, of.given(&format!("{parameter}={arn}"))));
        }
    }
    if found.is_empty() && !named.is_empty() {
        found.push(fine(WHAT, "the tables that pipelines name are those that the stack may change"));
    }
    found
}

fn catalogs(pipeline: &Pipeline) -> impl Iterator<Item = (&Pipeline, &Catalog)> {
    pipeline.steps.iter().filter_map(move |step| Some((pipeline, step.output.catalog.as_ref()?)))
}

/// Parameters of the stack that lack what a table needs, and what they lack.
fn lacking(scene: &Scene, catalog: &Catalog) -> Vec<(&'static str, String)> {
    let arn = |rest: String| format!("arn:{}:glue:{}:{}:{rest}", scene.partition, scene.region, scene.account);
    let table = arn(format!("table/{}/{}", catalog.database, catalog.table));
    let database = arn(format!("database/{}", catalog.database));
    let all = [("TableArns", table, &scene.tables), ("DatabaseArns", database, &scene.databases)];
    let absent = all.into_iter().filter(|(_, arn, given)| !given.contains(arn));
    absent.map(|(parameter, arn, given)| (parameter, [given.as_slice(), &[arn]].concat().join(","))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_given_to_the_stack_with_its_database() {
        let scene = Scene::example();
        let of = |database: &str, table: &str| {
            let catalog = Catalog { database: database.into(), table: table.into(), partition: Vec::new() };
            lacking(&scene, &catalog)
        };
        assert_eq!(of("acme", "by_route"), []);
        let glue = "arn:aws:glue:eu-west-1:123456789012";
        let both = format!("{glue}:table/acme/by_route,{glue}:table/acme/daily");
        assert_eq!(of("acme", "daily"), [("TableArns", both)], "those it has stay");
        assert_eq!(of("lake", "by_route").iter().map(|(p, _)| *p).collect::<Vec<_>>(), ["TableArns", "DatabaseArns"]);
    }
}
