//! Sets that are joined: the smallest number of a set stands for it.

/// Numbers `0..n`, each a set of its own at first.
#[derive(Debug)]
pub struct Union(Vec<u32>);

impl Union {
    pub fn new(n: usize) -> Self {
        Union((0..n as u32).collect())
    }
    /// The smallest number of the set of `x`.
    pub fn find(&mut self, mut x: u32) -> u32 {
        while self.0[x as usize] != x {
            let up = self.0[self.0[x as usize] as usize];
            self.0[x as usize] = up;
            x = up;
        }
        x
    }
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
    /// The smallest number of each set, for all numbers.
    pub fn roots(mut self) -> Vec<u32> {
        (0..self.0.len() as u32).map(|x| self.find(x)).collect()
    }
}
