//! The listings of a county: every household once, and those that are counted twice.

use std::fmt::Write;

use super::errors::{Clerk, Setting, Written};
use super::people::{Home, Maker, Relation, Village};
use super::words::Words;
use super::{HOMES, RollOptions, RollSummary};
use crate::synth::draw::Draw;

/// One line: who it is, as what, and what was written.
struct Line {
    person: u32,
    relation: Relation,
    written: Written,
}

/// A household as it is listed.
struct Listing {
    lines: Vec<Line>,
    village: usize,
}

/// Two listings of a county that share people.
struct Shared {
    a: usize,
    b: usize,
    class: &'static str,
}

pub(super) struct County {
    listings: Vec<Listing>,
    shared: Vec<Shared>,
    people: u32,
}

struct Lister<'a> {
    clerk: Clerk<'a>,
    villages: &'a [Village],
    /// First person number of each household, by village.
    first: Vec<Vec<u32>>,
    listings: Vec<Listing>,
    shared: Vec<Shared>,
}

pub(super) fn county(words: &Words, options: &RollOptions, number: usize, homes: usize) -> County {
    let county = 520_101 + (number / 30) as u32 * 100 + (number % 30) as u32;
    let mut draw = Draw::new(options.seed, number as u64 * 2);
    let mut maker = Maker::new(words, Draw::new(options.seed, number as u64 * 2 + 1), county);
    let mut villages = vec![];
    let mut left = homes;
    while left > 0 {
        let size = (draw.range(HOMES as i64 / 2, HOMES as i64 * 3 / 2) as usize).min(left);
        let at = villages.len() as u64;
        // Twelve villages to a town.
        let code = u64::from(county) * 1_000_000 + (100 + at / 12) * 1000 + 200 + at % 12;
        villages.push(maker.village(code, size));
        left -= size;
    }
    let mut people = 0;
    let mut first = vec![];
    for village in &villages {
        let mut of_village = vec![];
        for home in &village.homes {
            of_village.push(people);
            people += home.people.len() as u32;
        }
        first.push(of_village);
    }
    let clerk = Clerk { words, rates: &options.rates, draw: &mut draw, copy: false };
    let mut lister = Lister { clerk, villages: &villages, first, listings: vec![], shared: vec![] };
    lister.list();
    let Lister { listings, shared, .. } = lister;
    let mut made = County { listings, shared, people };
    made.shuffle(&mut draw);
    made
}

impl Lister<'_> {
    fn chance(&mut self, rate: usize) -> bool {
        self.clerk.draw.below(10_000) < rate
    }

    /// A village in which a household may be listed again: most often its own, its town's next, else any of the county.
    fn elsewhere(&mut self, village: usize) -> usize {
        let n = self.villages.len();
        match self.clerk.draw.below(10) {
            0..5 => village,
            5..8 => (village / 12 * 12 + self.clerk.draw.below(12)).min(n - 1),
            _ => self.clerk.draw.below(n),
        }
    }

    fn line(&mut self, from: (usize, usize), member: usize, relation: Relation, village: usize, copy: bool) -> Line {
        let villages = self.villages;
        let home: &Home = &villages[from.0].homes[from.1];
        let neighbour = villages[(village + 1) % villages.len()].code;
        let setting = Setting { home, place: villages[village].code, neighbour, cadre_phone: villages[village].cadre_phone, copy };
        let written = self.clerk.write(&home.people[member], &setting);
        Line { person: self.first[from.0][from.1] + member as u32, relation, written }
    }

    fn add(&mut self, lines: Vec<Line>, village: usize) -> usize {
        self.listings.push(Listing { lines, village });
        self.listings.len() - 1
    }

    fn list(&mut self) {
        let rates = *self.clerk.rates;
        let mut previous: Option<(usize, usize, usize)> = None;
        for v in 0..self.villages.len() {
            for h in 0..self.villages[v].homes.len() {
                let home = &self.villages[v].homes[h];
                let n = home.people.len();
                let relations: Vec<Relation> = home.people.iter().map(|p| p.relation).collect();
                let lines = (0..n).map(|m| self.line((v, h), m, relations[m], v, false)).collect();
                let listing = self.add(lines, v);
                if self.chance(rates.listed_twice) {
                    self.listed_twice((v, h), listing, &relations);
                } else if n >= 3 && self.chance(rates.split) {
                    self.split((v, h), listing, &relations);
                } else if n >= 2 && self.chance(rates.moved_member) {
                    self.moved((v, h), listing, &relations);
                } else if let Some((pv, ph, other)) = previous.filter(|p| p.0 == v)
                    && self.chance(rates.merged)
                {
                    self.merged([((v, h), listing), ((pv, ph), other)]);
                }
                for m in 0..n {
                    if self.chance(rates.person_twice) && n > 1 {
                        let to = self.elsewhere(v);
                        let line = self.line((v, h), m, Relation::Head, to, true);
                        let b = self.add(vec![line], to);
                        // Alone in the own village: a household of its own beside the old one.
                        self.shared.push(Shared { a: listing, b, class: if to == v { "split" } else { "moved" } });
                    }
                }
                previous = Some((v, h, listing));
            }
        }
    }

    /// The whole household once more, often under another head, sometimes without a member.
    fn listed_twice(&mut self, from: (usize, usize), listing: usize, relations: &[Relation]) {
        let to = self.elsewhere(from.0);
        let other_head = self.clerk.draw.per_mille(400);
        let mut lines = vec![];
        for m in 0..relations.len() {
            if m > 1 && self.clerk.draw.per_mille(100) {
                continue;
            }
            let relation = match relations[m] {
                Relation::Head if other_head && relations.len() > 1 => Relation::Spouse,
                Relation::Spouse if other_head => Relation::Head,
                other => other,
            };
            lines.push(self.line(from, m, relation, to, true));
        }
        let b = self.add(lines, to);
        self.shared.push(Shared { a: listing, b, class: "listed_twice" });
    }

    /// Some members are listed as a household of their own and stay in the old one.
    fn split(&mut self, from: (usize, usize), listing: usize, relations: &[Relation]) {
        let n = relations.len();
        let part = 1 + self.clerk.draw.below((n / 2).max(1));
        let start = n - part;
        let mut lines = vec![];
        for (m, &own) in relations.iter().enumerate().skip(start) {
            let relation = if m == start { Relation::Head } else { own };
            lines.push(self.line(from, m, relation, from.0, true));
        }
        let b = self.add(lines, from.0);
        self.shared.push(Shared { a: listing, b, class: "split" });
    }

    /// One member also stands in another family.
    fn moved(&mut self, from: (usize, usize), listing: usize, relations: &[Relation]) {
        let member = 1 + self.clerk.draw.below(relations.len() - 1);
        let Some(b) =
            (0..20).map(|_| self.clerk.draw.below(self.listings.len())).find(|&b| b != listing && self.listings[b].lines.len() > 1)
        else {
            return;
        };
        let village = self.listings[b].village;
        let line = self.line(from, member, Relation::InLaw, village, true);
        self.listings[b].lines.push(line);
        self.shared.push(Shared { a: listing, b, class: "moved" });
    }

    /// Two households are listed once more as one.
    fn merged(&mut self, from: [((usize, usize), usize); 2]) {
        let village = from[0].0.0;
        let mut lines = vec![];
        for (i, &((v, h), _)) in from.iter().enumerate() {
            let relations: Vec<Relation> = self.villages[v].homes[h].people.iter().map(|p| p.relation).collect();
            for (m, relation) in relations.into_iter().enumerate() {
                let relation = if i == 1 && relation == Relation::Head { Relation::Sibling } else { relation };
                lines.push(self.line((v, h), m, relation, village, true));
            }
        }
        let b = self.add(lines, village);
        for (_, a) in from {
            self.shared.push(Shared { a, b, class: "merged" });
        }
    }
}

impl County {
    /// Listings in the order of their villages, shuffled inside them, so that no copy stands beside its first record.
    fn shuffle(&mut self, draw: &mut Draw) {
        let mut order: Vec<(usize, usize, usize)> =
            self.listings.iter().enumerate().map(|(i, l)| (l.village, draw.below(1 << 40), i)).collect();
        order.sort_unstable();
        let mut place = vec![0; order.len()];
        for (new, &(_, _, old)) in order.iter().enumerate() {
            place[old] = new;
        }
        let mut listings: Vec<Option<Listing>> = std::mem::take(&mut self.listings).into_iter().map(Some).collect();
        self.listings = order.iter().filter_map(|&(_, _, old)| listings[old].take()).collect();
        for pair in &mut self.shared {
            (pair.a, pair.b) = (place[pair.a].min(place[pair.b]), place[pair.a].max(place[pair.b]));
        }
        self.shared.sort_unstable_by_key(|p| (p.a, p.b, p.class));
    }

    /// The lines of the three files; record, listing and person numbers go on from those in the summary, which is brought up to date.
    pub(super) fn write(&self, summary: &mut RollSummary) -> [String; 3] {
        let (mut roll, mut people, mut listings) = (String::new(), String::new(), String::new());
        let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
        let person0 = summary.people;
        let listing0 = summary.listings;
        let mut rows_of = vec![0u64; self.people as usize];
        let mut in_listing = vec![];
        for (l, listing) in self.listings.iter().enumerate() {
            let listing_no = listing0 + l as u64 + 1;
            in_listing.push(listing.lines.iter().map(|line| line.person).collect::<std::collections::BTreeSet<u32>>());
            for line in &listing.lines {
                summary.rows += 1;
                let w = &line.written;
                rows_of[line.person as usize] += 1;
                let _ = writeln!(
                    roll,
                    "R{:09},L{listing_no:08},{},{},{},{},{},{},{},{}",
                    summary.rows,
                    line.relation.text(),
                    w.name,
                    w.id_no,
                    w.sex,
                    w.birth,
                    number(w.place),
                    number(w.phone),
                    number(w.account)
                );
                let _ = writeln!(people, "R{:09},P{:09}", summary.rows, person0 + u64::from(line.person) + 1);
            }
        }
        for pair in &self.shared {
            let shared = in_listing[pair.a].intersection(&in_listing[pair.b]).count();
            let _ = writeln!(listings, "L{:08},L{:08},{},{shared}", listing0 + pair.a as u64 + 1, listing0 + pair.b as u64 + 1, pair.class);
            *summary.listing_pairs.entry(pair.class.to_owned()).or_default() += 1;
        }
        summary.person_pairs += rows_of.iter().map(|n| n * n.saturating_sub(1) / 2).sum::<u64>();
        summary.people += u64::from(self.people);
        summary.listings += self.listings.len() as u64;
        [roll, people, listings]
    }
}
