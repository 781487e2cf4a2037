//! Queues whose elements are enqueued once: pairs and cover, in O(n log n).
//!
//! An element's pair is its enqueue and its dequeue. The enqueue takes effect before the dequeue does, so it ends
//! at the latest where the dequeue ends, and the dequeue begins at the earliest where the enqueue begins. What is
//! never dequeued has a dequeue after everything, and is left out if its enqueue may not have happened.
//!
//! In a queue that gives its oldest element x must stand before y if the enqueue of x precedes that of y, or the
//! dequeue that of y. If each of two must stand before the other there is no legal order. An element is surely in
//! the queue from the end of its enqueue to the beginning of its dequeue; a dequeue that found the queue empty
//! needs a moment that no such interval covers. At that moment each element can be wholly before it or wholly
//! after it, so moments cut the history into segments, and within a segment a legal order is a linear extension of
//! the precedence of pairs. So whatever this engine calls legal it can spell; the search decides what is left.
//!
//! A dequeue that may have happened can explain an element that nobody else took: then only what is proved by
//! pairs that are whole is a violation.

use crate::budget::{Meter, Stop};
use crate::decode::Decision;
use crate::operations::OPEN;
use crate::spec::Entry;
use crate::spec::queue::Action;

const NONE: u32 = u32::MAX;

/// Whether elements leave in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discipline {
    Fifo,
    Unordered,
}

/// An interval of positions in which an operation takes effect.
#[derive(Clone, Copy)]
struct Span {
    inv: u32,
    ret: u32,
}

/// An element that was surely in the queue; operations by their places.
#[derive(Clone, Copy)]
struct Pair {
    enqueue: u32,
    /// [`NONE`] if nothing dequeued it.
    dequeue: u32,
    enters: Span,
    leaves: Span,
    /// The segment in which it enters and leaves.
    segment: u32,
}

/// A position after which the queue can be empty, and the dequeue that found it so.
type Moment = (u32, u32);

/// A dequeue that found nothing, and pairs of which one is in the queue at each of its moments.
struct Covered {
    pairs: Vec<usize>,
    empty: u32,
}

struct Queue<'a> {
    entries: &'a [Entry<Action>],
    pairs: Vec<Pair>,
    /// Dequeues that found the queue empty.
    empties: Vec<u32>,
    /// Whether a dequeue took nobody knows what.
    guesses: bool,
}

/// Decides the history; with `want_order` a legal one comes with its order.
pub(crate) fn decide(
    entries: &[Entry<Action>],
    elements: usize,
    discipline: Discipline,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Decision<Action>, Stop> {
    meter.grow(entries.len() * 48 + elements * 8)?;
    let mut queue = match Queue::collect(entries, elements, meter)? {
        Ok(queue) => queue,
        Err(decision) => return Ok(decision),
    };
    if discipline == Discipline::Fifo
        && let Some((x, y)) = queue.overtaken(meter)?
    {
        return Ok(queue.illegal(&[x, y], None));
    }
    let moments = match queue.moments(meter)? {
        Ok(moments) => moments,
        Err(Covered { pairs, empty }) => return Ok(queue.illegal(&pairs, Some(empty))),
    };
    queue.cut(&moments);
    Ok(match queue.line_up(discipline, meter)? {
        Some(line) if want_order => Decision::Legal(queue.spell(&line, &moments, discipline)),
        Some(_) => Decision::Legal(Vec::new()),
        None => Decision::NotApplicable,
    })
}

impl<'a> Queue<'a> {
    /// The pairs; or what is wrong with one by itself, or that an element was enqueued twice.
    fn collect(
        entries: &'a [Entry<Action>],
        elements: usize,
        meter: &mut Meter<'_>,
    ) -> Result<Result<Self, Decision<Action>>, Stop> {
        let mut ends = vec![(NONE, NONE); elements];
        let mut again = None;
        let mut queue = Queue {
            entries,
            pairs: Vec::new(),
            empties: Vec::new(),
            guesses: false,
        };
        for (at, entry) in (0..).zip(entries) {
            meter.tick()?;
            match entry.op {
                Action::Enqueue(x) if ends[x as usize].0 != NONE => return Ok(Err(Decision::NotApplicable)),
                Action::Enqueue(x) => ends[x as usize].0 = at,
                Action::Dequeue(x) if ends[x as usize].1 != NONE => {
                    again = again.or(Some((x, at)));
                }
                Action::Dequeue(x) => ends[x as usize].1 = at,
                Action::DequeueAny => queue.guesses = true,
                Action::FoundEmpty => queue.empties.push(at),
            }
        }
        for &(enqueue, dequeue) in &ends {
            meter.tick()?;
            if enqueue == NONE && dequeue != NONE {
                return Ok(Err(queue.proof(vec![dequeue])));
            }
            if enqueue != NONE && dequeue != NONE && queue.ret(dequeue) < queue.inv(enqueue) {
                return Ok(Err(queue.proof(vec![enqueue, dequeue])));
            }
            queue.pairs.extend(queue.pair(enqueue, dequeue));
        }
        Ok(match again {
            Some((x, at)) => {
                let (enqueue, dequeue) = ends[x as usize];
                Err(queue.proof(vec![enqueue, dequeue, at]))
            }
            None => Ok(queue),
        })
    }

    fn inv(&self, at: u32) -> u32 {
        self.entries[at as usize].inv
    }

    fn ret(&self, at: u32) -> u32 {
        self.entries[at as usize].ret
    }

    /// None for an element that need never have been there.
    fn pair(&self, enqueue: u32, dequeue: u32) -> Option<Pair> {
        if enqueue == NONE || (dequeue == NONE && self.ret(enqueue) == OPEN) {
            return None;
        }
        let (inv, ret) = (self.inv(enqueue), self.ret(enqueue));
        let leaves = match dequeue {
            NONE => Span { inv: OPEN, ret: OPEN },
            at => Span {
                inv: self.inv(at).max(inv),
                ret: self.ret(at),
            },
        };
        Some(Pair {
            enqueue,
            dequeue,
            enters: Span {
                inv,
                ret: ret.min(leaves.ret),
            },
            leaves,
            segment: 0,
        })
    }

    /// A proof by these operations.
    fn proof(&self, mut places: Vec<u32>) -> Decision<Action> {
        places.sort_unstable();
        let few = places.iter().map(|&at| self.entries[at as usize].clone());
        Decision::Illegal(few.collect())
    }

    /// A proof by whole pairs, and maybe a dequeue that found nothing.
    fn illegal(&self, pairs: &[usize], empty: Option<u32>) -> Decision<Action> {
        let ends = |&at: &usize| [self.pairs[at].enqueue, self.pairs[at].dequeue];
        let mut places: Vec<u32> = pairs.iter().flat_map(ends).collect();
        if self.guesses && places.contains(&NONE) {
            return Decision::NotApplicable;
        }
        places.retain(|&at| at != NONE);
        places.extend(empty);
        self.proof(places)
    }

    /// The places of the pairs by some key, ascending.
    fn sorted(&self, key: impl Fn(&Pair) -> u32) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.pairs.len()).collect();
        places.sort_unstable_by_key(|&at| key(&self.pairs[at]));
        places
    }

    /// x that entered before y, and left after it.
    fn overtaken(&self, meter: &mut Meter<'_>) -> Result<Option<(usize, usize)>, Stop> {
        meter.grow(self.pairs.len() * 16)?;
        let mut entered = self.sorted(|pair| pair.enters.ret).into_iter().peekable();
        let mut last: Option<usize> = None;
        for y in self.sorted(|pair| pair.enters.inv) {
            meter.tick()?;
            let before = |x: &usize| self.pairs[*x].enters.ret < self.pairs[y].enters.inv;
            while let Some(x) = entered.next_if(before) {
                let leaves = |at: usize| self.pairs[at].leaves.inv;
                if last.is_none_or(|last| leaves(last) < leaves(x)) {
                    last = Some(x);
                }
            }
            if let Some(x) = last.filter(|&x| self.pairs[y].leaves.ret < self.pairs[x].leaves.inv) {
                return Ok(Some((x, y)));
            }
        }
        Ok(None)
    }

    /// For each dequeue that found nothing a position after which the queue can be empty; or one for which there is
    /// none, and the elements that cover it.
    fn moments(&self, meter: &mut Meter<'_>) -> Result<Result<Vec<Moment>, Covered>, Stop> {
        if self.empties.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        meter.grow(self.pairs.len() * 16 + self.empties.len() * 8)?;
        let present = self.sorted(|pair| pair.enters.ret);
        let mut covered: Vec<(u32, u32)> = Vec::new();
        for &at in &present {
            meter.tick()?;
            let (begin, end) = (self.pairs[at].enters.ret, self.pairs[at].leaves.inv);
            match covered.last_mut() {
                _ if end <= begin => {}
                Some((_, last)) if begin <= *last => *last = end.max(*last),
                _ => covered.push((begin, end)),
            }
        }
        let mut moments = Vec::with_capacity(self.empties.len());
        for &at in &self.empties {
            meter.tick()?;
            let (inv, ret) = (self.inv(at), self.ret(at));
            let around = covered.partition_point(|(begin, _)| *begin <= inv);
            let until = around
                .checked_sub(1)
                .map_or(inv, |around| covered[around].1.max(inv));
            if until >= ret {
                let pairs = self.cover(&present, inv, ret);
                return Ok(Err(Covered { pairs, empty: at }));
            }
            moments.push((until, at));
        }
        moments.sort_unstable();
        Ok(Ok(moments))
    }

    /// Few elements that cover everything between two positions, which is covered.
    fn cover(&self, present: &[usize], inv: u32, ret: u32) -> Vec<usize> {
        let mut cover = Vec::new();
        let mut until = inv;
        let mut rest = present.iter().copied().peekable();
        let mut best: Option<usize> = None;
        while until < ret {
            while let Some(at) = rest.next_if(|&at| self.pairs[at].enters.ret <= until) {
                if best.is_none_or(|best| self.pairs[best].leaves.inv < self.pairs[at].leaves.inv) {
                    best = Some(at);
                }
            }
            match best.filter(|&best| self.pairs[best].leaves.inv > until) {
                Some(best) => {
                    until = self.pairs[best].leaves.inv;
                    cover.push(best);
                }
                None => return cover,
            }
        }
        cover
    }

    /// Puts each pair into the first segment before whose end it can leave.
    fn cut(&mut self, moments: &[Moment]) {
        for pair in &mut self.pairs {
            let segment = moments.partition_point(|(moment, _)| *moment < pair.leaves.inv);
            pair.segment = segment as u32;
            if let Some(before) = segment.checked_sub(1) {
                pair.enters.inv = pair.enters.inv.max(moments[before].0);
            }
        }
    }

    /// The pairs in an order that keeps precedence; none if there is no such order.
    fn line_up(&self, discipline: Discipline, meter: &mut Meter<'_>) -> Result<Option<Vec<usize>>, Stop> {
        meter.grow(self.pairs.len() * 56)?;
        let by_segment = self.sorted(|pair| pair.segment);
        if discipline == Discipline::Unordered {
            return Ok(Some(by_segment));
        }
        let mut line = Vec::with_capacity(self.pairs.len());
        for segment in by_segment.chunk_by(|&x, &y| self.pairs[x].segment == self.pairs[y].segment) {
            if !extension(&self.pairs, segment, &mut line, meter)? {
                return Ok(None);
            }
        }
        Ok(Some(line))
    }

    /// Everything as early as the line allows: an operation takes effect right after an invocation.
    fn spell(&self, line: &[usize], moments: &[Moment], discipline: Discipline) -> Vec<u32> {
        // Position, segment, enqueues first, place in the line.
        let mut steps: Vec<((u32, u32, u8, usize), u32)> = Vec::with_capacity(self.entries.len());
        let (mut enters, mut leaves) = (0, 0);
        for (place, &at) in line.iter().enumerate() {
            let pair = &self.pairs[at];
            if discipline == Discipline::Unordered {
                (enters, leaves) = (0, 0);
            }
            enters = pair.enters.inv.max(enters);
            leaves = pair.leaves.inv.max(leaves);
            steps.push(((enters, pair.segment, 0, place), pair.enqueue));
            if pair.dequeue != NONE {
                steps.push(((leaves, pair.segment, 1, place), pair.dequeue));
            }
        }
        for (segment, &(moment, at)) in (0..).zip(moments) {
            steps.push(((moment, segment, 2, 0), at));
        }
        steps.sort_unstable();
        steps
            .iter()
            .map(|(_, at)| self.entries[*at as usize].id)
            .collect()
    }
}

/// Appends a linear extension of the precedence of these pairs; false if there is none.
///
/// A pair may come next if no other that is left entered before it began to enter, or left before it began to
/// leave. Both limits only rise, so each pair is looked at once for each.
fn extension(
    pairs: &[Pair],
    these: &[usize],
    line: &mut Vec<usize>,
    meter: &mut Meter<'_>,
) -> Result<bool, Stop> {
    let local = |place: usize| &pairs[these[place]];
    let mut enter = Front::of(these.len(), |place| local(place).enters);
    let mut leave = Front::of(these.len(), |place| local(place).leaves);
    let mut free = vec![0_u8; these.len()];
    let mut gone = vec![false; these.len()];
    let mut ready: Vec<usize> = Vec::new();
    for _ in 0..these.len() {
        meter.tick()?;
        for front in [&mut enter, &mut leave] {
            front.advance(&gone, |place| {
                free[place] += 1;
                ready.extend((free[place] == 2).then_some(place));
            });
        }
        let Some(next) = ready.pop() else {
            return Ok(false);
        };
        gone[next] = true;
        line.push(these[next]);
    }
    Ok(true)
}

/// One of the two limits: spans by their beginnings, and by their ends.
struct Front {
    spans: Vec<Span>,
    by_inv: Vec<usize>,
    by_ret: Vec<usize>,
    /// How many began before the limit.
    begun: usize,
    /// How many of the first ones by their ends are gone.
    ended: usize,
}

impl Front {
    fn of(many: usize, span: impl Fn(usize) -> Span) -> Self {
        let spans: Vec<Span> = (0..many).map(span).collect();
        let (mut by_inv, mut by_ret): (Vec<usize>, Vec<usize>) = ((0..many).collect(), (0..many).collect());
        by_inv.sort_unstable_by_key(|&place| spans[place].inv);
        by_ret.sort_unstable_by_key(|&place| spans[place].ret);
        Front {
            spans,
            by_inv,
            by_ret,
            begun: 0,
            ended: 0,
        }
    }

    /// Frees what begins no later than the first end of what is left.
    fn advance(&mut self, gone: &[bool], mut free: impl FnMut(usize)) {
        while self.by_ret.get(self.ended).is_some_and(|&place| gone[place]) {
            self.ended += 1;
        }
        let Some(&first) = self.by_ret.get(self.ended) else {
            return;
        };
        let limit = self.spans[first].ret;
        while let Some(&place) = self
            .by_inv
            .get(self.begun)
            .filter(|&&place| self.spans[place].inv <= limit)
        {
            self.begun += 1;
            free(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_with, history};
    use crate::{Engine, Options, Verdict};

    fn graph(model: &str, text: &str) -> (Verdict, usize) {
        let options = Options {
            engine: Engine::Graph,
            certify: true,
            ..Options::default()
        };
        let check = check_with(model, &history(text), &options);
        let proof = check
            .violations
            .first()
            .map_or(0, |violation| violation.operations.len());
        (check.verdict, proof)
    }

    #[test]
    fn what_came_first_leaves_first() {
        let text = "0 enqueue 1, 0 enqueue: 1, 0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 2, 1 dequeue, 1 dequeue: 1";
        assert_eq!(graph("fifo-queue", text), (Verdict::Violation, 3));
        assert_eq!(graph("unordered-queue", text), (Verdict::Pass, 0));
        let text = "0 enqueue 1, 2 enqueue 2, 0 enqueue: 1, 2 enqueue: 2, 1 dequeue, 1 dequeue: 2, 1 dequeue, 1 dequeue: 1";
        assert_eq!(graph("fifo-queue", text), (Verdict::Pass, 0));
    }

    #[test]
    fn what_stays_behind_was_overtaken() {
        let text = "0 enqueue 1, 0 enqueue: 1, 0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 2";
        assert_eq!(graph("fifo-queue", text), (Verdict::Violation, 3));
        assert_eq!(graph("unordered-queue", text), (Verdict::Pass, 0));
        // Somebody may have taken it: the search has to find out.
        let guess = format!("7 dequeue, {text}");
        assert_eq!(graph("fifo-queue", &guess).0, Verdict::Inconclusive);
    }

    #[test]
    fn a_queue_is_never_empty_where_elements_cover_each_other() {
        let text = "0 enqueue 1, 0 enqueue: 1, 9 dequeue, 0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 1, \
                    9 dequeue: null, 1 dequeue, 1 dequeue: 2";
        for model in ["fifo-queue", "unordered-queue"] {
            assert_eq!(graph(model, text), (Verdict::Violation, 4), "{model}");
            let apart = text.replace(
                "0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 1,",
                "1 dequeue, 1 dequeue: 1, 0 enqueue 2, 0 enqueue: 2,",
            );
            assert_eq!(graph(model, &apart), (Verdict::Pass, 0), "{model}");
        }
    }

    #[test]
    fn nothing_comes_from_nowhere_or_twice_or_too_early() {
        for model in ["fifo-queue", "unordered-queue"] {
            assert_eq!(graph(model, "1 dequeue, 1 dequeue: 1"), (Verdict::Violation, 1));
            let twice = "0 enqueue 1, 0 enqueue: 1, 1 dequeue, 1 dequeue: 1, 1 dequeue, 1 dequeue: 1";
            assert_eq!(graph(model, twice), (Verdict::Violation, 3));
            let early = "1 dequeue, 1 dequeue: 1, 0 enqueue 1, 0 enqueue: 1";
            assert_eq!(graph(model, early), (Verdict::Violation, 1));
        }
    }
}
