//! `none`: nothing breaks. The baseline for everything else.

use crate::effect::Effect;
use crate::schedule::{Armed, Profile, Row, Schedule};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    name: "none",
    about: "no fault at all: the baseline",
    least_nodes: 1,
    alone: true,
    nodes: 5,
    guided: false,
    retries: false,
    needs: &[],
    asks: &[],
    profile: Profile::Full,
    workload: "register",
    build: |_| Box::new(Calm),
    armed: |_| Armed {
        armed: true,
        reason: "no fault was asked for: this run proves nothing but the calm".to_owned(),
        details: serde_json::json!({}),
    },
};

struct Calm;

impl Schedule for Calm {
    fn observe(&mut self, _view: &View) -> Vec<Effect> {
        Vec::new()
    }

    fn stage(&self) -> String {
        "calm".to_owned()
    }
}
