//! Which kinds are planted, how many of each, and in which village each case stands.

use super::draw::Draw;
use super::layout::Site;

/// One case to plant in a village.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) kind: &'static str,
    pub(super) planted: bool,
    /// Counts the cases of one kind and role; picks among the forms a case can take.
    pub(super) variant: usize,
    /// Households that belong to this case alone.
    pub(super) needs: usize,
}

/// Kind of the catalogue, households a planted case needs, households a look-alike needs. A case that needs none stands on the village.
const KINDS: &[(&str, usize, usize)] = &[
    ("CM17", 11, 11),
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

/// Kinds planted on areas by the ground plan itself.
pub(super) const AREA_KINDS: [&str; 3] = ["CM03", "QS01", "QS03"];

/// All kinds the generator knows, sorted.
pub(super) fn kinds() -> Vec<&'static str> {
    let mut all: Vec<&'static str> = KINDS.iter().map(|k| k.0).chain(AREA_KINDS).chain(super::projects::KINDS).collect();
    all.sort_unstable();
    all
}

/// Kinds of which one village holds at most one case: they speak about the village as a whole or about its visits of a day.
fn once_per_village(kind: &str) -> bool {
    matches!(kind, "CM17" | "DI12" | "DI16" | "WA04" | "FD15" | "DI03" | "XR17" | "CM05")
}

/// Gives every case a village, the large ones first, and spreads each kind over the counties. A village keeps some households free.
pub(super) fn assign(draw: &mut Draw, households: usize, sites: &mut [Site], counties: usize) {
    let cases = (households / 2000).max(3);
    let mut by_county: Vec<Vec<usize>> = vec![Vec::new(); counties];
    for site in sites.iter() {
        by_county[site.county].push(site.index);
    }
    let mut free: Vec<usize> = sites.iter().map(|s| s.households.saturating_sub(s.households / 8)).collect();
    for &(kind, planted_needs, alike_needs) in KINDS {
        for planted in [true, false] {
            let needs = if planted { planted_needs } else { alike_needs };
            // Look-alikes start in another county than the planted ones.
            let shift = usize::from(!planted);
            for variant in 0..cases {
                let county = (variant + shift) % counties;
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
                    sites[v].jobs.push(Job { kind, planted, variant, needs });
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
        assert_eq!(all.len(), 74);
        let mut unique = all.clone();
        unique.dedup();
        assert_eq!(unique, all);
    }
}
