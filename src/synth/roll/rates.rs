//! How often each thing goes wrong, stated.

/// Rates per 10,000. `base` counts for a copy of a record; the first record of a person has half of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RollRates {
    // Households and people counted twice, per 10,000 of them.
    pub listed_twice: usize,
    pub split: usize,
    pub moved_member: usize,
    pub merged: usize,
    pub person_twice: usize,

    // Citizen ids.
    pub id_missing: usize,
    pub id_digit: usize,
    pub id_two_digits: usize,
    pub id_swapped: usize,
    pub id_dropped: usize,
    pub id_old_form: usize,
    pub id_zeros: usize,
    pub id_masked: usize,
    pub id_of_kin: usize,
    pub id_spaced: usize,
    pub id_placeholder: usize,

    // Names.
    pub name_homophone: usize,
    pub name_lookalike: usize,
    pub name_variant: usize,
    pub name_character: usize,
    pub name_dropped: usize,
    pub name_swapped: usize,
    pub name_spaced: usize,
    pub name_unknown: usize,
    pub name_other: usize,
    /// Of names of other languages only.
    pub name_respelled: usize,
    pub name_patronym_dropped: usize,

    // Births.
    pub birth_missing: usize,
    pub birth_swapped: usize,
    pub birth_first_january: usize,
    pub birth_lunar: usize,
    pub birth_year_off: usize,
    pub birth_digit: usize,
    /// Of ids typed from kin: the birth is read off the id.
    pub birth_of_kin: usize,

    // The rest.
    pub sex_wrong: usize,
    pub sex_missing: usize,
    pub phone_other: usize,
    pub phone_missing: usize,
    pub phone_digit: usize,
    pub phone_of_cadre: usize,
    pub account_other: usize,
    pub account_missing: usize,
    pub place_neighbour: usize,
    pub place_missing: usize,
}

impl RollRates {
    /// A roll kept with ordinary care.
    pub fn base() -> Self {
        RollRates {
            listed_twice: 700,
            split: 500,
            moved_member: 450,
            merged: 200,
            person_twice: 500,
            id_missing: 350,
            id_digit: 350,
            id_two_digits: 60,
            id_swapped: 120,
            id_dropped: 50,
            id_old_form: 150,
            id_zeros: 50,
            id_masked: 50,
            id_of_kin: 100,
            id_spaced: 100,
            id_placeholder: 30,
            name_homophone: 300,
            name_lookalike: 150,
            name_variant: 100,
            name_character: 100,
            name_dropped: 40,
            name_swapped: 30,
            name_spaced: 100,
            name_unknown: 30,
            name_other: 50,
            name_respelled: 1500,
            name_patronym_dropped: 500,
            birth_missing: 200,
            birth_swapped: 60,
            birth_first_january: 150,
            birth_lunar: 150,
            birth_year_off: 100,
            birth_digit: 60,
            birth_of_kin: 3000,
            sex_wrong: 50,
            sex_missing: 100,
            phone_other: 2000,
            phone_missing: 1500,
            phone_digit: 100,
            phone_of_cadre: 100,
            account_other: 1500,
            account_missing: 2000,
            place_neighbour: 100,
            place_missing: 50,
        }
    }

    /// A roll kept badly: ids are often missing or wrong, names and births more often than not copied by ear.
    pub fn hard() -> Self {
        let base = Self::base();
        RollRates {
            id_missing: 1500,
            id_digit: 900,
            id_two_digits: 250,
            id_swapped: 300,
            id_dropped: 150,
            id_of_kin: 350,
            id_placeholder: 150,
            name_homophone: 900,
            name_lookalike: 400,
            name_character: 350,
            name_other: 150,
            birth_missing: 900,
            birth_first_january: 500,
            birth_lunar: 500,
            birth_year_off: 350,
            phone_other: 3500,
            phone_missing: 3000,
            account_other: 2500,
            account_missing: 3500,
            place_neighbour: 300,
            ..base
        }
    }
}
