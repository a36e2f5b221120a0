//! How strongly a case is planted: for each kind whose strength can vary, what a dose is and its steps, the weakest first.
//!
//! A kind that is not listed is there or it is not: it has one dose. Look-alikes of a dose are as strong where innocence has a strength
//! (so many households of which the same is true for a good reason), else the same at each.

/// What a dose of one kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dosing {
    pub kind: &'static str,
    /// In words, with the unit.
    pub means: &'static str,
    /// Rising strength, so that the numbers rise or fall throughout.
    pub steps: &'static [i64],
    /// The dose is the number of households that the case needs for itself.
    households: bool,
}

const fn of(kind: &'static str, means: &'static str, steps: &'static [i64]) -> Dosing {
    Dosing { kind, means, steps, households: false }
}

const fn households(kind: &'static str, means: &'static str, steps: &'static [i64]) -> Dosing {
    Dosing { kind, means, steps, households: true }
}

/// Sorted by kind.
const DOSED: &[Dosing] = &[
    of("CM01", "per cent by which the net income differs from its sources", &[1, 2, 4, 8, 16]),
    of("CM03", "per cent of the exits of a county and year moved just above the line", &[10, 25, 50, 75, 100]),
    of("CM04", "per mille of the line by which the income of the exit year stands above it", &[48, 38, 28, 18, 6]),
    of("CM05", "income per person in per cent of the year before", &[200, 280, 350, 450, 600]),
    of("CM06", "per cent by which income falls in the year after the exit", &[15, 25, 32, 38, 42]),
    of("CM07", "yuan of farm income beyond what land and animals give", &[2000, 5000, 10_000, 20_000, 40_000]),
    of("CM09", "yuan of wages for one month of work", &[9000, 14_000, 16_500, 25_000, 50_000]),
    of("CM11", "yuan of declared transfers that were not paid", &[150, 400, 1000, 2400, 5000]),
    of("CM13", "per cent of a counted dividend that was not paid", &[8, 15, 40, 70, 100]),
    households("CM15", "households of a village whose net incomes are cut to the hundred", &[4, 7, 10, 16, 24]),
    households("CM16", "households with one income record", &[3, 4, 5, 6, 8]),
    households("CM17", "households of a village whose incomes grew by one factor", &[4, 7, 10, 13, 16]),
    of("CM18", "per mille within which the incomes of one enumerator lie on either side of their middle", &[160, 80, 40, 20, 10]),
    of("DI12", "rows by which letter and file differ", &[1, 2, 5, 20, 100]),
    of("DI17", "days without verification beyond a year", &[5, 30, 100, 300, 700]),
    of("FD01", "yuan of a balance that no line explains", &[1, 100, 1000, 12_600, 50_000]),
    of("FD03", "days by which the money came late", &[2, 10, 30, 60, 120]),
    of("FD05", "days from the return to the payment made anew", &[35, 50, 70, 95, 150]),
    households("FD07", "households paid to one account", &[3, 4, 5, 6, 8]),
    households("FD08", "households with one phone", &[3, 4, 5, 6, 8]),
    of("FD13", "per cent by which a payment departs from the standard", &[2, 5, 10, 20, 40]),
    of("FD14", "yuan by which a subsidised loan exceeds the cap", &[500, 2000, 10_000, 30_000, 100_000]),
    of("FD15", "payments to one supplier just under the limit", &[2, 3, 4, 5, 6]),
    of("FD16", "per cent of 120 expenses with invented endings", &[15, 30, 50, 75, 100]),
    of("FD17", "households whose money goes on to one account", &[3, 4, 5, 7, 10]),
    of("FD18", "cards at one terminal within half an hour", &[4, 5, 6, 8, 10]),
    of("FD19", "household loans drawn to one firm", &[2, 3, 4, 5, 7]),
    of("FD24", "yuan by which bank or ledger differ from the list", &[1, 10, 100, 1260, 5000]),
    of("FD27", "accounts opened in a row and only credited", &[6, 8, 10, 12, 20]),
    of("FE01", "per cent of the line by which the income at the exit lies under it", &[1, 3, 7, 15, 30]),
    of("FE04", "days missing of the seven of publicity", &[1, 2, 3, 5, 7]),
    of("FE07", "days from the entry to the exit", &[360, 300, 240, 180, 120]),
    of("FE08", "income of the exit year in per cent of the year before, nobody able to work", &[150, 180, 205, 230, 300]),
    of("FE09", "days from the exit to the minimum allowance", &[170, 140, 100, 60, 20]),
    of("PJ01", "lots of one work to one supplier without a tender", &[2, 3, 4, 5, 6]),
    of("PJ02", "works of eight to one supplier", &[4, 5, 6, 7, 8]),
    of("PJ07", "per cent paid over the contract", &[5, 10, 15, 30, 50]),
    of("PJ08", "animals missing of twenty", &[1, 2, 4, 9, 15]),
    of("PJ11", "unit price in per cent of the usual", &[110, 130, 160, 260, 400]),
    of("PJ13", "months without power and water", &[4, 5, 6, 8, 12]),
    of("QS03", "per cent of a town's exits of a year reviewed and marked in the last days", &[15, 30, 50, 75, 100]),
    of("QS04", "per cent of the households of a village that got the same amount", &[60, 75, 90, 95, 100]),
    of("QS08", "per cent of a village's reviews with one reason", &[20, 40, 60, 80, 100]),
    of("QS11", "exits reported beyond those on record", &[1, 2, 3, 5, 8]),
    of("QS12", "registered people in per cent of the residents", &[62, 65, 70, 80, 95]),
    of("RB02", "days without a helper after the exit", &[33, 40, 60, 120, 250]),
    of("RB03", "per cent of the line by which the income after the exit lies under it", &[1, 3, 7, 15, 30]),
    of("RB04", "yuan of hospital cost paid by the household", &[20_500, 25_000, 30_000, 45_000, 100_000]),
    of("RB08", "days on the watch list without a measure", &[33, 60, 120, 200, 280]),
    of("RB09", "visits missing of six", &[2, 3, 4, 5, 6]),
    of("SV02", "days a clue has been open", &[93, 120, 150, 190, 300]),
    of("SV05", "cases with one text", &[2, 3, 4, 6, 8]),
    of("SV06", "per cent of the recovered money that no receipt holds", &[5, 20, 50, 80, 100]),
    of("SV09", "days without an answer", &[62, 80, 120, 170, 300]),
    of("SV13", "wrong exits of sixty checked", &[2, 3, 4, 6, 10]),
    of("WA01", "days missing of the twenty on post, in two months", &[1, 2, 4, 8, 12]),
    of("WA03", "kilometres between two visits twenty minutes apart", &[20, 35, 50, 100, 300]),
    of("WA04", "home visits of one day", &[15, 21, 24, 28, 34]),
    of("WA07", "per cent of the words of a note that are its own", &[45, 30, 15, 8, 0]),
    of("WA10", "days from the visit to its entry", &[31, 35, 45, 60, 120]),
    of("WA13", "days paid beyond those on post", &[1, 2, 3, 6, 9]),
    of("WA14", "households reported as visited beyond the log", &[1, 2, 4, 8, 15]),
    of("WA15", "weeks with a visit on one weekday", &[12, 18, 22, 26, 40]),
    of("XR03", "price of the car in yuan", &[30_500, 35_000, 42_000, 60_000, 100_000]),
    of("XR06", "days since the death", &[93, 120, 180, 300, 680]),
    of("XR09", "insured wages in per cent of the declared", &[130, 155, 180, 220, 300]),
    of("XR11", "yuan of savings above the limit", &[1000, 5000, 20_000, 40_000, 100_000]),
];

/// What a dose of the kind is; none where a case is there or not.
pub fn dosing(kind: &str) -> Option<&'static Dosing> {
    DOSED.binary_search_by(|d| d.kind.cmp(kind)).ok().map(|n| &DOSED[n])
}

/// How many cases of each kind and role to plant, and whether at all doses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// Of each kind, role and dose.
    pub(super) cases: usize,
    pub(super) doses: bool,
}

/// One of the cases of a kind and role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Counts the cases of one dose; picks among the forms a case can take.
    pub(super) variant: usize,
    pub(super) dose: Option<i64>,
    /// Rises by one from case to case of a dose and from dose to dose: cases of one dose are spread like those of one variant.
    pub(super) spread: usize,
}

impl Amount {
    /// Doses in turn, so that what finds no room any more is short of all alike.
    pub(super) fn turns(self, kind: &str) -> impl Iterator<Item = Turn> + use<> {
        let steps = self.steps(kind);
        let one = steps.len().max(1);
        (0..self.cases * one).map(move |n| Turn { variant: n / one, dose: steps.get(n % one).copied(), spread: n / one + n % one })
    }

    pub(super) fn steps(self, kind: &str) -> &'static [i64] {
        dosing(kind).filter(|_| self.doses).map_or(&[], |d| d.steps)
    }

    /// Households that a case of the dose needs, where it would need `usual` without doses.
    pub(super) fn needs(self, kind: &str, usual: usize, dose: Option<i64>) -> usize {
        match dose {
            Some(n) if usual > 1 && dosing(kind).is_some_and(|d| d.households) => n as usize,
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_rise_or_fall_and_kinds_are_planted() {
        assert!(DOSED.windows(2).all(|w| w[0].kind < w[1].kind));
        for d in DOSED {
            assert_eq!(d.steps.len(), 5, "{}", d.kind);
            assert!(d.steps.windows(2).all(|w| w[0] < w[1]) || d.steps.windows(2).all(|w| w[0] > w[1]), "{}", d.kind);
            assert!(super::super::kinds().contains(&d.kind), "{} is not planted", d.kind);
        }
    }

    #[test]
    fn every_dose_gets_as_many_cases() {
        let amount = Amount { cases: 3, doses: true };
        let of = |dose: i64| amount.turns("FE04").filter(|t| t.dose == Some(dose)).map(|t| t.variant).collect::<Vec<_>>();
        assert!(dosing("FE04").is_some_and(|d| d.steps.iter().all(|&s| of(s) == [0, 1, 2])));
        assert_eq!(amount.turns("FE03").map(|t| (t.variant, t.dose)).collect::<Vec<_>>(), [(0, None), (1, None), (2, None)]);
        let plain = Amount { cases: 3, doses: false };
        assert!(plain.turns("FE04").all(|t| t.dose.is_none() && t.spread == t.variant));
        assert_eq!((amount.needs("CM15", 10, Some(24)), amount.needs("CM15", 10, None), amount.needs("FD15", 0, Some(5))), (24, 10, 0));
    }
}
