//! The report as self-contained pages: no script, no outside resource, printable.

use minijinja::{Environment, Error, UndefinedBehavior, Value as View};
use rayon::prelude::*;

use super::markup::Markup;
use super::view::{CARDS, LINES, Report, case_card, case_line};
use super::words::{fill, known, word};
use super::{Options, Out};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::run::RunContent;

const TEMPLATES: [(&str, &str); 6] = [
    ("report.html", include_str!("templates/report.html")),
    ("page.html", include_str!("templates/page.html")),
    ("base.html", include_str!("templates/base.html")),
    ("tables.html", include_str!("templates/tables.html")),
    ("index.html", include_str!("templates/index.html")),
    ("guide.html", include_str!("templates/guide.html")),
];
const STYLE: &str = include_str!("templates/style.css");

fn environment(options: &Options) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_global("style", View::from_safe_string(STYLE.to_owned()));
    let lang = options.lang;
    environment.add_function("t", move |key: &str, values: minijinja::value::Kwargs| -> Result<String, Error> {
        if !known(lang, key) {
            return Err(Error::new(minijinja::ErrorKind::UndefinedError, format!("no text `{key}`")));
        }
        let names: Vec<String> = values.args().map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(word(lang, key).to_owned());
        }
        let texts: Vec<String> = names.iter().map(|n| values.get::<View>(n).map(|v| v.to_string())).collect::<Result<_, _>>()?;
        let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        Ok(fill(lang, key, &pairs))
    });
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// A template is part of the program: what goes wrong here is a fault of it.
fn fault(error: &Error) -> Diagnostics {
    Diagnostic::error("internal", format!("the report could not be laid out: {error:#}"))
        .help("please report this with the run folder's manifest.json")
        .into()
}

/// `report.html` and `cases/<region>.html`.
pub fn html(content: &RunContent, options: &Options, out: &Out<'_>) -> Result<(), Diagnostics> {
    let environment = environment(options).map_err(|e| fault(&e))?;
    let (report, pages) = Report::new(content, options);
    let render = |name: &str, view: View| environment.get_template(name).and_then(|t| t.render(view)).map_err(|e| fault(&e));
    let write = |path: &str, frame: String, cases: &[usize], root: &str| out(path, filled(&report, &frame, cases, root).as_bytes());
    write("report.html", render("report.html", report.report(&pages))?, &report.first(), "")?;
    let rendered: Result<Vec<()>, Diagnostics> =
        pages.par_iter().map(|page| write(&page.path, render("page.html", report.page(page))?, &page.cases, "../")).collect();
    rendered.map(|_| ())
}

/// The page with its cases where the template left room for them: these are most of a page, and copied once.
fn filled(report: &Report<'_>, frame: &str, cases: &[usize], root: &str) -> String {
    let mut page = Markup::default();
    let (before, rest) = frame.split_once(LINES).unwrap_or((frame, ""));
    page.raw(before);
    cases.iter().for_each(|&i| case_line(report, i, &mut page));
    let (between, after) = rest.split_once(CARDS).unwrap_or((rest, ""));
    page.raw(between);
    cases.iter().for_each(|&i| case_card(report, i, root, &mut page));
    page.raw(after);
    page.finish()
}
