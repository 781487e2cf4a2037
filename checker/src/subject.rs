//! What is held to levels of consistency, and by which names.
//!
//! Of registers an operation is a transaction of one key. Then strict serializability is linearizability (Herlihy, Wing 1990),
//! strong session serializability is sequential consistency (Lamport 1979), and strong session causality is causal
//! consistency with one order of writes for all (Viotti, Vukolic: Consistency in Non-Transactional Distributed Storage
//! Systems, ACM Computing Surveys 2016, 3.4: causal visibility and causal arbitration).

use crate::levels::{Isolation, Level, Levels, Order};

/// What a model's operations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Transactions over many keys.
    Transactions,
    /// Single reads, writes and compare-and-sets of one register, or of one under each key.
    Registers,
    /// Reads and writes of several registers together.
    MultiRegisters,
}

/// Names that only registers have.
const OF_REGISTERS: [(Level, &str); 3] = [
    (Level::STRONG_SESSION_CAUSAL, "causal"),
    (Level::STRONG_SESSION_SERIALIZABLE, "sequential"),
    (Level::STRICT_SERIALIZABLE, "linearizable"),
];

impl Subject {
    /// All levels to which it can be held, from the weakest to the strongest.
    pub fn levels(self) -> Vec<Level> {
        let of_registers = OF_REGISTERS.map(|(level, _)| level);
        match self {
            Subject::Transactions => Level::all().to_vec(),
            Subject::Registers => [&Level::OF_SESSIONS[..], &of_registers].concat(),
            Subject::MultiRegisters => of_registers.to_vec(),
        }
    }

    /// What a level is called here.
    ///
    /// ```
    /// use checker::{Level, Subject};
    /// assert_eq!(Subject::Registers.name(Level::STRICT_SERIALIZABLE), "linearizable");
    /// assert_eq!(Subject::Transactions.name(Level::STRICT_SERIALIZABLE), "strict-serializable");
    /// ```
    pub fn name(self, level: Level) -> &'static str {
        let own = OF_REGISTERS.iter().find(|(of, _)| *of == level);
        match (self, own) {
            (Subject::Registers | Subject::MultiRegisters, Some(&(_, name))) => name,
            _ => level.as_str(),
        }
    }

    /// What its operations are called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Subject::Registers => "operations",
            Subject::Transactions | Subject::MultiRegisters => "transactions",
        }
    }

    /// The level of this name.
    pub fn find(self, name: &str) -> Option<Level> {
        match self {
            Subject::Transactions => Level::find(name),
            _ => self
                .levels()
                .into_iter()
                .find(|&level| self.name(level).eq_ignore_ascii_case(name)),
        }
    }

    /// The names of some levels, from the weakest to the strongest.
    pub fn names(self, levels: Levels) -> Vec<&'static str> {
        let all = self.levels().into_iter();
        all.filter(|&level| levels.contains(level))
            .map(|level| self.name(level))
            .collect()
    }

    /// Every name that `--consistency` can take, for whatever model.
    pub fn all_names() -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        for subject in [Subject::Transactions, Subject::Registers] {
            for level in subject.levels() {
                names.push(subject.name(level));
                if subject == Subject::Transactions {
                    names.extend(level.aliases());
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What a level asks, in a line.
    pub fn about(self, level: Level) -> &'static str {
        match (self, level.isolation, level.order) {
            (Subject::Transactions, isolation, _) => isolation.about(),
            (_, Isolation::Serializable, Order::RealTime) => {
                "one order of all operations, that of real time where they do not overlap"
            }
            (_, Isolation::Serializable, _) => {
                "one order of all operations, and in it those of each process in theirs"
            }
            (_, Isolation::Causal, _) => {
                "what is seen brings with it what its writer had seen; one order of writes for all"
            }
            (_, isolation, _) => isolation.about(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for subject in [Subject::Transactions, Subject::Registers, Subject::MultiRegisters] {
            for level in subject.levels() {
                assert_eq!(subject.find(subject.name(level)), Some(level));
                assert!(Subject::all_names().contains(&subject.name(level)));
            }
        }
        assert_eq!(Subject::Registers.find("serializable"), None);
        assert_eq!(Subject::MultiRegisters.find("pram"), None);
    }

    #[test]
    fn what_binds_registers_is_a_lattice() {
        let find = |name: &str| Subject::Registers.find(name).unwrap();
        for [stronger, weaker] in [
            ["linearizable", "sequential"],
            ["sequential", "causal"],
            ["causal", "pram"],
            ["causal", "writes-follow-reads"],
            ["pram", "monotonic-reads"],
            ["pram", "monotonic-writes"],
            ["pram", "read-your-writes"],
        ] {
            assert!(find(stronger).implies(find(weaker)) && !find(weaker).implies(find(stronger)));
        }
        assert!(!find("pram").implies(find("writes-follow-reads")));
    }
}
