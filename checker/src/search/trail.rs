//! What is linearized in each of many configurations: a tree of steps, of which only the branches in use are held.

use super::witness::Linearized;
use crate::budget::{Meter, Stop};

/// The trail without steps.
pub(super) const START: u32 = u32::MAX;

struct Step {
    linearized: Linearized,
    /// The step before.
    before: u32,
    /// How many steps and configurations come after; 0 for a place that is free.
    users: u32,
}

/// The tree; a trail is named by its last step.
#[derive(Default)]
pub(super) struct Trail {
    steps: Vec<Step>,
    free: Vec<u32>,
}

impl Trail {
    /// The trail that goes on from another one; its user is the caller.
    pub(super) fn extend(
        &mut self,
        from: u32,
        path: &[Linearized],
        meter: &mut Meter<'_>,
    ) -> Result<u32, Stop> {
        let mut last = from;
        self.hold(from);
        for &linearized in path {
            let step = Step {
                linearized,
                before: last,
                users: 1,
            };
            last = match self.free.pop() {
                Some(place) => {
                    self.steps[place as usize] = step;
                    place
                }
                None => {
                    self.make_room(meter)?;
                    self.steps.push(step);
                    self.steps.len() as u32 - 1
                }
            };
        }
        Ok(last)
    }

    fn make_room(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        if self.steps.len() == self.steps.capacity() {
            let more = self.steps.len().max(64);
            meter.grow(more * (size_of::<Step>() + size_of::<u32>()))?;
            self.steps.reserve_exact(more);
        }
        Ok(())
    }

    /// One user more.
    pub(super) fn hold(&mut self, last: u32) {
        if let Some(step) = self.steps.get_mut(last as usize) {
            step.users += 1;
        }
    }

    /// One user less; steps that nobody uses are forgotten.
    pub(super) fn release(&mut self, mut last: u32) {
        while let Some(step) = self.steps.get_mut(last as usize) {
            step.users -= 1;
            if step.users > 0 {
                return;
            }
            self.free.push(last);
            last = step.before;
        }
    }

    /// The steps, the first one first.
    pub(super) fn path(&self, last: u32) -> Vec<Linearized> {
        let step = |&at: &u32| self.steps.get(at as usize);
        let back = std::iter::successors(Some(last), |at| step(at).map(|step| step.before));
        let mut path: Vec<Linearized> = back
            .map_while(|at| step(&at))
            .map(|step| step.linearized)
            .collect();
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trails_share_their_beginnings_and_leave_no_room_behind() {
        let budget = crate::Budget::unlimited();
        let mut meter = budget.meter();
        let mut trail = Trail::default();
        let step = |entry| Linearized {
            entry,
            choice: 0,
            at: 0,
        };
        let entries =
            |trail: &Trail, last| -> Vec<u32> { trail.path(last).iter().map(|step| step.entry).collect() };
        let trunk = trail.extend(START, &[step(1), step(2)], &mut meter).unwrap();
        let one = trail.extend(trunk, &[step(3)], &mut meter).unwrap();
        let same = trail.extend(trunk, &[], &mut meter).unwrap();
        trail.release(trunk);
        assert_eq!(
            (entries(&trail, one), entries(&trail, same)),
            (vec![1, 2, 3], vec![1, 2])
        );
        trail.release(one);
        assert_eq!((entries(&trail, same), trail.free.len()), (vec![1, 2], 1));
        trail.release(same);
        assert_eq!((trail.free.len(), trail.steps.len()), (3, 3));
        assert_eq!(entries(&trail, START), Vec::<u32>::new());
    }
}
