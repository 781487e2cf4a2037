//! What a search decides besides the order: who wrote what was read, where several may have, and which transactions of
//! unknown outcome took effect.

use batsat::Lit;
use rustc_hash::FxHashMap;

use super::facts::{Effect, Facts, Read};
use super::micro::NONE;
use super::nodes::Nodes;
use super::solver::Solver;
use crate::budget::Stop;

/// A read: its transaction, and its place among that one's reads.
pub(super) type Place = (u32, u32);

/// The decisions so far.
#[derive(Default)]
pub(super) struct Choices {
    sources: FxHashMap<Place, Vec<(u32, Lit)>>,
    effects: FxHashMap<u32, Lit>,
}

/// Who wrote what was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The writer; [`NONE`] for the initial state.
    pub writer: u32,
    /// What has to hold for that; none where there is no choice.
    pub because: Option<Lit>,
}

impl Choices {
    /// The writer of what was read; none as long as that was not asked of the search.
    pub(super) fn source(
        &self,
        facts: &Facts,
        at: Place,
        read: Read,
        solver: &Solver<'_, '_>,
    ) -> Option<Source> {
        if let [writer] = *facts.sources(read)
            && facts.certain(at.0)
            && writer != at.0
        {
            return Some(Source {
                writer,
                because: None,
            });
        }
        let sources = self.sources.get(&at)?;
        let chosen = sources.iter().find(|(_, lit)| solver.says(*lit));
        chosen.map(|&(writer, lit)| Source {
            writer,
            because: Some(lit),
        })
    }

    /// The writers between whom the search chooses, each with what says so.
    pub(super) fn options(&self, at: Place) -> &[(u32, Lit)] {
        self.sources.get(&at).map_or(&[], Vec::as_slice)
    }

    /// All writers that were chosen.
    pub(super) fn chosen(&self, solver: &Solver<'_, '_>) -> FxHashMap<Place, u32> {
        let chosen =
            |sources: &[(u32, Lit)]| sources.iter().find(|(_, lit)| solver.says(*lit)).map(|one| one.0);
        let all = self.sources.iter();
        all.filter_map(|(&at, sources)| Some((at, chosen(sources)?)))
            .collect()
    }

    /// Asks the search who wrote what was read.
    pub(super) fn ask(
        &mut self,
        facts: &Facts,
        nodes: Nodes,
        at: Place,
        read: Read,
        solver: &mut Solver<'_, '_>,
    ) -> Result<(), Stop> {
        let reader = at.0;
        let mut sources = Vec::new();
        let mut one_of = Vec::new();
        one_of.extend(self.effect(facts, reader, solver)?.map(|effect| !effect));
        for &writer in facts.sources(read).iter().filter(|&&writer| writer != reader) {
            let lit = solver.fact(false)?;
            one_of.push(lit);
            sources.push((writer, lit));
            if writer == NONE {
                continue;
            }
            let before = solver.before(nodes.commit(writer), nodes.snapshot(reader))?;
            solver.clause(&[!lit, before])?;
            if let Some(effect) = self.effect(facts, writer, solver)? {
                solver.clause(&[!lit, effect])?;
            }
        }
        solver.clause(&one_of)?;
        self.sources.insert(at, sources);
        Ok(())
    }

    /// That a transaction took effect; none if that is certain.
    pub(super) fn effect(
        &mut self,
        facts: &Facts,
        transaction: u32,
        solver: &mut Solver<'_, '_>,
    ) -> Result<Option<Lit>, Stop> {
        if facts.effects[transaction as usize] != Effect::Possible {
            return Ok(None);
        }
        if let Some(&lit) = self.effects.get(&transaction) {
            return Ok(Some(lit));
        }
        let lit = solver.fact(false)?;
        self.effects.insert(transaction, lit);
        Ok(Some(lit))
    }

    /// Whether a transaction took effect.
    pub(super) fn took_effect(&self, facts: &Facts, transaction: u32, solver: &Solver<'_, '_>) -> bool {
        match facts.effects[transaction as usize] {
            Effect::Certain => true,
            Effect::None => false,
            Effect::Possible => {
                let lit = self.effects.get(&transaction);
                lit.is_some_and(|&lit| solver.says(lit))
            }
        }
    }
}
