use super::*;

fn parsed(words: &[String]) -> Settings {
    let command = <Flags as clap::Args>::augment_args(Command::new("run").no_binary_name(true));
    let matches = command.try_get_matches_from(words).unwrap();
    Flags::from_arg_matches(&matches).unwrap().settings().unwrap()
}

/// Settings of which none is what it would be without its flag.
fn unusual() -> Settings {
    Settings {
        system: "cluster-node".to_owned(),
        system_file: None,
        program: std::env::current_exe().unwrap().canonicalize().unwrap(),
        profile: "prod".to_owned(),
        bugs: vec!["commit-any-term".to_owned(), "vote-volatile".to_owned()],
        nodes: 7,
        network: NetworkName::Namespaces,
        latency: Duration::from_millis(25),
        latency_dist: Spread::Exponential,
        owned: true,
        nemesis: "figure8,kill".to_owned(),
        interval: Duration::from_millis(1500),
        workload: "bank".to_owned(),
        duration: Duration::from_millis(61_500),
        clients: 3,
        rate: Some(12.5),
        seed: Seed(9),
        op_timeout: Duration::from_millis(700),
        retry: true,
        reads: Reads::Follower,
        max_recovery: Duration::from_secs(4),
        check_timeout: Duration::from_secs(90),
        consistency: vec!["linearizable".to_owned()],
        until_violation: true,
        journals: false,
        store: PathBuf::from("other"),
    }
}

#[test]
fn the_command_that_repeats_a_run_is_parsed_back_to_its_settings() {
    let unusual = unusual();
    assert_eq!(parsed(&words(&unusual)), unusual);
    for flag in TABLE {
        // Each flag by itself, everything else as it is without it.
        let value = flag.words(&(flag.get)(&unusual));
        let mut words_given: Vec<String> = value.clone();
        let program = unusual.program.display().to_string();
        for needed in ["--node-bin", program.as_str(), "--seed", "9"].chunks(2) {
            if !value.contains(&needed[0].to_owned()) {
                words_given.extend(needed.iter().map(|word| (*word).to_owned()));
            }
        }
        let settings = parsed(&words_given);
        assert_eq!(parsed(&words(&settings)), settings, "--{}", flag.name);
    }
}

#[test]
fn no_setting_is_without_a_flag() {
    let (usual, unusual) = (Settings::default(), unusual());
    let json = |settings: &Settings| serde_json::to_value(settings).unwrap();
    let mut settings = usual.clone();
    for flag in TABLE {
        (flag.set)(&mut settings, &(flag.get)(&unusual)).unwrap();
    }
    assert_eq!(json(&settings), json(&unusual));
    assert_ne!(json(&usual), json(&unusual));
}
