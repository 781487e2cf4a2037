//! What each process has in flight: one operation at most.

use rustc_hash::FxHashMap;

/// Processes below this have a place of their own; numbers beyond it are rare, and looked up.
const NEAR: u64 = 1 << 16;

/// By process, what it has in flight.
pub(crate) struct InFlight<T> {
    near: Vec<Option<T>>,
    far: FxHashMap<u64, T>,
}

impl<T: Copy> InFlight<T> {
    /// Nobody has anything in flight.
    pub(crate) fn new() -> Self {
        InFlight {
            near: Vec::new(),
            far: FxHashMap::default(),
        }
    }

    /// The process has begun this; what it had in flight before, if it had.
    #[inline]
    pub(crate) fn begin(&mut self, process: u64, operation: T) -> Option<T> {
        if process >= NEAR {
            return self.far.insert(process, operation);
        }
        let place = process as usize;
        if place >= self.near.len() {
            self.near.resize(place + 1, None);
        }
        self.near[place].replace(operation)
    }

    /// The process has completed what it had in flight.
    #[inline]
    pub(crate) fn end(&mut self, process: u64) -> Option<T> {
        match process < NEAR {
            true => self.near.get_mut(process as usize)?.take(),
            false => self.far.remove(&process),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_operation_in_flight_wherever_its_number_is() {
        for process in [0, NEAR - 1, NEAR, u64::MAX] {
            let mut flying = InFlight::new();
            assert_eq!(flying.end(process), None);
            assert_eq!(
                (flying.begin(process, 1), flying.begin(process, 2)),
                (None, Some(1))
            );
            assert_eq!((flying.end(process), flying.end(process)), (Some(2), None));
        }
    }
}
