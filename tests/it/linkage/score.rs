//! Pairwise figures of scored pairs against the truth.

use std::collections::HashMap;

use recount::linkage::{Band, Cluster, Pair};

#[derive(Debug)]
pub struct Figures {
    pub found: f64,
    pub best_f1: f64,
    pub best_weight: i32,
    pub recall_at_999: f64,
    pub f1_of_links: f64,
    pub precision_of_links: f64,
    pub f1_of_clusters: f64,
}

pub fn figures(truth: &[u32], pairs: &[Pair], clusters: &[Cluster]) -> Figures {
    let mut sizes: HashMap<u32, u64> = HashMap::new();
    for t in truth {
        *sizes.entry(*t).or_default() += 1;
    }
    let all: u64 = sizes.values().map(|k| k * (k - 1) / 2).sum();
    let right = |a: u32, b: u32| truth[a as usize] == truth[b as usize];
    let mut sorted: Vec<&Pair> = pairs.iter().collect();
    sorted.sort_by_key(|p| std::cmp::Reverse(p.weight));
    let (mut true_found, mut n) = (0u64, 0u64);
    let mut figures = Figures {
        found: 0.0,
        best_f1: 0.0,
        best_weight: 0,
        recall_at_999: 0.0,
        f1_of_links: 0.0,
        precision_of_links: 0.0,
        f1_of_clusters: 0.0,
    };
    let f1 = |found: u64, n: u64| 2.0 * found as f64 / (n + all) as f64;
    for (i, pair) in sorted.iter().enumerate() {
        n += 1;
        true_found += u64::from(right(pair.a, pair.b));
        if sorted.get(i + 1).is_some_and(|next| next.weight == pair.weight) {
            continue;
        }
        if f1(true_found, n) > figures.best_f1 {
            (figures.best_f1, figures.best_weight) = (f1(true_found, n), pair.weight);
        }
        if true_found as f64 >= 0.999 * n as f64 {
            figures.recall_at_999 = true_found as f64 / all as f64;
        }
    }
    figures.found = true_found as f64 / all as f64;
    let links: Vec<&&Pair> = sorted.iter().filter(|p| p.band == Band::Link).collect();
    let good = links.iter().filter(|p| right(p.a, p.b)).count() as u64;
    figures.f1_of_links = f1(good, links.len() as u64);
    figures.precision_of_links = good as f64 / links.len().max(1) as f64;
    let (mut good, mut n) = (0u64, 0u64);
    for c in clusters {
        for (i, a) in c.rows.iter().enumerate() {
            for b in &c.rows[i + 1..] {
                n += 1;
                good += u64::from(right(*a, *b));
            }
        }
    }
    figures.f1_of_clusters = f1(good, n);
    figures
}
