//! Configurations, and when one is as good as another.

use std::rc::Rc;

use super::super::bits::Bits;
use super::NONE;
use super::field::Field;

/// What is linearized so far, as far as the future can tell. Moments are told as in [`Field`].
#[derive(Clone)]
pub(super) struct Configuration<B> {
    /// Slots of pending operations that are linearized.
    pub done: B,
    /// Cas of unknown outcome that happened.
    pub swaps: B,
    /// By counter: how many writes of unknown outcome happened.
    pub used: Rc<Vec<u16>>,
    /// The same, of all values.
    pub total: u32,
    /// The state; [`NONE`] if it need not stay.
    pub state: u32,
    /// When the last visible write was: right before it there is room for others.
    pub slot: u32,
    /// Since when the state is what it is.
    pub since: u32,
    /// What is linearized, by its last step.
    pub trail: u32,
}

impl<B: Bits> Configuration<B> {
    /// Whether whatever can be done from `other` could be done from here.
    ///
    /// A pending read that is linearized asks nothing more. A pending write that is not can still serve, and need not: it
    /// overlaps the slot, or the state need not stay in `other` either. A state that stays can be given up.
    pub(super) fn covers<O>(&self, other: &Self, field: &Field<'_, O, B>) -> bool {
        let stays = other.state == NONE || self.state == other.state && self.slot >= other.slot;
        stays
            && self.total <= other.total
            && self.done.without(&other.done).is_subset(&field.is_read)
            && other.done.without(&self.done).is_subset(&field.is_write)
            && self.swaps.is_subset(&other.swaps)
            && (Rc::ptr_eq(&self.used, &other.used)
                || self.used.iter().zip(&*other.used).all(|(mine, its)| mine <= its))
    }
}
