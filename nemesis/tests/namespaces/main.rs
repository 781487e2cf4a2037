//! The hands on nodes in namespaces. A program of its own, since who is not root enters a user namespace first, which only a
//! process of one thread can; as root it does everything once more as nobody.
//!
//! Where the system refuses namespaces it says so and passes; HARNESS_NAMESPACES_REQUIRED=1 makes that an error.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // as clippy.toml has it for tests

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod end;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
#[path = "../hands/stage.rs"]
#[allow(dead_code)] // the other tests use the rest
mod stage;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: namespaces are Linux's");
}

#[cfg(target_os = "linux")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["peer", address, ready] => peer::run(address, ready),
        ["harness", file] => end::the_harness(file),
        _ => all(),
    }
}

#[cfg(target_os = "linux")]
fn all() {
    if let Err(error) = nemesis::hands::allow_namespaces().and_then(|()| probe()) {
        println!("SKIPPED, there are no namespaces here: {error}");
        assert!(
            std::env::var_os("HARNESS_NAMESPACES_REQUIRED").is_none(),
            "they are required"
        );
        return;
    }
    type Case = (&'static str, fn());
    let cases: &[Case] = &[
        ("each node has one address everywhere", cases::addresses),
        ("a cut swallows one way", cases::one_way),
        ("a new connection completes after the heal", cases::new_connection),
        ("a node that is started again keeps its address", cases::restart),
        ("nothing outlives a killed harness", end::nothing_is_left),
    ];
    for (name, case) in cases {
        case();
        println!("test {name} ... ok");
    }
    if end::is_root() {
        end::once_more_as_nobody();
    }
}

/// Whether they can really be made.
#[cfg(target_os = "linux")]
fn probe() -> Result<(), nemesis::hands::NamespaceError> {
    use nemesis::hands::HandsError;
    match cases::wait(cases::hands(1)) {
        Err(HandsError::Namespaces(error)) => Err(error),
        made => {
            made.unwrap();
            Ok(())
        }
    }
}
