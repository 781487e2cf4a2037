//! What may stand before what, as a question of propositional logic: a variable for each pair of nodes whose order
//! matters, clauses for what has to hold, and a graph that refuses what would be a cycle.
//!
//! The clauses come little by little: only those that the order at hand breaks (lazily, as in satisfiability modulo
//! theories). The search with its learning of conflicts is batsat's; the graph is [`Acyclic`].

use std::cell::Cell;
use std::rc::Rc;

use batsat::{Lit, SolverInterface, Theory, TheoryArg, Var, lbool};
use rustc_hash::FxHashMap;

use super::acyclic::{Acyclic, Refused};
use crate::budget::{Meter, Stop};

/// Bytes that a variable and what belongs to it take, about.
const VARIABLE_BYTES: usize = 200;

/// The search.
pub(super) struct Solver<'m, 'b> {
    sat: batsat::Solver<UntilStopped>,
    graph: Orders<'m, 'b>,
    pairs: FxHashMap<(u32, u32), Var>,
    /// What the last model says of each variable.
    model: Vec<bool>,
}

impl<'m, 'b> Solver<'m, 'b> {
    /// One over the nodes of a graph; none if its fixed edges have a cycle.
    pub(super) fn new(graph: Acyclic<Lit>, meter: &'m mut Meter<'b>) -> Self {
        let stopped = Rc::new(Cell::new(false));
        Solver {
            sat: batsat::Solver::new(batsat::SolverOpts::default(), UntilStopped(Rc::clone(&stopped))),
            graph: Orders {
                graph,
                edges: Vec::new(),
                seen: 0,
                levels: Vec::new(),
                meter,
                stop: None,
                stopped,
                touched: Vec::new(),
            },
            pairs: FxHashMap::default(),
            model: Vec::new(),
        }
    }

    /// The account that pays.
    pub(super) fn meter(&mut self) -> &mut Meter<'b> {
        self.graph.meter
    }

    /// That one node stands before another; its negation says the reverse.
    pub(super) fn before(&mut self, one: u32, other: u32) -> Result<Lit, Stop> {
        let pair = (one.min(other), one.max(other));
        let var = match self.pairs.get(&pair) {
            Some(&var) => var,
            None => {
                let likely = self.graph.graph.place(pair.0) < self.graph.graph.place(pair.1);
                let var = self.variable(likely, Some(pair))?;
                self.pairs.insert(pair, var);
                var
            }
        };
        Ok(Lit::new(var, one < other))
    }

    /// Something that is decided along with the order.
    pub(super) fn fact(&mut self, likely: bool) -> Result<Lit, Stop> {
        Ok(Lit::new(self.variable(likely, None)?, true))
    }

    fn variable(&mut self, likely: bool, pair: Option<(u32, u32)>) -> Result<Var, Stop> {
        self.graph.meter.grow(VARIABLE_BYTES)?;
        let likely = if likely { lbool::TRUE } else { lbool::FALSE };
        let var = self.sat.new_var(likely, true);
        self.graph.edges.push(pair);
        self.model.push(false);
        Ok(var)
    }

    /// One of these holds.
    pub(super) fn clause(&mut self, lits: &[Lit]) -> Result<(), Stop> {
        self.graph.meter.grow(16 + 4 * lits.len())?;
        self.sat.add_clause_reuse(&mut lits.to_vec());
        Ok(())
    }

    /// Whether everything can hold; then [`says`](Self::says) and [`order`](Self::order) tell how.
    pub(super) fn solve(&mut self) -> Result<bool, Stop> {
        let answer = self.sat.solve_limited_preserving_trail_th(&mut self.graph, &[]);
        if answer == lbool::TRUE {
            for (at, says) in self.model.iter_mut().enumerate() {
                *says = self
                    .sat
                    .raw_value_lit(Lit::new(Var::unsafe_from_idx(at as u32), true))
                    == lbool::TRUE;
            }
        }
        self.sat.pop_model(&mut self.graph);
        match self.graph.stop {
            Some(stop) => Err(stop),
            None if answer == lbool::UNDEF => Err(Stop::Cancelled),
            None => Ok(answer == lbool::TRUE),
        }
    }

    /// What the model says.
    pub(super) fn says(&self, lit: Lit) -> bool {
        self.model[lit.var().idx() as usize] == lit.sign()
    }

    /// An order of all nodes in which everything holds.
    pub(super) fn order(&self) -> &Acyclic<Lit> {
        &self.graph.graph
    }

    /// The nodes of all cycles that the search ran into.
    pub(super) fn touched(&self) -> &[u32] {
        &self.graph.touched
    }
}

/// Ends the search when the budget does.
struct UntilStopped(Rc<Cell<bool>>);

impl batsat::Callbacks for UntilStopped {
    fn stop(&self) -> bool {
        self.0.get()
    }
}

/// The graph as the search sees it.
struct Orders<'m, 'b> {
    graph: Acyclic<Lit>,
    /// The pair of nodes of each variable.
    edges: Vec<Option<(u32, u32)>>,
    /// How much of the trail stands in the graph.
    seen: usize,
    /// The same, and the number of edges, when each level began.
    levels: Vec<(usize, usize)>,
    meter: &'m mut Meter<'b>,
    stop: Option<Stop>,
    stopped: Rc<Cell<bool>>,
    touched: Vec<u32>,
}

impl Orders<'_, '_> {
    fn halt(&mut self, stop: Stop) {
        self.stop = Some(stop);
        self.stopped.set(true);
    }

    /// Puts what is new on the trail into the graph.
    fn take(&mut self, acts: &mut TheoryArg<'_>) {
        while self.stop.is_none() && self.seen < acts.model().len() {
            let lit = acts.model()[self.seen];
            self.seen += 1;
            let Some((one, other)) = self.edges[lit.var().idx() as usize] else {
                continue;
            };
            let (from, to) = if lit.sign() { (one, other) } else { (other, one) };
            match self.graph.add(from, to, lit, self.meter) {
                Ok(()) => {}
                Err(Refused::Stopped(stop)) => self.halt(stop),
                Err(Refused::Cycle(way)) => {
                    let mut clause = vec![!lit];
                    clause.extend(way.iter().filter_map(|&(_, name)| name.map(|lit| !lit)));
                    self.touched.push(from);
                    self.touched.extend(way.iter().map(|&(node, _)| node));
                    acts.raise_conflict(&clause, false);
                    return;
                }
            }
        }
    }
}

impl Theory for Orders<'_, '_> {
    fn final_check(&mut self, acts: &mut TheoryArg<'_>) {
        self.take(acts);
    }

    fn partial_check(&mut self, acts: &mut TheoryArg<'_>) {
        // What lies between two calls can be long.
        if let Err(stop) = self.meter.step().and_then(|()| self.meter.look()) {
            self.halt(stop);
        }
        self.take(acts);
    }

    fn create_level(&mut self) {
        self.levels.push((self.seen, self.graph.added()));
    }

    fn pop_levels(&mut self, n: usize) {
        let kept = self.levels.len().saturating_sub(n);
        if let Some(&(seen, added)) = self.levels.get(kept) {
            self.seen = seen;
            self.graph.shrink(added);
            self.levels.truncate(kept);
        }
    }

    fn n_levels(&self) -> usize {
        self.levels.len()
    }

    fn explain_propagation(&mut self, _: Lit) -> &[Lit] {
        // Nothing is ever propagated.
        &[]
    }
}
