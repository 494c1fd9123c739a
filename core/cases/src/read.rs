//! From a file of tests to its cases, with everything that is wrong with it: steps and params that the pipeline does not
//! have, keys that contradict each other, two tests of one name. Whether cells are values of their columns is asked
//! later, when the columns are known (`fits`).

use crate::cell::{Row, rows_of};
use crate::file::{self, ExpectTable, ExpectedError, FileEntry, Matching, Order, TestTable};
use spotmill_core::model::{By, ItemValue, Pipeline, Source, Step, Transform};
use spotmill_core::nearest::nearest;
use spotmill_core::types::Column;
use spotmill_spec as spec;
use spotmill_spec::query::read_of;
use spotmill_spec::tree::Node;
use spotmill_spec::{Place, Problem, Sources, sql};
use std::collections::BTreeMap;
use std::ops::Range;

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// Where it stands: the file as messages show it, and the place of its name.
    pub file: String,
    pub line: usize,
    pub place: Range<usize>,
    pub step: String,
    /// Every param's value: as the test gives it, by default, or synthetic where nothing depends on it.
    pub params: BTreeMap<String, serde_json::Value>,
    pub input: Input,
    pub tables: BTreeMap<String, Given>,
    pub value: Option<ItemValue>,
    pub expect: Expect,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// No rows.
    Nothing,
    /// Rows of the step's input as the step sees them.
    Rows(Given),
    /// Files that the step reads as its own.
    Files(Vec<Named>),
}

#[derive(Clone, Debug)]
pub enum Given {
    Rows(Vec<Row>),
    Csv { text: String, place: Range<usize> },
    File(Named),
}

/// A file's name, relative to the project, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub path: String,
    pub place: Range<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct Expect {
    pub rows: Option<WantedRows>,
    pub error: Option<ExpectedError>,
    pub message: Option<String>,
    pub rejected: Vec<Rejected>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    pub line: Option<u64>,
    pub column: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct WantedRows {
    pub rows: Vec<Row>,
    pub subset: bool,
    pub listed: bool,
    /// The names of columns that are compared, with their places; none: all.
    pub columns: Option<Vec<(String, Range<usize>)>>,
    pub tolerance: f64,
    /// Of the array.
    pub place: Range<usize>,
}

impl WantedRows {
    /// Which of the step's columns are compared, by their places among them.
    pub fn compared(&self, columns: &[Column]) -> Vec<usize> {
        let named = |column: &Column| match (&self.columns, self.subset) {
            (Some(named), _) => named.iter().any(|(name, _)| *name == column.name),
            (None, true) => self.rows.iter().any(|row| row.get(&column.name).is_some()),
            (None, false) => true,
        };
        (0..columns.len()).filter(|i| named(&columns[*i])).collect()
    }

    /// A row's cells in the compared columns; none where the row leaves one open.
    pub fn cells<'a>(&self, row: &'a Row, columns: &[Column], compared: &[usize]) -> Vec<Option<Option<&'a str>>> {
        let cell = |i: &usize| match row.get(&columns[*i].name) {
            Some(cell) => Some(cell.text.as_deref()),
            None if self.subset => None,
            None => Some(None),
        };
        compared.iter().map(cell).collect()
    }
}

/// The cases of one file, or everything that is wrong with it. `target` is whose params are the defaults.
pub fn read(sources: &Sources, pipeline: &Pipeline, target: &str) -> Result<Vec<Case>, Vec<Problem>> {
    let (file, root) = spec::document::<file::File>(sources, "a file of tests")?;
    let none = Node { span: 0..0, kind: spec::tree::Kind::Array(Vec::new()) };
    let nodes = root.get("test").map_or(&none, |entry| &entry.node).items();
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for (table, node) in file.test.unwrap_or_default().into_iter().zip(nodes) {
        let mut reader = Reader { sources, pipeline, target, node, problems: Vec::new() };
        let case = reader.case(table);
        cases.extend(case.filter(|_| reader.problems.is_empty()));
        problems.extend(reader.problems);
    }
    if problems.is_empty() { Ok(cases) } else { Err(spec::arrange(problems, sources)) }
}

/// Tests of one name, each at its place; `cases` are those of all files.
pub fn duplicates(cases: &[Case]) -> Vec<Problem> {
    let twice = cases.iter().enumerate().filter_map(|(i, case)| {
        let first = cases[..i].iter().find(|before| before.name == case.name)?;
        let place = Place { file: case.file.clone(), span: case.place.clone() };
        let label = format!("the first is in {}, line {}", first.file, first.line);
        Some(Problem::error("duplicate-test", format!("two tests are named `{}`", case.name)).at(place, label))
    });
    twice.collect()
}

struct Reader<'a> {
    sources: &'a Sources,
    pipeline: &'a Pipeline,
    target: &'a str,
    /// Of the test's table.
    node: &'a Node,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn case(&mut self, table: TestTable) -> Option<Case> {
        let name = table.name.unwrap_or_default();
        if name.trim().is_empty() || name.contains('\n') {
            self.error("bad-value", "a test has a name of one line", self.at(&["name"]), "say what holds");
        }
        let step_name = table.step.unwrap_or_default();
        let pipeline = self.pipeline;
        let Some(step) = pipeline.step(&step_name) else {
            let names: Vec<&str> = pipeline.steps.iter().map(|s| s.name.as_str()).collect();
            let label = match nearest(&step_name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("steps: {}", names.join(", ")),
            };
            self.error("unknown-step", format!("there is no step `{step_name}`"), self.at(&["step"]), label);
            return None;
        };
        let given: BTreeMap<String, serde_json::Value> = table.params.into_iter().map(|(k, v)| (k, v.0)).collect();
        let params = self.params(step, given);
        let input = self.input(step);
        let tables = self.tables(step);
        let value = self.value(step, table.given.value.map(|v| v.0));
        if let Some(FileEntry::Several(none)) = &table.given.file
            && none.is_empty()
        {
            self.error(
                "bad-value",
                "`given.file` names no file",
                self.at(&["given", "file"]),
                "name one, or leave it out",
            );
        }
        let expect = self.expect(table.expect.unwrap_or_default());
        let place = self.at(&["name"]);
        let line = self.sources.toml.get(..place.start).unwrap_or_default().matches('\n').count() + 1;
        let file = self.sources.path.clone();
        Some(Case { name, file, line, place, step: step_name, params, input, tables, value, expect })
    }

    /// The node below the test's table.
    fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self.node, |node, key| node.get(key).map(|entry| &entry.node))
    }

    /// Where a value stands, or the nearest thing around it.
    fn at(&self, path: &[&str]) -> Range<usize> {
        let mut node = self.node;
        for key in path {
            match node.get(key) {
                Some(entry) => node = &entry.node,
                None => break,
            }
        }
        node.span.clone()
    }

    fn error(&mut self, name: &'static str, title: impl Into<String>, span: Range<usize>, label: impl Into<String>) {
        let place = Place { file: self.sources.path.clone(), span };
        self.problems.push(Problem::error(name, title).at(place, label));
    }

    fn params(
        &mut self,
        step: &Step,
        given: BTreeMap<String, serde_json::Value>,
    ) -> BTreeMap<String, serde_json::Value> {
        let mut all = given.clone();
        let overrides = self.pipeline.targets.get(self.target);
        for (name, param) in &self.pipeline.params {
            let has_value = all.contains_key(name)
                || param.default.is_some()
                || overrides.is_some_and(|values| values.contains_key(name));
            if has_value {
                continue;
            }
            if depends(step, name) {
                let title = format!("the test says no value of `{name}`, which `{}` depends on", step.name);
                self.error("missing-param", title, self.at(&["name"]), format!("add `params = {{ {name} = … }}`"));
            }
            all.insert(name.clone(), spec::sample(param));
        }
        if let Err(wrong) = spec::resolve(self.pipeline, self.target, &all, None) {
            for problem in wrong {
                let span = match given.contains_key(&problem.param) {
                    true => self.at(&["params", &problem.param]),
                    false => self.at(&["name"]),
                };
                self.error("bad-param", format!("`{}`: {}", problem.param, problem.message), span, "");
            }
        }
        all
    }

    fn input(&mut self, step: &Step) -> Input {
        let rows = self.find(&["given", "input"]).cloned();
        let file = self.find(&["given", "file"]).cloned();
        match (rows, file) {
            (Some(_), Some(_)) => {
                let label = "`input` is rows as the step sees them, `file` is read by the step: give one";
                self.error("misplaced-key", "`given` has both `input` and `file`", self.at(&["given", "file"]), label);
                Input::Nothing
            }
            (Some(rows), None) => self.given(&rows).map_or(Input::Nothing, Input::Rows),
            (None, Some(file)) => {
                if let Source::Step { step: upstream, .. } = &step.input.source {
                    let label = format!("it reads what `{upstream}` makes: give rows with `given.input`");
                    let title = format!("`{}` reads no files of its own", step.name);
                    self.error("misplaced-key", title, file.span.clone(), label);
                }
                let named =
                    |node: &Node| node.text().map(|path| Named { path: path.to_owned(), place: node.span.clone() });
                match file.text() {
                    Some(_) => Input::Files(named(&file).into_iter().collect()),
                    None => Input::Files(file.items().iter().filter_map(named).collect()),
                }
            }
            (None, None) => Input::Nothing,
        }
    }

    fn tables(&mut self, step: &Step) -> BTreeMap<String, Given> {
        let Some(tables) = self.find(&["given", "tables"]).cloned() else { return BTreeMap::new() };
        let mut out = BTreeMap::new();
        for entry in tables.entries() {
            if !step.tables.contains_key(&entry.key) {
                let label = match nearest(&entry.key, step.tables.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if step.tables.is_empty() => "it has none".to_owned(),
                    None => format!("it has {}", step.tables.keys().cloned().collect::<Vec<_>>().join(", ")),
                };
                let title = format!("`{}` has no side table `{}`", step.name, entry.key);
                self.error("unknown-table", title, entry.key_span.clone(), label);
            }
            out.extend(self.given(&entry.node).map(|given| (entry.key.clone(), given)));
        }
        out
    }

    /// Rows, CSV text, or a file whose ending says how it is read.
    fn given(&mut self, node: &Node) -> Option<Given> {
        let Some(text) = node.text() else {
            let rows = rows_of(node, self.sources, &mut self.problems);
            return Some(Given::Rows(rows));
        };
        if text.contains('\n') {
            return Some(Given::Csv { text: text.to_owned(), place: node.span.clone() });
        }
        if read_of(text).is_none() {
            let label = format!("a file ends in {}; CSV text has a line with names", spotmill_core::endings::LIST);
            self.error("bad-value", "this is neither CSV text nor a file", node.span.clone(), label);
            return None;
        }
        Some(Given::File(Named { path: text.to_owned(), place: node.span.clone() }))
    }

    fn value(&mut self, step: &Step, given: Option<serde_json::Value>) -> Option<ItemValue> {
        let value = match &given {
            Some(serde_json::Value::Number(n)) => n.as_i64().map(ItemValue::Int),
            Some(serde_json::Value::String(text)) => Some(ItemValue::Text(text.clone())),
            _ => None,
        };
        let span = self.at(&["given", "value"]);
        match (&step.input.values, &given) {
            (Some(values), None) => {
                let title = format!("each item of `{}` is one value of `{}`", step.name, values.column);
                self.error("missing-key", title, self.at(&["name"]), "say which: `given.value = …`");
            }
            (None, Some(_)) => {
                let label = format!("the input of `{}` has no `values`", step.name);
                self.error("misplaced-key", "`given.value` has no meaning here", span, label);
            }
            (Some(_), Some(_)) if value.is_none() => {
                self.error("bad-value", "a value is a whole number or a text", span, "as the step's `values` has it");
            }
            _ => {}
        }
        value
    }

    fn expect(&mut self, table: ExpectTable) -> Expect {
        let rejected = table.rejected.iter().flatten().map(|row| Rejected {
            line: row.line,
            column: row.column.clone(),
            reason: row.reason.clone(),
        });
        let rejected: Vec<Rejected> = rejected.collect();
        self.contradictions(&table);
        let rows = table.rows.is_some().then(|| {
            let node = self.find(&["expect", "rows"]).cloned();
            let node = node.unwrap_or(Node { span: 0..0, kind: spec::tree::Kind::Array(Vec::new()) });
            let columns = self
                .find(&["expect", "columns"])
                .map(|node| node.items().iter().filter_map(|n| Some((n.text()?.to_owned(), n.span.clone()))).collect());
            WantedRows {
                rows: rows_of(&node, self.sources, &mut self.problems),
                subset: table.matching.unwrap_or_default() == Matching::Subset,
                listed: table.order.unwrap_or_default() == Order::Listed,
                columns,
                tolerance: table.tolerance.unwrap_or_default(),
                place: node.span.clone(),
            }
        });
        Expect { rows, error: table.error, message: table.message, rejected }
    }

    fn contradictions(&mut self, table: &ExpectTable) {
        let ExpectTable { rows, matching, order, columns, tolerance, error, message, rejected } = table;
        if rows.is_none() && error.is_none() && rejected.is_none() {
            let label = "say `rows`, `rejected` or `error`";
            self.error("missing-key", "the test expects nothing", self.at(&["expect"]), label);
        }
        if rows.is_some() && error.is_some() {
            let label = "a step that fails makes no rows: leave one of them out";
            self.error("misplaced-key", "`expect` has both `rows` and `error`", self.at(&["expect", "error"]), label);
        }
        if message.is_some() && error.is_none() {
            let at = self.at(&["expect", "message"]);
            self.error("misplaced-key", "`message` belongs to `error`", at, "say which: `error = \"transform\"`");
        }
        let of_rows = [
            ("match", matching.is_some()),
            ("order", order.is_some()),
            ("columns", columns.is_some()),
            ("tolerance", tolerance.is_some()),
        ];
        for (key, _) in of_rows.into_iter().filter(|(_, given)| *given && rows.is_none()) {
            let title = format!("`{key}` is how rows are compared");
            self.error("misplaced-key", title, self.at(&["expect", key]), "add `rows`, or leave it out");
        }
        if tolerance.is_some_and(|t| !t.is_finite() || t < 0.0) {
            let at = self.at(&["expect", "tolerance"]);
            self.error("bad-value", "`tolerance` is how far two floats may be apart", at, "a number from 0");
        }
        if rejected.iter().flatten().any(|row| row.line.is_none() && row.column.is_none() && row.reason.is_none()) {
            let label = "such as `{ line = 3, column = \"amount\" }`";
            self.error("bad-value", "a rejected row is named", self.at(&["expect", "rejected"]), label);
        }
    }
}

/// Whether what the step makes may depend on the param: its SQL names it, or it is a function, which sees all.
fn depends(step: &Step, param: &str) -> bool {
    let names = |text: &str| sql::params(text).iter().any(|name| name == param);
    match &step.transform {
        Transform::Sql { text, .. } => names(text) || step.expect.check.iter().any(|check| names(check)),
        Transform::Function { .. } => true,
    }
}

impl Case {
    /// The columns that one item has one value of, where the step reads an earlier one's partitions.
    pub fn partitioned_by<'p>(&self, pipeline: &'p Pipeline) -> Option<(&'p str, &'p [String])> {
        let step = pipeline.step(&self.step)?;
        let Source::Step { step: upstream, by: By::Partition } = &step.input.source else { return None };
        match &pipeline.step(upstream)?.output.layout {
            spotmill_core::model::Layout::Partition { by } => Some((upstream, by)),
            _ => None,
        }
    }
}
