//! Linkage on registers whose truth is known.

mod register;
mod score;

use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field as Cell;
use recount::linkage::{Field, Kind, Linkage, Records, Run, Spec, link};
use register::Register;
use score::{Figures, figures};

fn county_spec() -> Spec {
    Spec::new(vec![
        Field::new("id", Kind::CitizenId),
        Field::new("name", Kind::PersonName),
        Field::new("born", Kind::Date),
        Field::new("sex", Kind::Sex),
        Field::new("village", Kind::Region),
        Field::new("phone", Kind::Phone),
        Field::new("account", Kind::Account),
        Field::new("listing", Kind::Household),
    ])
}

fn records_of<const N: usize>(spec: &Spec, rows: &[[String; N]]) -> Records {
    let mut builder = Records::builder(spec, rows.len()).unwrap();
    (0..N).for_each(|f| builder.column(f, |row| Some(rows[row][f].as_str().into())));
    builder.finish()
}

fn run(register: &Register, spec: &Spec) -> (Linkage, Figures) {
    let records = records_of(spec, &register.rows);
    let linkage = link(&records, spec, &Run::default()).unwrap();
    let figures = figures(&register.person, &linkage.pairs, &linkage.clusters);
    (linkage, figures)
}

/// Rows and truth of a folder of the shared data; `None` with a message where it is absent.
fn shared<const N: usize>(name: &str, key: &str, columns: [&str; N]) -> Option<(Vec<[String; N]>, Vec<u32>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/linkage").join(name);
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    let table = |file: &str| -> Vec<std::collections::HashMap<String, String>> {
        let reader = SerializedFileReader::new(std::fs::File::open(folder.join(file)).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(|row| {
            let row = row.unwrap();
            let text = |cell: &Cell| match cell {
                Cell::Null => String::new(),
                Cell::Str(text) => text.clone(),
                other => other.to_string(),
            };
            row.get_column_iter().map(|(name, cell)| (name.clone(), text(cell))).collect()
        });
        rows.collect()
    };
    let (records, truth) = (table("records.parquet"), table("truth.parquet"));
    let entity = if truth[0].contains_key("entity") { "entity" } else { "cluster" };
    let mut numbers = std::collections::HashMap::new();
    let of: std::collections::HashMap<&str, &str> = truth.iter().map(|t| (t[key].as_str(), t[entity].as_str())).collect();
    let mut people = Vec::new();
    for record in &records {
        let next = numbers.len() as u32;
        people.push(*numbers.entry(of[record[key].as_str()]).or_insert(next));
    }
    Some((records.iter().map(|r| columns.map(|c| r[c].clone())).collect(), people))
}

#[test]
fn a_county_register_is_linked() {
    let register = register::generate(16_000, 7, 0.0);
    let (linkage, figures) = run(&register, &county_spec());
    eprintln!("{} rows {figures:?} accept {}", register.rows.len(), linkage.model.accept);
    assert!(figures.best_f1 > 0.97 && figures.f1_of_links > 0.96, "{figures:?}");
}

#[test]
fn fake_1000() {
    let columns = ["first_name", "surname", "dob", "city", "email"];
    let Some((rows, people)) = shared("fake_1000", "unique_id", columns) else { return };
    let kinds = [Kind::LatinName, Kind::LatinName, Kind::Date, Kind::Code, Kind::Text];
    let spec = Spec::new(columns.iter().zip(kinds).map(|(c, k)| Field::new(*c, k)).collect());
    let records = records_of(&spec, &rows);
    let linkage = link(&records, &spec, &Run::default()).unwrap();
    let figures = figures(&people, &linkage.pairs, &linkage.clusters);
    eprintln!("{figures:?} accept {} matches {}", linkage.model.accept, linkage.model.matches);
    assert!(figures.best_f1 > 0.861, "{figures:?}");
}

#[test]
fn febrl1() {
    let columns =
        ["given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state", "date_of_birth", "soc_sec_id"];
    let Some((rows, people)) = shared("febrl1", "rid", columns) else { return };
    let kinds = [
        Kind::LatinName,
        Kind::LatinName,
        Kind::Code,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Code,
        Kind::Code,
        Kind::Date,
        Kind::Account,
    ];
    let spec = Spec::new(columns.iter().zip(kinds).map(|(c, k)| Field::new(*c, k)).collect());
    let records = records_of(&spec, &rows);
    let linkage = link(&records, &spec, &Run::default()).unwrap();
    let figures = figures(&people, &linkage.pairs, &linkage.clusters);
    eprintln!("{figures:?} accept {} matches {}", linkage.model.accept, linkage.model.matches);
    assert!(figures.best_f1 > 0.995, "{figures:?}");
}

/// By hand: `cargo test --release --test it linkage::many -- --ignored --nocapture`; `PEOPLE` sets the size.
#[test]
#[ignore = "takes a while; a bench"]
fn many() {
    let people = std::env::var("PEOPLE").ok().and_then(|p| p.parse().ok()).unwrap_or(800_000);
    let hard = std::env::var("HARD").ok().and_then(|p| p.parse().ok()).unwrap_or(0.0);
    let register = register::generate(people, 11, hard);
    let mut spec = county_spec();
    if std::env::var("PLAIN").is_ok() {
        spec.fields.truncate(7);
        spec.fields.remove(4);
    }
    let start = std::time::Instant::now();
    let mut builder = Records::builder(&spec, register.rows.len()).unwrap();
    let names = ["id", "name", "born", "sex", "village", "phone", "account", "listing"];
    for f in 0..spec.fields.len() {
        let column = names.iter().position(|n| *n == spec.fields[f].name).unwrap();
        builder.column(f, |row| Some(register.rows[row][column].as_str().into()));
    }
    let records = builder.finish();
    let built = start.elapsed();
    let linkage = link(&records, &spec, &Run::default()).unwrap();
    let all = start.elapsed();
    let figures = figures(&register.person, &linkage.pairs, &linkage.clusters);
    eprintln!("{} rows; built {built:.2?}, all {all:.2?}", register.rows.len());
    eprintln!("{figures:#?} accept {} matches {}", linkage.model.accept, linkage.model.matches);
    if std::env::var("VERBOSE").is_ok() {
        let mut model = linkage.model.clone();
        model.fields.iter_mut().for_each(|f| {
            f.term_frequency.iter_mut().chain(f.sound_frequency.iter_mut()).for_each(|t| t.values.clear());
        });
        model.keys.iter_mut().for_each(|k| k.refined.clear());
        model.curve.clear();
        eprintln!("{}", model.to_json());
        eprintln!("{:#?}", linkage.report);
        eprintln!("{} clusters, {} refused", linkage.clusters.len(), linkage.refused.len());
    }
}
