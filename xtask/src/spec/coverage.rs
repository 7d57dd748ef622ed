//! Which statements are cited, and which are not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Citation, Kind, LISTS, Level, Statement, citations, mentions, parse};
use crate::{Fault, Repository};

/// All statements with what cites them.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// In the order of the lists.
    pub statements: Vec<Covered>,
    /// What is wrong, the missing tests last.
    pub faults: Vec<Fault>,
}

/// A statement with what cites it.
#[derive(Clone, Debug)]
pub struct Covered {
    /// The statement.
    pub statement: Statement,
    /// The file that lists it.
    pub list: &'static str,
    /// Files whose code obeys it, each once.
    pub code: Vec<String>,
    /// Files with tests that prove it, each once, those of `same_as` included.
    pub tests: Vec<String>,
}

impl Coverage {
    /// Reads the lists and the citations, and compares them.
    pub fn of(repository: &Repository) -> Self {
        let mut coverage = Self::default();
        for (path, prefix) in LISTS {
            let Some(source) = repository.get(path) else {
                coverage.faults.push(Fault::new(path, 0, "there is no such file"));
                continue;
            };
            let (statements, faults) = parse(source, prefix);
            coverage.faults.extend(faults);
            coverage.statements.extend(statements.into_iter().map(|statement| Covered {
                statement,
                list: path,
                code: Vec::new(),
                tests: Vec::new(),
            }));
        }
        coverage.collect(repository);
        coverage.share_tests();
        coverage.find_missing();
        coverage
    }

    /// Attaches each citation to its statement.
    fn collect(&mut self, repository: &Repository) {
        let index = self.index();
        for source in repository.rust().filter(|source| !source.path.starts_with("xtask/")) {
            for (line, id) in mentions(&source.text) {
                if !index.contains_key(id) {
                    self.faults.push(Fault::new(&source.path, line, format!("unknown id {id}")));
                }
            }
            let (found, faults) = citations(source);
            self.faults.extend(faults);
            for citation in found {
                match index.get(&citation.id).and_then(|at| self.statements.get_mut(*at)) {
                    Some(covered) => covered.add(citation),
                    // An id of the right shape was reported above.
                    None if mentions(&citation.id).is_empty() => {
                        let text = format!("[{}] is no statement's id", citation.id);
                        self.faults.push(Fault::new(&citation.path, citation.line, text));
                    }
                    None => {}
                }
            }
        }
    }

    /// Counts the tests of the MQTT 5 statements a statement says it repeats,
    /// if each of them has one.
    fn share_tests(&mut self) {
        let index = self.index();
        let shared: Vec<Vec<String>> = self
            .statements
            .iter()
            .map(|covered| {
                let originals = covered.statement.same_as.iter();
                let tests: Option<Vec<&Vec<String>>> = originals
                    .map(|id| Some(&self.statements.get(*index.get(id)?)?.tests))
                    .map(|tests| tests.filter(|tests| !tests.is_empty()))
                    .collect();
                tests.unwrap_or_default().into_iter().flatten().cloned().collect()
            })
            .collect();
        for (covered, tests) in self.statements.iter_mut().zip(shared) {
            covered.tests.extend(tests);
            covered.tests.sort();
            covered.tests.dedup();
            for id in &covered.statement.same_as {
                if !index.contains_key(id)
                    || !id.starts_with(LISTS[0].1)
                    || *id == covered.statement.id
                {
                    let text = format!(
                        "{} is the same as {id}, which is no other MQTT 5 statement",
                        covered.statement.id
                    );
                    self.faults.push(Fault::new(covered.list, 0, text));
                }
            }
        }
    }

    fn find_missing(&mut self) {
        for Covered { statement, list, tests, .. } in &self.statements {
            let id = &statement.id;
            if statement.exception.is_some() && !tests.is_empty() {
                let text = format!("{id} has an exception, but {} tests it", tests.join(", "));
                self.faults.push(Fault::new(list, 0, text));
            } else if statement.binds_client() && statement.exception.is_none() && tests.is_empty()
            {
                let level = statement.tested.map_or("", Level::word);
                let text = format!("{id} has no test of {level}: {}", statement.text);
                self.faults.push(Fault::new(list, 0, text));
            }
        }
    }

    fn index(&self) -> BTreeMap<String, usize> {
        let ids = self.statements.iter().map(|covered| covered.statement.id.clone());
        ids.enumerate().map(|(at, id)| (id, at)).collect()
    }

    /// A table of counts, one row per list.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{:<20} {:>10} {:>7} {:>6} {:>7} {:>9} {:>7}",
            "list", "statements", "client", "code", "tested", "excepted", "missing"
        );
        for (list, _) in LISTS {
            let all: Vec<_> = self.statements.iter().filter(|c| c.list == list).collect();
            let client: Vec<_> = all.iter().filter(|c| c.statement.binds_client()).collect();
            let tested = client.iter().filter(|c| !c.tests.is_empty()).count();
            let excepted = client.iter().filter(|c| c.statement.exception.is_some()).count();
            let code = client.iter().filter(|c| !c.code.is_empty()).count();
            let missing =
                client.iter().filter(|c| c.tests.is_empty() && c.statement.exception.is_none());
            let _ = write!(
                text,
                "\n{list:<20} {:>10} {:>7} {code:>6} {tested:>7} {excepted:>9} {:>7}",
                all.len(),
                client.len(),
                missing.count(),
            );
        }
        text
    }
}

impl Covered {
    fn add(&mut self, citation: Citation) {
        let level = self.statement.tested;
        let files = match citation.kind {
            Kind::Code => &mut self.code,
            Kind::Test if level.is_some_and(|level| !level.is_proven_in(&citation.path)) => return,
            Kind::Test => &mut self.tests,
        };
        if !files.contains(&citation.path) {
            files.push(citation.path);
        }
    }
}
