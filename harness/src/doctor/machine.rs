//! What this machine can do, before a system is named.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Instant;

use nemesis::hands::{Clock, Direction, Framing, Hands, Network, Plan, allow_namespaces};
use serde::Serialize;

use crate::exit::Failure;

/// Something that runs need.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ability {
    pub(crate) what: String,
    pub(crate) works: bool,
    /// How, or what is in the way.
    pub(crate) how: String,
    /// Where it stands in the order of what is missing.
    #[serde(skip)]
    pub(crate) kind: Kind,
}

/// What an ability is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Namespaces,
    Base,
    System,
}

/// What this machine can do. Called while this process has one thread.
pub(crate) fn abilities() -> Result<Vec<Ability>, Failure> {
    let mut found = vec![namespaces()?, ports(), clock()];
    found.extend(systems::all().into_iter().map(|row| {
        let (works, how) = match row.program(None) {
            Ok(path) => (true, path.display().to_string()),
            Err(error) => (false, error.to_string()),
        };
        Ability {
            what: row.name.to_owned(),
            works,
            how,
            kind: Kind::System,
        }
    }));
    Ok(found)
}

/// What is missing, in the order in which to mend it; nothing where runs can be made.
pub(crate) fn missing(abilities: &[Ability]) -> Vec<String> {
    let broken = |kind| abilities.iter().filter(move |one| one.kind == kind && !one.works);
    let told = |one: &Ability| format!("{}: {}", one.what, one.how);
    let mut missing: Vec<String> = broken(Kind::Base).map(told).collect();
    missing.extend(broken(Kind::Namespaces).map(told));
    if !abilities.iter().any(|one| one.kind == Kind::System && one.works) {
        missing.extend(broken(Kind::System).map(told));
    }
    missing
}

fn namespaces() -> Result<Ability, Failure> {
    let ability = |works, how| Ability {
        what: "network namespaces".to_owned(),
        works,
        how,
        kind: Kind::Namespaces,
    };
    let as_whom = match rustix::process::geteuid().is_root() {
        true => "as root",
        false => "in a user namespace, without root",
    };
    if let Err(error) = allow_namespaces() {
        return Ok(ability(false, error.to_string()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let plan = Plan {
        framing: Framing::Stream(Direction::Bytes, None),
        peer_ports: vec![1],
        client_ports: vec![2],
    };
    // Two nodes: what they have between them stands in the other's namespace.
    let made = runtime.block_on(Hands::new(2, Network::Namespaces(plan), Clock::start()));
    Ok(match made {
        Ok(_) => ability(true, as_whom.to_owned()),
        Err(error) => ability(false, error.to_string()),
    })
}

fn ports() -> Ability {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let (works, how) = match bound {
        Ok(_) => (true, "127.0.0.1 gives free ones".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Ability {
        what: "loopback ports".to_owned(),
        works,
        how,
        kind: Kind::Base,
    }
}

/// Rust's clock never goes back; how fine it is the machine decides.
fn clock() -> Ability {
    const COARSE_NS: u128 = 1_000_000;
    let begin = Instant::now();
    let step = loop {
        let passed = begin.elapsed().as_nanos();
        if passed > 0 {
            break passed;
        }
    };
    Ability {
        what: "monotonic clock".to_owned(),
        works: step < COARSE_NS,
        how: format!("steps of {step} ns or less"),
        kind: Kind::Base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ability(kind: Kind, works: bool) -> Ability {
        Ability {
            what: format!("{kind:?}"),
            works,
            how: "how".to_owned(),
            kind,
        }
    }

    #[test]
    fn one_system_is_enough_and_what_all_need_comes_first() {
        use Kind::{Base, Namespaces, System};
        let of = |works: [bool; 4]| {
            let kinds = [Namespaces, Base, System, System];
            let abilities: Vec<Ability> = kinds
                .into_iter()
                .zip(works)
                .map(|(kind, works)| ability(kind, works))
                .collect();
            missing(&abilities)
        };
        assert!(of([true, true, false, true]).is_empty());
        assert_eq!(of([false, false, true, true]), ["Base: how", "Namespaces: how"]);
        assert_eq!(of([true, true, false, false]).len(), 2);
    }
}
