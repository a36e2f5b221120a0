//! Row sets: for each owner row its member rows, ascending.

use super::{MANY, NOKEY, NONE, is_row};

/// Members by group, and the group of each owner row.
#[derive(Debug)]
pub struct SetIndex {
    /// Per owner row its group or a sentinel; `None`: owners are the groups.
    pub group_of: Option<Vec<u32>>,
    /// Group g has members `starts[g]..starts[g + 1]` of `members`.
    pub starts: Vec<u32>,
    /// `None`: the members are the rows themselves, in order.
    pub members: Option<Vec<u32>>,
}

/// What an owner row has.
pub enum Owned {
    /// Places in `members`.
    Stretch(u32, u32),
    /// The owner's key is missing, or there is no owner row.
    Unknown,
    /// The owner's key is unreadable.
    Unreadable,
}

impl SetIndex {
    /// From the group (or a sentinel) of each member row.
    pub fn new(group_of_member: &[u32], groups: usize, group_of: Option<Vec<u32>>) -> Self {
        let mut starts = vec![0u32; groups + 1];
        let mut ordered = true;
        let mut last = 0;
        for &g in group_of_member {
            if is_row(g) && (g as usize) < groups {
                starts[g as usize + 1] += 1;
                ordered &= g >= last;
                last = g;
            } else {
                ordered = false;
            }
        }
        for i in 0..groups {
            starts[i + 1] += starts[i];
        }
        if ordered {
            return SetIndex { group_of, starts, members: None };
        }
        let mut at = starts.clone();
        let mut members = vec![0u32; starts[groups] as usize];
        for (row, &g) in (0u32..).zip(group_of_member) {
            if is_row(g) && (g as usize) < groups {
                let place = &mut at[g as usize];
                members[*place as usize] = row;
                *place += 1;
            }
        }
        SetIndex { group_of, starts, members: Some(members) }
    }

    pub fn of(&self, owner: u32) -> Owned {
        let group = match &self.group_of {
            _ if owner == MANY => MANY,
            _ if !is_row(owner) => NOKEY,
            Some(groups) => groups.get(owner as usize).copied().unwrap_or(NONE),
            None => owner,
        };
        match group {
            MANY => Owned::Unreadable,
            NOKEY => Owned::Unknown,
            NONE => Owned::Stretch(0, 0),
            g if (g as usize) + 1 < self.starts.len() => Owned::Stretch(self.starts[g as usize], self.starts[g as usize + 1]),
            _ => Owned::Stretch(0, 0),
        }
    }

    /// The owners' groups where asking for every owner's members would look at more rows than all groups have.
    pub fn shared_by_owners(&self) -> Option<&[u32]> {
        let group_of = self.group_of.as_deref()?;
        let members = u64::from(self.starts.last().copied().unwrap_or(0));
        let size = |&g: &u32| self.starts.get(g as usize + 1).map_or(0, |end| u64::from(end - self.starts[g as usize]));
        let asked: u64 = group_of.iter().filter(|g| is_row(**g)).map(size).sum();
        (asked > members).then_some(group_of)
    }

    /// Stretches of groups of about `rows` members each.
    pub fn blocks(&self, rows: u32) -> Vec<std::ops::Range<usize>> {
        let groups = self.starts.len() - 1;
        let mut out = vec![];
        let mut from = 0;
        while from < groups {
            let end = self.starts[from].saturating_add(rows);
            let to = self.starts.partition_point(|&s| s <= end).saturating_sub(1).clamp(from + 1, groups);
            out.push(from..to);
            from = to;
        }
        out
    }

    /// The row at a place of a stretch.
    #[inline]
    pub fn member(&self, place: u32) -> u32 {
        match &self.members {
            Some(members) => members[place as usize],
            None => place,
        }
    }

    pub fn members_of(&self, owner: u32) -> Vec<u32> {
        match self.of(owner) {
            Owned::Stretch(from, to) => (from..to).map(|p| self.member(p)).collect(),
            _ => vec![],
        }
    }

    pub fn bytes(&self) -> u64 {
        let groups = self.group_of.as_ref().map_or(0, Vec::len);
        4 * (groups + self.starts.len() + self.members.as_ref().map_or(0, Vec::len)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn members_are_the_rows_that_point_to_the_owner(
            groups in prop::collection::vec(prop_oneof![4 => 0u32..6, 1 => Just(NONE), 1 => Just(MANY)], 0..60),
            sorted in any::<bool>(),
        ) {
            let mut groups = groups;
            if sorted { groups.sort_unstable(); }
            let set = SetIndex::new(&groups, 6, None);
            for owner in 0..6 {
                let want: Vec<u32> = (0u32..).zip(&groups).filter(|(_, g)| **g == owner).map(|(row, _)| row).collect();
                prop_assert_eq!(set.members_of(owner), want);
            }
        }
    }
}
