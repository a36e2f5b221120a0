//! Citizen ids that never repeat by accident: every village of a county owns ten serial numbers of each birthday.

use std::collections::HashSet;

use super::calendar::civil;
use super::draw::Draw;

/// A citizen id as its 18 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id([u8; 18]);

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

impl Id {
    pub(super) fn new(region6: u32, birth: i32, serial: u32) -> Self {
        let (y, m, d) = civil(birth);
        let mut text = [b'0'; 18];
        let mut put = |at: usize, width: usize, mut value: u32| {
            for i in (at..at + width).rev() {
                text[i] = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 6, region6);
        put(6, 4, y as u32);
        put(10, 2, m as u32);
        put(12, 2, d as u32);
        put(14, 3, serial);
        text[17] = check(&text);
        Id(text)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The same id with another last serial digit and a fitting check digit: an id that differs in one or two characters.
    pub(super) fn altered(&self, by: u8) -> Self {
        let mut text = self.0;
        text[16] = b'0' + (text[16] - b'0' + by) % 10;
        text[17] = check(&text);
        Id(text)
    }

    /// The same id with one digit of its serial mistyped, which its check digit tells.
    pub(super) fn mistyped(&self) -> String {
        let mut text = self.0;
        text[15] = b'0' + (text[15] - b'0' + 3) % 10;
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The form of 15 digits that ids had before 1999.
    pub(super) fn old_form(&self) -> String {
        let t = self.text();
        format!("{}{}", &t[..6], &t[8..17])
    }

    pub(super) fn wrong_check(&self) -> String {
        let wrong = if self.0[17] == b'7' { '3' } else { '7' };
        format!("{}{wrong}", &self.text()[..17])
    }
}

fn check(text: &[u8; 18]) -> u8 {
    let sum: u32 = WEIGHTS.iter().zip(text.iter()).map(|(w, c)| w * u32::from(c - b'0')).sum();
    CHECK[(sum % 11) as usize]
}

/// Hands out ids in one village. No two people of a village share a birthday unless they are meant to, so that no name, birth and
/// near id agree by accident.
pub(super) struct Ids {
    region6: u32,
    /// Ordinal of the village in its county, from 1; below 100.
    village: u32,
    births: HashSet<i32>,
}

impl Ids {
    pub(super) fn new(region6: u32, village: u32) -> Self {
        Ids { region6, village, births: HashSet::new() }
    }

    /// A free birthday in `low..=high`, or just after.
    pub(super) fn birth(&mut self, draw: &mut Draw, low: i32, high: i32) -> i32 {
        let mut birth = draw.days(low, high);
        while !self.births.insert(birth) {
            birth += 1;
        }
        birth
    }

    /// Serial digits 0 to 3 are for people; 4 to 9 stay free for altered ids and twins.
    pub(super) fn id(&self, draw: &mut Draw, birth: i32, female: bool) -> Id {
        let digit = 2 * draw.below(2) as u32 + u32::from(!female);
        Id::new(self.region6, birth, self.village * 10 + digit)
    }

    /// A valid id that ends in 000. Its serial lies in the block of village 0, which does not exist.
    pub(super) fn ends_in_zeros(&mut self, low: i32) -> (Id, i32) {
        let mut birth = low + self.village as i32;
        loop {
            let id = Id::new(self.region6, birth, 0);
            if id.0[17] == b'0' && self.births.insert(birth) {
                return (id, birth);
            }
            birth += 100;
        }
    }

    /// A valid id whose check character is X.
    pub(super) fn ends_in_x(&mut self, draw: &mut Draw, low: i32, high: i32, female: bool) -> (Id, i32) {
        let mut birth = draw.days(low, high);
        loop {
            let id = Id::new(self.region6, birth, self.village * 10 + u32::from(!female));
            if id.0[17] == b'X' && self.births.insert(birth) {
                return (id, birth);
            }
            birth += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::calendar::day;

    #[test]
    fn check_digits_follow_the_standard() {
        // The example of the standard's published explanation.
        assert_eq!(Id::new(340_524, day(1980, 1, 1), 1).text(), "34052419800101001X");
        let id = Id::new(522_301, day(1954, 3, 9), 12);
        assert_eq!(id.old_form().len(), 15);
        assert_ne!(id.wrong_check(), id.text());
        let near = id.altered(4);
        let different = near.text().bytes().zip(id.text().bytes()).filter(|(a, b)| a != b).count();
        assert!((1..=2).contains(&different), "{} {}", id.text(), near.text());
    }
}
