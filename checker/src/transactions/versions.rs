//! The order of a register's versions: which replaced which.

use super::micro::NONE;

/// A transaction replaced one version by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chain {
    pub key: u32,
    pub from: u32,
    pub to: u32,
    pub by: u32,
}

/// Sorts the steps by their origin, and takes out all those of keys with a cycle; gives one list for each cycle.
///
/// A version has one writer, and so at most one predecessor: walking back from a version ends at a first one, or
/// comes around.
pub(super) fn cyclic(steps: &mut Vec<Chain>, versions: usize) -> Vec<Vec<Chain>> {
    steps.sort_unstable();
    let mut into = vec![NONE; versions];
    for (at, step) in steps.iter().enumerate() {
        into[step.to as usize] = at as u32;
    }
    let mut walked = vec![NONE; versions];
    let mut cycles = Vec::new();
    for start in 0..versions as u32 {
        let mut at = start;
        while walked[at as usize] == NONE && into[at as usize] != NONE {
            walked[at as usize] = start;
            at = steps[into[at as usize] as usize].from;
        }
        if walked[at as usize] == start && into[at as usize] != NONE {
            cycles.push(around(steps, &into, at));
        }
    }
    let mut broken: Vec<u32> = cycles.iter().map(|cycle: &Vec<Chain>| cycle[0].key).collect();
    broken.sort_unstable();
    steps.retain(|step| broken.binary_search(&step.key).is_err());
    cycles
}

/// The steps of the cycle that ends at `end`, in their order.
fn around(steps: &[Chain], into: &[u32], end: u32) -> Vec<Chain> {
    let mut cycle = Vec::new();
    let mut at = end;
    loop {
        let step = steps[into[at as usize] as usize];
        cycle.push(step);
        at = step.from;
        if at == end {
            break;
        }
    }
    cycle.reverse();
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(key: u32, from: u32, to: u32) -> Chain {
        Chain {
            key,
            from,
            to,
            by: to,
        }
    }

    #[test]
    fn a_cycle_is_found_once_and_its_key_is_left_out() {
        let mut steps = vec![
            step(1, 4, 5),
            step(0, 2, 0),
            step(0, 0, 1),
            step(0, 1, 2),
            step(0, 1, 3),
        ];
        let cycles = cyclic(&mut steps, 6);
        assert_eq!(cycles.len(), 1);
        assert_eq!(cycles[0].len(), 3);
        assert!(cycles[0].windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(steps, [step(1, 4, 5)]);
    }
}
