//! Statistics against published and computed references in `../shared/data`; skipped with a message where that is absent.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use recount::stats::{DigitTest, Drawn, Tail, benjamini_hochberg, cauchy, density, first_digits, fit, law, law_of_digit, mad_moments};
use serde_json::Value;

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn json(name: &str) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(shared(name)?).unwrap()).unwrap())
}

/// Text of a gzip file, by the tool that every system has.
fn unpacked(name: &str) -> Option<String> {
    let path = shared(name)?;
    let mut child = Command::new("gzip").arg("-dc").arg(path).stdout(Stdio::piped()).spawn().ok()?;
    let mut bytes = vec![];
    child.stdout.take()?.read_to_end(&mut bytes).unwrap();
    child.wait().unwrap();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The figures of a column, in hundredths, read from their text; and the figures' own scale.
fn figures(name: &str, column: &str, decimals: usize) -> Option<Vec<i64>> {
    let text = unpacked(name)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|h| h == column).unwrap();
    let exact = |cell: &str| -> Option<i64> {
        let (sign, rest) = cell.trim().strip_prefix('-').map_or((1, cell.trim()), |r| (-1, r));
        let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
        if whole.is_empty() && part.is_empty() || part.len() > decimals || !whole.chars().chain(part.chars()).all(|c| c.is_ascii_digit()) {
            return None;
        }
        Some(sign * format!("{whole}{part:0<decimals$}").parse::<i64>().ok()?)
    };
    Some(reader.records().filter_map(|r| exact(r.unwrap().get(at)?)).collect())
}

fn close(found: f64, wanted: &Value, relative: f64, what: &str) {
    let wanted = wanted.as_f64().unwrap_or_else(|| panic!("{what}"));
    assert!((found - wanted).abs() <= relative * wanted.abs().max(1e-12), "{what}: {found} is not {wanted}");
}

/// Counts, chi-square, G, MAD, w and p of one set of figures, all positive, against the exact reference.
fn agrees(figures: &[u64], reference: &Value, name: &str) {
    let count = |classes: usize, class: &dyn Fn(u64) -> Option<usize>| {
        let mut counts = vec![0u64; classes];
        figures.iter().filter_map(|&m| class(m)).for_each(|c| counts[c] += 1);
        counts
    };
    let first = |k: u32| move |m: u64| Some((first_digits(m, k) - 10u64.pow(k - 1)) as usize);
    let tests: Vec<(&str, Vec<f64>, Vec<u64>)> = vec![
        ("first1", law(1), count(9, &first(1))),
        ("first2", law(2), count(90, &first(2))),
        ("first3", law(3), count(900, &first(3))),
        ("second", law_of_digit(2), count(10, &|m| Some((first_digits(m, 2) % 10) as usize))),
        ("last_one_minor_ge1000", DigitTest::Last.law(), count(10, &|m| DigitTest::Last.class(m, 1, 1).ok())),
        ("last_two_minor_ge1000", DigitTest::LastTwo.law(), count(100, &|m| DigitTest::LastTwo.class(m, 1, 1).ok())),
    ];
    for (test, law, counts) in tests {
        let wanted = &reference[test];
        let what = format!("{name} {test}");
        if let Some(table) = wanted["table"]["count"].as_array() {
            let table: Vec<u64> = table.iter().map(|c| c.as_u64().unwrap()).collect();
            if table.len() == counts.len() {
                assert_eq!(counts, table, "{what}");
            }
        }
        let found = fit(&counts, &law);
        assert_eq!(found.n, wanted["n"].as_u64().unwrap(), "{what}");
        close(found.chi2, &wanted["chi2"], 1e-9, &format!("{what} chi2"));
        close(found.g, &wanted["G"], 1e-9, &format!("{what} G"));
        close(found.mad, &wanted["MAD"], 1e-9, &format!("{what} MAD"));
        close(found.w(), &wanted["cohen_w"], 1e-9, &format!("{what} w"));
        close(found.p().log10(), &wanted["chi2_log10p"], 1e-9, &format!("{what} log10 p"));
        close(mad_moments(&law).0 / (found.n as f64).sqrt(), &wanted["expected_MAD_if_benford"], 1e-9, &format!("{what} mean MAD"));
    }
}

#[test]
fn corporate_payments() {
    let (Some(reference), Some(all)) =
        (json("digits/corporate_payment.ref_exact.json"), figures("digits/corporate_payment.csv.gz", "Amount", 2))
    else {
        return;
    };
    let positive: Vec<u64> = all.iter().filter(|m| **m > 0).map(|m| m.unsigned_abs()).collect();
    let negative: Vec<u64> = all.iter().filter(|m| **m < 0).map(|m| m.unsigned_abs()).collect();
    let ten: Vec<u64> = positive.iter().copied().filter(|m| *m >= 1000).collect();
    assert_eq!((all.len(), positive.len()), (189_470, 185_083));
    for (name, set) in [("positive", positive), ("negative", negative), ("ge10", ten)] {
        agrees(&set, &reference["runs"][name], name);
    }
}

#[test]
fn town_populations() {
    let (Some(reference), Some(all)) = (json("digits/census_2009.ref_exact.json"), figures("digits/census_2009.csv.gz", "pop.2009", 0))
    else {
        return;
    };
    let positive: Vec<u64> = all.iter().filter(|m| **m > 0).map(|m| m.unsigned_abs()).collect();
    assert_eq!(positive.len(), 19_509);
    agrees(&positive, &reference["runs"]["positive"], "positive");
    let ten: Vec<u64> = positive.into_iter().filter(|m| *m >= 10).collect();
    agrees(&ten, &reference["runs"]["ge10"], "ge10");
}

/// Our drawn nulls agree with a hundred thousand draws of the reference at its quantiles, and its mean deviation with the formula's.
#[test]
fn quantiles_under_the_law() {
    let Some(tables) = json("digits/NULL_TABLES.json") else { return };
    for (name, law, sizes) in [
        ("first1", law(1), [25u64, 100]),
        ("first2", law(2), [25, 100]),
        ("last1", vec![0.1; 10], [25, 100]),
        ("last2", vec![0.01; 100], [25, 100]),
    ] {
        let drawn = Drawn::new(&law, sizes);
        for n in sizes {
            let table = &tables["tables"][name][n.to_string()];
            for (quantile, share) in [("0.5", 0.5), ("0.9", 0.1), ("0.95", 0.05), ("0.99", 0.01)] {
                let chi2 = table["chi2"][quantile].as_f64().unwrap();
                let p = drawn.p(n, chi2).unwrap().p();
                // Four standard errors of both sets of draws; sizes of few draws take few values, and p counts those that equal the quantile.
                let few = drawn.p(n, chi2 + 1e-6).unwrap().p();
                let error = 4.0 * f64::sqrt(share * (1.0 - share) * (1.0 / 9_999.0 + 1.0 / 20_000.0));
                assert!(p > share - error && few < share + error, "{name} n {n} at {quantile}: {few}..{p}");
            }
        }
        for (n, table) in tables["tables"][name].as_object().unwrap() {
            let n: f64 = n.parse().unwrap();
            close(mad_moments(&law).0 / n.sqrt(), &table["MAD_mean_formula"], 1e-9, &format!("{name} {n}"));
        }
    }
}

#[test]
fn densities_of_the_reference_software() {
    let Some(reference) = json("density/density.ref.json") else { return };
    let column = |name: &str, at: usize| -> Vec<f64> {
        let text = std::fs::read_to_string(shared(name).unwrap()).unwrap();
        text.lines().skip(1).map(|l| l.split(',').nth(at).unwrap().trim().parse().unwrap()).collect()
    };
    let less = |mut x: Vec<f64>, cut: f64| {
        x.iter_mut().for_each(|x| *x -= cut);
        x.sort_by(f64::total_cmp);
        x
    };
    let senate = column("density/senate_margin.csv", 0);
    let plain = column("density/deterministic_200.csv", 0);
    let ties = column("density/deterministic_200.csv", 1);
    let runs: Vec<(&str, &str, Vec<f64>, Option<(f64, f64)>)> = vec![
        ("senate", "default", less(senate.clone(), 0.0), None),
        ("senate", "h_10_15", less(senate.clone(), 0.0), Some((10.0, 15.0))),
        ("senate", "c5", less(senate, 5.0), None),
        ("deterministic_200", "fixed_h0.6", less(plain.clone(), 0.0), Some((0.6, 0.6))),
        ("deterministic_200", "estimated", less(plain.clone(), 0.0), None),
        ("deterministic_200", "c0.15", less(plain, 0.15), Some((0.5, 0.7))),
        ("deterministic_200", "masspoints_h0.8", less(ties, 0.0), Some((0.8, 0.8))),
    ];
    for (set, run, x, h) in runs {
        let wanted = &reference[set]["runs"][run];
        let found = density(&x, h).unwrap_or_else(|| panic!("{set} {run}"));
        let name = |what: &str| format!("{set} {run} {what}");
        assert_eq!(found.n_left as u64, wanted["n"]["eff_left"].as_u64().unwrap(), "{}", name("n left"));
        assert_eq!(found.n_right as u64, wanted["n"]["eff_right"].as_u64().unwrap(), "{}", name("n right"));
        close(found.h_left, &wanted["h"]["left"], 1e-6, &name("h left"));
        close(found.h_right, &wanted["h"]["right"], 1e-6, &name("h right"));
        close(found.left, &wanted["density_hat"]["left"], 1e-6, &name("left"));
        close(found.right, &wanted["density_hat"]["right"], 1e-6, &name("right"));
        close(found.variance[2].sqrt(), &wanted["sd_jackknife"]["diff"], 1e-6, &name("error"));
        let t = wanted["T"].as_f64().unwrap();
        assert!((found.t - t).abs() < 1e-6, "{}: {} is not {t}", name("T"), found.t);
        close(found.p().p(), &wanted["p"], 1e-6, &name("p"));
    }
}

/// Benjamini and Hochberg (1995), section 3.1, and the combination of five p values of Liu and Xie's.
#[test]
fn many_tests_at_once() {
    let p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0];
    let q = benjamini_hochberg(&p.map(|p| Some(Tail::of(p))));
    assert_eq!(q.iter().flatten().filter(|q| q.p() <= 0.05).count(), 4);
    let one = cauchy(&[0.01, 0.01, 0.01]).unwrap();
    assert!((one - 0.01).abs() < 1e-12, "{one}");
}

/// Speed and memory of the kernels over a province: 128,000 villages and 40 million figures. Run with
/// `cargo test --release --test it statistics::kernels -- --ignored --nocapture`; figures in `docs/benchmarks.md`.
#[test]
#[ignore = "takes a minute and two gigabytes"]
fn kernels_over_a_province() {
    use recount::stats::{BunchTest, Bunching, Digits, Inputs, Kernel, Side};
    let (units, figures) = (128_000usize, 40_000_000usize);
    let starts: Vec<usize> = (0..=units).map(|u| u * figures / units).collect();
    // A multiplicative generator: wide amounts in fen, of any ending.
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let members = vec![(0..figures).map(|_| 10f64.powf(2.0 + 5.0 * draw()) as i64).collect::<Vec<i64>>()];
    let value = |v: i64| vec![v; units];
    let (min, cent, missing) = (value(25), value(1), value(i64::MIN));
    let digits = |test| Kernel::Digits(Digits { test, side: Side::Both, families: 1, peers: 0 });
    let bunching = |test| Kernel::Bunching(Bunching { test, above: true, inclusive: true, families: 1, peers: 0 });
    let of_digits = [min.clone(), cent, value(10), value(1)];
    let of_threshold = [min, value(400_000), value(200_000), missing, value(1)];
    for (name, kernel, values) in [
        ("first digits", digits(DigitTest::First), &of_digits[..]),
        ("last two digits", digits(DigitTest::LastTwo), &of_digits[..]),
        ("digits given not round", digits(DigitTest::GivenNotRound), &of_digits[..]),
        ("heaping against peers", digits(DigitTest::Heaping), &of_digits[..]),
        ("counts at a threshold", bunching(BunchTest::Count), &of_threshold[..]),
        ("density at a threshold", bunching(BunchTest::Density), &of_threshold[..]),
    ] {
        let start = std::time::Instant::now();
        let output = kernel.run(&Inputs { units: values, starts: &starts, members: &members, texts: &[] });
        assert_eq!(output.columns.len(), kernel.columns().len());
        let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = peak.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default().to_owned();
        eprintln!("{name}: {:.2} s, {peak}", start.elapsed().as_secs_f64());
    }
}
