//! Rules against the project: catalog, graph and resolved rules.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::Unchecked;
use crate::plan::{Catalog, Expr, ExprId, Function, Graph};
use crate::project::Project;
use crate::rule::{self, Rule, RuleFile, RuleText};
use crate::schema::{Type, Value};
use crate::table::{self, LoadOptions, Loaded};

use super::Options;

/// A rule as far as it came.
#[derive(Debug)]
pub enum Resolved {
    Ready(Box<Rule>),
    /// It reads a table that the project does not declare, or of which nothing was delivered.
    Skipped(String),
    Failed(Diagnostics),
}

/// Everything but the data.
#[derive(Debug)]
pub struct Prepared {
    pub catalog: Catalog,
    pub graph: Graph,
    /// As the rule files, ascending by id.
    pub rules: Vec<(RuleText, Vec<String>, Resolved)>,
    /// Per rule: the population's further condition (`--region`).
    pub within: Vec<Option<ExprId>>,
    /// Per rule and exemption: with `drop:`, the rule's flag once the dropped records are taken out.
    pub without_dropped: Vec<Vec<Option<ExprId>>>,
    /// Per rule: judged only for the records it sets aside.
    pub unasked: Vec<bool>,
    /// Tables of which nothing was delivered.
    pub absent: Vec<String>,
    /// Per rule, once it is asked for: the integrity rules that set records aside for it.
    pub(super) set_aside_by: OnceLock<Vec<Vec<usize>>>,
}

impl Prepared {
    /// Resolves `files` against the project as of a day.
    ///
    /// # Errors
    /// The project's own links, views or parameters do not hold together.
    pub fn new(project: &Project, files: &[RuleFile], as_of: i32, region: Option<i64>) -> Result<Prepared, Diagnostics> {
        let mut graph = Graph::default();
        let catalog = Catalog::build(project, as_of, &mut graph)?;
        let mut order: Vec<&RuleFile> = files.iter().collect();
        order.sort_by(|a, b| a.id().cmp(b.id()));
        let mut rules = vec![];
        let mut within = vec![];
        let mut without_dropped = vec![];
        for &file in &order {
            let resolved = match rule::resolve(file, &catalog, &mut graph, project) {
                Ok(mut rule) => {
                    rule.check.period = super::needs::period(&mut graph, &rule.check);
                    Resolved::Ready(Box::new(rule))
                }
                Err(problems) => match undeclared(file, project) {
                    Some(reason) => Resolved::Skipped(reason),
                    None => Resolved::Failed(problems),
                },
            };
            let (condition, dropped) = match &resolved {
                Resolved::Ready(rule) => (
                    region.zip(rule.region).map(|(region, place)| under(&mut graph, place, region)),
                    rule.exempt
                        .iter()
                        .map(|e| e.drop.then(|| super::without::flag_without(&mut graph, &rule.check, e.when)).flatten())
                        .collect(),
                ),
                _ => (None, vec![]),
            };
            within.push(condition);
            without_dropped.push(dropped);
            let overlays = file.overlays.iter().map(|change| change.in_words()).collect();
            rules.push((file.rule_text(), overlays, resolved));
        }
        let unasked = order.iter().map(|f| f.unasked).collect();
        let mut prepared =
            Prepared { catalog, graph, rules, within, without_dropped, unasked, absent: vec![], set_aside_by: OnceLock::new() };
        prepared.leave_out_needless();
        Ok(prepared)
    }

    /// Unasked integrity rules that set nothing aside for a rule that was asked for are not judged.
    fn leave_out_needless(&mut self) {
        if !self.unasked.contains(&true) {
            return;
        }
        let asked = self.ready().map(|(i, _)| i).filter(|&i| !self.unasked[i]);
        let needed: BTreeSet<usize> = asked.flat_map(|i| self.set_aside_by(i)).copied().collect();
        for i in (0..self.rules.len()).filter(|i| self.unasked[*i] && !needed.contains(i)) {
            self.rules[i].2 = Resolved::Skipped("it sets nothing aside for the rules that were asked for".to_owned());
        }
    }

    /// Rules that read a table of which nothing was delivered are not run; where it is only an exemption that reads it, the rule does without.
    pub fn leave_out(&mut self, absent: Vec<String>) {
        self.forgo_exemptions(absent);
        let positions: Vec<usize> = self.ready().map(|(i, _)| i).collect();
        for i in positions {
            let named = self.not_delivered(i);
            if !named.is_empty() {
                let named: Vec<String> = named.into_iter().map(|t| format!("`{t}`")).collect();
                self.rules[i].2 = Resolved::Skipped(format!("no file of {} was delivered", named.join(", ")));
            }
        }
    }

    /// Takes exemptions out of rules that would need no absent table without them.
    pub fn forgo_exemptions(&mut self, absent: Vec<String>) {
        self.absent = absent;
        let positions: Vec<usize> = self.ready().filter(|(_, rule)| !rule.exempt.is_empty()).map(|(i, _)| i).collect();
        for i in positions.into_iter().filter(|_| !self.absent.is_empty()) {
            if self.not_delivered(i).is_empty() {
                continue;
            }
            let Resolved::Ready(whole) = &self.rules[i].2 else { continue };
            let whole = whole.clone();
            let dropped = std::mem::take(&mut self.without_dropped[i]);
            let mut rule = Rule { exempt: vec![], ..(*whole).clone() };
            self.rules[i].2 = Resolved::Ready(Box::new(rule.clone()));
            if !self.not_delivered(i).is_empty() {
                // It cannot run without the tables anyway.
                self.without_dropped[i] = dropped;
                self.rules[i].2 = Resolved::Ready(whole);
                continue;
            }
            for (exemption, dropped) in whole.exempt.iter().zip(dropped) {
                self.without_dropped[i].push(dropped);
                self.rules[i].2 = Resolved::Ready(Box::new(Rule { exempt: vec![exemption.clone()], ..rule.clone() }));
                let tables = self.not_delivered(i);
                if tables.is_empty() {
                    rule.exempt.push(exemption.clone());
                } else {
                    self.without_dropped[i].pop();
                    rule.unchecked.push(Unchecked { says: exemption.says.clone(), tables });
                }
            }
            self.rules[i].2 = Resolved::Ready(Box::new(rule));
        }
    }

    /// Absent tables that a rule reads.
    fn not_delivered(&self, position: usize) -> Vec<String> {
        if self.absent.is_empty() {
            return vec![];
        }
        let read = self.reads(position);
        self.absent.iter().filter(|t| read.contains_key(*t)).cloned().collect()
    }

    /// Rules that can run, with their positions.
    pub fn ready(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter_map(|(i, (_, _, resolved))| match resolved {
            Resolved::Ready(rule) => Some((i, &**rule)),
            _ => None,
        })
    }

    /// Loads the columns that the rules, their evidence and the report need.
    ///
    /// # Errors
    /// Files that are absent, unreadable or not what the project declares.
    pub fn load(&self, project: &Project, options: &Options<'_>) -> Result<Loaded, Diagnostics> {
        table::load(project, &self.needs(), &self.load_options(options))
    }

    pub fn load_options<'o>(&self, options: &Options<'o>) -> LoadOptions<'o> {
        LoadOptions {
            store: options.store.clone(),
            restricted_ok: options.restricted_ok,
            as_of: Some(options.as_of),
            memory: options.memory,
            progress: options.progress,
            ..LoadOptions::default()
        }
    }
}

/// The tables that a rule names and the project does not declare, in words, when there are any.
fn undeclared(file: &RuleFile, project: &Project) -> Option<String> {
    let known = |name: &str| project.tables.iter().any(|t| t.name.value == name) || project.views.iter().any(|v| v.name.value == name);
    let missing: Vec<String> =
        file.spec.check.value.tables().into_iter().filter(|t| !known(&t.value)).map(|t| format!("`{}`", t.value)).collect();
    (!missing.is_empty()).then(|| format!("recount.yaml declares no table {}", missing.join(", ")))
}

fn under(graph: &mut Graph, place: ExprId, region: i64) -> ExprId {
    let region = graph.expr(Expr::Literal(Value::Region(region)), Type::Region);
    graph.expr(Expr::Call { function: Function::Under, args: vec![place, region] }, Type::Bool)
}

/// A rule's problems under its name, for the run's messages.
pub fn about(id: &str, problems: &Diagnostics) -> Diagnostics {
    let mut out = Diagnostics::default();
    for problem in &problems.0 {
        let problem: Diagnostic = problem.clone().note(format!("rule `{id}` did not run; the others did"));
        out.push(problem);
    }
    out
}
