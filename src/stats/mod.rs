//! Statistics of falsified numbers: digits, density at a limit, shares against peers, false-discovery rates.
//!
//! Pure, on slices: numbers in, columns out. It knows no files, tables or rules. Counts and money stay integers as long as they can; what comes out is
//! rounded once. Sums run in the order of the rows, so the result is the same for any number of threads.
//!
//! # A test node
//!
//! A [`Kernel`] is told of *all* units of a test at once ([`Inputs`]): one number per unit and value, and one per member and value, those of unit u at
//! `starts[u]..starts[u + 1]`. It gives one [`Column`] per entry of [`Kernel::columns`], so that what depends on the whole family (peers, ranks,
//! Benjamini-Hochberg) is computed where the family is. A unit that cannot be tested has no `p`; its `reason` says why.

mod benford;
mod beta_binomial;
mod bunching;
mod chart;
mod density;
mod digits;
mod draws;
mod family;
mod hits;
mod judged;
mod kernel;
mod limit;
mod rate;
mod repeat;
mod share;
mod similar;
mod spread;
mod tail;
#[cfg(test)]
mod tests;

pub use benford::{Fit, first_digits, fit, law, law_of_digit, mad_moments};
pub use beta_binomial::{BetaBinomial, Peers};
pub use bunching::{BunchTest, Bunching};
pub use chart::{Bar, Chart};
pub use density::{Density, density};
pub use digits::{DigitTest, Digits};
pub use draws::Drawn;
pub use family::{Family, benjamini_hochberg, benjamini_yekutieli, cauchy};
pub use hits::{Hits, at_least, hit_balance, hit_target};
pub use kernel::{Column, Inputs, Kernel, LEADS, MISSING, Output, SHOWN};
pub use limit::{Extrapolation, extrapolate};
pub use rate::Rate;
pub use repeat::Repeat;
pub use share::{Share, Side, wilson};
pub use similar::{Expected, Features, jaccard};
pub use spread::Spread;
pub use tail::{Tail, binomial, chi_square, chi_square_below, normal};
