//! Which kinds are planted, how many of each, and in which village each case stands.

use super::doses::{Amount, Turn};
use super::draw::Draw;
use super::layout::Site;

/// One case to plant in a village.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) kind: &'static str,
    pub(super) planted: bool,
    /// Counts the cases of one kind, role and dose; picks among the forms a case can take.
    pub(super) variant: usize,
    /// How strongly it is planted, in the unit that [`super::doses`] gives; none: as strong as is usual.
    pub(super) dose: Option<i64>,
    /// Households that belong to this case alone.
    pub(super) needs: usize,
}

impl Job {
    fn new(kind: &'static str, planted: bool, turn: Turn, needs: usize) -> Self {
        Job { kind, planted, variant: turn.variant, dose: turn.dose, needs }
    }

    /// The dose of a planted case, else what it is without doses; look-alikes stay as they are.
    pub(super) fn dose(&self, usual: i64) -> i64 {
        self.dose.filter(|_| self.planted).unwrap_or(usual)
    }

    /// Which of so many forms the case takes: the one that the dose speaks of, else by the case's number.
    pub(super) fn form(&self, of: usize, dosed: usize) -> usize {
        if self.planted && self.dose.is_some() { dosed } else { self.variant % of }
    }
}

/// Kind of the catalogue, households a planted case needs, households a look-alike needs. A case that needs none stands on the village.
const KINDS: &[(&str, usize, usize)] = &[
    ("CM17", 11, 11),
    ("CM15", 10, 10),
    ("FD08", 5, 5),
    ("FD07", 4, 4),
    ("CM16", 3, 3),
    ("WA07", 3, 3),
    ("DI01", 1, 1),
    ("DI02", 2, 2),
    ("DI03", 2, 1),
    ("DI04", 1, 1),
    ("DI07", 1, 1),
    ("DI12", 0, 0),
    ("DI16", 2, 1),
    ("XR01", 1, 1),
    ("XR03", 1, 1),
    ("XR04", 1, 1),
    ("XR05", 1, 1),
    ("XR06", 1, 1),
    ("XR08", 1, 1),
    ("XR17", 1, 1),
    ("FD05", 1, 1),
    ("FD06", 1, 1),
    ("FD09", 1, 1),
    ("FD10", 1, 1),
    ("FD11", 1, 1),
    ("FD12", 1, 1),
    ("FD15", 0, 0),
    ("FD16", 0, 0),
    ("FD23", 1, 1),
    ("FE01", 1, 1),
    ("FE02", 1, 1),
    ("FE03", 1, 1),
    ("FE04", 1, 1),
    ("CM01", 1, 1),
    ("CM05", 1, 1),
    ("QS13", 1, 1),
    ("WA01", 0, 0),
    ("WA02", 0, 0),
    ("WA03", 2, 2),
    ("WA04", 0, 0),
    ("WA06", 1, 1),
    ("RB03", 1, 1),
    ("RB04", 1, 1),
    ("RB05", 1, 1),
    ("SV01", 1, 1),
];

/// Kinds planted last, each on a household that belongs to no other case (DI14: on the village's vouchers).
const LATE: [&str; 9] = ["DI05", "DI06", "DI08", "DI09", "DI13", "DI14", "DI17", "DI18", "DI11"];

/// Kinds planted on the logs of the audit office.
const LOG_KINDS: [&str; 2] = ["SV10", "SV12"];

/// The same for kinds whose households are added to those that were asked for, so that nothing else changes with them.
const ADDED: &[(&str, usize, usize)] = &[
    ("FE05", 1, 1),
    ("FE06", 1, 1),
    ("FE07", 1, 1),
    ("FE08", 1, 1),
    ("FE09", 1, 1),
    ("FE10", 0, 0),
    ("FE12", 1, 1),
    ("FE13", 2, 2),
    ("FE14", 1, 1),
    ("CM04", 1, 1),
    ("CM06", 1, 1),
    ("CM07", 1, 1),
    ("CM08", 1, 1),
    ("CM09", 1, 1),
    ("CM10", 1, 1),
    ("CM11", 1, 1),
    ("CM12", 1, 1),
    ("CM13", 1, 1),
    ("CM19", 1, 1),
    ("CM21", 1, 1),
    ("QS11", 0, 0),
    ("QS12", 0, 4),
    ("XR02", 1, 1),
    ("XR07", 1, 1),
    ("XR09", 1, 1),
    ("XR10", 1, 1),
    ("XR11", 1, 1),
    ("XR12", 1, 1),
    ("XR13", 1, 1),
    ("XR14", 1, 1),
    ("XR15", 0, 0),
    ("XR18", 1, 1),
    ("XR19", 1, 1),
    ("XR20", 1, 1),
    ("WA05", 0, 0),
    ("WA11", 1, 1),
    ("WA12", 1, 1),
    ("WA13", 0, 0),
    ("WA14", 0, 0),
    ("WA15", 0, 0),
    ("RB01", 1, 1),
    ("RB02", 1, 1),
    ("RB08", 1, 1),
    ("RB09", 1, 1),
    ("RB12", 1, 1),
    ("SV02", 0, 0),
    ("SV04", 1, 1),
    ("SV05", 0, 0),
    ("SV06", 0, 0),
    ("SV07", 1, 1),
    ("SV09", 0, 0),
    ("SV11", 1, 1),
    ("SV13", 0, 0),
    ("XR16", 1, 1),
    ("RB10", 1, 1),
    ("CM18", 14, 14),
    ("QS04", 0, 0),
    ("QS08", 0, 0),
    ("WA08", 2, 2),
    ("WA09", 2, 2),
    ("WA10", 1, 1),
    ("QS09", 1, 1),
    ("RB07", 1, 1),
];

/// Kinds planted on areas by the ground plan itself.
pub(super) const AREA_KINDS: [&str; 5] = ["CM03", "QS01", "QS02", "QS03", "QS06"];

/// All kinds the generator knows, sorted.
pub(super) fn kinds() -> Vec<&'static str> {
    let mut all: Vec<&'static str> =
        KINDS.iter().chain(ADDED).map(|k| k.0).chain(AREA_KINDS).chain(LATE).chain(LOG_KINDS).chain(super::projects::KINDS).collect();
    all.sort_unstable();
    all
}

/// Kinds of which one village holds at most one case: they speak about the village as a whole or about its visits of a day.
fn once_per_village(kind: &str) -> bool {
    matches!(kind, "CM15" | "CM17" | "DI12" | "DI16" | "WA04" | "FD15" | "FD16" | "DI03" | "XR17" | "CM05")
}

/// Gives every case a village, the large ones first, and spreads each kind over the counties. A village keeps some households free.
pub(super) fn assign(draw: &mut Draw, amount: Amount, sites: &mut [Site], counties: usize) {
    let mut by_county: Vec<Vec<usize>> = vec![Vec::new(); counties];
    for site in sites.iter() {
        by_county[site.county].push(site.index);
    }
    let mut free: Vec<usize> = sites.iter().map(|s| s.households.saturating_sub(s.households / 8)).collect();
    for &(kind, planted_needs, alike_needs) in KINDS {
        for planted in [true, false] {
            // Look-alikes start in another county than the planted ones.
            let shift = usize::from(!planted);
            for turn in amount.turns(kind) {
                let needs = amount.needs(kind, if planted { planted_needs } else { alike_needs }, turn.dose);
                let county = (turn.spread + shift) % counties;
                let fits = |v: &usize| free[*v] >= needs && !(once_per_village(kind) && sites[*v].jobs.iter().any(|j| j.kind == kind));
                // Best room first keeps the villages even; the draw breaks ties.
                let place = |villages: &[usize], draw: &mut Draw| {
                    let offset = draw.below(villages.len());
                    let turned = villages[offset..].iter().chain(&villages[..offset]).copied();
                    turned.filter(fits).max_by_key(|&v| free[v])
                };
                let mut found = place(&by_county[county], draw);
                for other in &by_county {
                    found = found.or_else(|| place(other, draw));
                }
                if let Some(v) = found {
                    free[v] -= needs;
                    sites[v].jobs.push(Job::new(kind, planted, turn, needs));
                }
            }
        }
    }
}

/// Spreads the cases that are planted last over the villages in turn, until no village has a free household.
pub(super) fn assign_late(amount: Amount, sites: &mut [Site]) {
    let mut room: Vec<usize> = sites.iter().map(|s| s.households.saturating_sub(s.jobs.iter().map(|j| j.needs).sum())).collect();
    let mut at = 0;
    for kind in LATE {
        for turn in amount.turns(kind) {
            for planted in [true, false] {
                let Some(site) = (0..sites.len()).map(|i| (at + i) % sites.len()).find(|&s| room[s] > 0) else { return };
                room[site] -= 1;
                at = site + 1;
                sites[site].late.push(Job::new(kind, planted, turn, 0));
            }
        }
    }
}

/// Gives every added case a village: one with few of them, no two cases of a kind in one village while there are others.
pub(super) fn add(draw: &mut Draw, amount: Amount, sites: &mut [Site], counties: usize) {
    let mut by_county: Vec<Vec<usize>> = vec![Vec::new(); counties];
    for site in sites.iter() {
        by_county[site.county].push(site.index);
    }
    for &(kind, planted_needs, alike_needs) in ADDED {
        for planted in [true, false] {
            for turn in amount.turns(kind) {
                let villages = &by_county[(turn.spread + usize::from(!planted)) % counties];
                let offset = draw.below(villages.len());
                let turned = villages[offset..].iter().chain(&villages[..offset]).copied();
                let crowd = |&v: &usize| {
                    // A village holds one case about the village as a whole.
                    let alike = sites[v].added.iter().filter(|j| j.kind == kind || (j.needs == 0 && planted_needs == 0)).count();
                    (alike, sites[v].added.iter().map(|j| j.needs).sum::<usize>())
                };
                if let Some(v) = turned.min_by_key(crowd) {
                    let needs = amount.needs(kind, if planted { planted_needs } else { alike_needs }, turn.dose);
                    sites[v].added.push(Job::new(kind, planted, turn, needs));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_once() {
        let all = kinds();
        assert_eq!(
            all.len(),
            KINDS.len() + ADDED.len() + AREA_KINDS.len() + LATE.len() + LOG_KINDS.len() + super::super::projects::KINDS.len()
        );
        let mut unique = all.clone();
        unique.dedup();
        assert_eq!(unique, all);
    }
}
