//! What a person can see and do.

use std::fs;

use serde_json::{Value, json};

use crate::devtools::Browser;
use crate::run::{Run, saved};

/// The cycles of the saved run.
fn evidence() -> Vec<Value> {
    let text = fs::read_to_string(saved().join("figure8.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn it_opens_from_a_file_without_complaints_and_says_the_verdict() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    assert_eq!(browser.open(&Run::sprung().draw(&[])), "yes");
    assert_eq!(
        browser.evaluate("document.querySelector('h1').textContent.trim()"),
        "✗ VIOLATION"
    );
    let sections = browser.evaluate(
        "[...document.querySelectorAll('section')].filter((one) => !one.hidden).map((one) => one.id)",
    );
    assert_eq!(
        sections,
        json!(["storyboard", "counterexample", "timeline", "plots", "evidence"])
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_storyboard_has_the_panels_of_the_evidence_and_what_the_servers_held() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    let cycle = &evidence()[0];
    let panels: Vec<&Value> = cycle["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| &panel["panel"])
        .collect();
    let drawn = browser
        .evaluate("[...document.querySelectorAll('.panel[data-panel]')].map((one) => one.dataset.panel)");
    assert_eq!(drawn, json!(panels));
    // The entry at stake, server by server, in the last panel: what the evidence says stands there.
    let held = browser.evaluate(
        "[...document.querySelectorAll('.panel[data-panel=\"d1\"] .server')].map((row) => row.getAttribute('aria-label'))",
    );
    let last = cycle["panels"].as_array().unwrap().last().unwrap();
    for server in last["servers"].as_array().unwrap() {
        let node = server["node"].as_str().unwrap();
        let told = held
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .find(|row| row.contains(&format!("{node}:")));
        let told = told.unwrap_or_else(|| panic!("{node} is not drawn: {held}"));
        let entry = server["log"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["index"] == cycle["index"]);
        let part = entry.map(|entry| {
            if entry["term"] == cycle["terms"]["T2"] {
                "T2"
            } else {
                "T3"
            }
        });
        if let Some(part) = part {
            assert!(told.contains(&format!("{}:{part}", cycle["index"])), "{told}");
        }
    }
    assert_eq!(
        browser.evaluate("document.querySelector('.badge strong').textContent"),
        "commit? YES"
    );
}

#[test]
fn keys_step_through_the_panels_and_through_the_failing_order() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    let current = "document.querySelector('.panel[aria-current]').dataset.panel";
    browser.evaluate("document.querySelector('.board').focus()");
    assert_eq!(browser.evaluate(current), "d1");
    browser.press("ArrowLeft");
    assert_eq!(browser.evaluate(current), "c");
    let telling = browser.evaluate("document.querySelector('.telling').textContent");
    assert!(telling.as_str().unwrap().starts_with("(c) "), "{telling}");
    browser.press("ArrowRight");
    assert_eq!(browser.evaluate(current), "d1");

    let points = "document.querySelectorAll('circle.point').length";
    let all = browser.evaluate(points).as_u64().unwrap();
    assert!(all > 0, "no step of the failing order is drawn");
    browser.evaluate("document.querySelector('.order-list').focus()");
    browser.press("ArrowUp");
    browser.press("ArrowUp");
    assert_eq!(browser.evaluate(points), all - 1);
}

#[test]
fn the_terminal_tells_how_far_a_check_came_that_was_stopped() {
    let told = Run::undecided().inspect();
    let text = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Of 163 operations the longest legal order that was found explains 102.",
        "After 94 operations it goes on from the state 93: write 94 by process 99",
        "one of these would have to come next: read 99 by process 99",
        "or one of 53 more that were in flight",
    ] {
        assert!(text.contains(part), "{part}: {told}");
    }
    // And the history around it.
    assert!(text.contains("264 0.2640 s 99 invoke read \"k\" at n5"), "{told}");
}

#[test]
fn a_check_that_was_stopped_shows_how_far_it_came() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let run = Run::undecided();
    browser.open(&run.draw(&[]));
    let within = |what: &str| format!("[...document.querySelectorAll('.example')].at(-1){what}");
    let title = browser.evaluate(&within(".querySelector('h3').textContent"));
    assert!(title.as_str().unwrap().contains("Undecided"), "{title}");
    // The last twenty steps and six of those that may come next, and the whole end of the order beside them.
    assert_eq!(browser.evaluate(&within(".querySelectorAll('g.bar').length")), 26);
    assert_eq!(
        browser.evaluate(&within(".querySelectorAll('g.bar.stuck').length")),
        6
    );
    let rows = browser.evaluate(&within(".querySelectorAll('.order-list li:not(.head)').length"));
    assert_eq!(rows, 66);
    let last = browser.evaluate(&within(
        ".querySelector('.order-list li:nth-last-child(2)').textContent",
    ));
    assert_eq!(last, "64#262 write 00");
    let end = browser.evaluate(&within(".querySelector('.stuck-line').textContent"));
    assert!(
        end.as_str().unwrap().contains("next has to come #264 read 99 or"),
        "{end}"
    );
    let seen = within(
        ".querySelector('.order-list').scrollTop + [...document.querySelectorAll('.order-list')].at(-1).clientHeight",
    );
    let whole = within(".querySelector('.order-list').scrollHeight");
    assert_eq!(
        browser.evaluate(&format!("Math.abs({seen} - {whole}) < 10")),
        true,
        "the end is not in view"
    );
    // Steps back are drawn as they are told.
    let points = within(".querySelectorAll('circle.point').length");
    assert_eq!(browser.evaluate(&points), 20);
    browser.evaluate(&within(".querySelector('.order-list').focus()"));
    for _ in 0..50 {
        browser.press("ArrowUp");
    }
    assert_eq!(browser.evaluate(&points), 15);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_click_and_a_search_show_the_events_of_an_operation() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    let shown = "document.querySelector('.events')?.dataset.operation ?? null";
    browser.evaluate("document.querySelector('canvas.ops').scrollIntoView({block: 'center'})");
    let place = browser.evaluate("(({left, top, width}) => [left, top, width])(document.querySelector('canvas.ops').getBoundingClientRect())");
    let [left, top, width] = [0, 1, 2].map(|at| place[at].as_f64().unwrap());
    let points = (0..400).map(|step| {
        (
            left + 130.0 + f64::from(step) * (width - 140.0) / 400.0,
            top + 5.0,
        )
    });
    for (x, y) in points {
        browser.click(x, y);
        if browser.evaluate(shown) != Value::Null {
            break;
        }
    }
    assert_ne!(
        browser.evaluate(shown),
        Value::Null,
        "no click met an operation of the first lane"
    );

    let operation = &results()["violations"][0]["operations"][0];
    browser.evaluate("document.querySelector('#timeline input').focus()");
    browser.write(&format!("#{operation}"));
    browser.press("Enter");
    assert_eq!(browser.evaluate(shown), operation.to_string());
    let events = browser.evaluate("document.querySelector('.events').textContent");
    assert!(events.as_str().unwrap().contains("invoke"), "{events}");
}

fn results() -> Value {
    serde_json::from_str(&fs::read_to_string(saved().join("results.json")).unwrap()).unwrap()
}

#[test]
fn hostile_values_do_nothing_and_are_shown_as_they_are() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    const HOSTILE: &str =
        r#"</script><script>window.hacked=1;alert(1)</script><img src=x onerror="window.hacked=2">'"&"#;
    let word = serde_json::to_string(HOSTILE).unwrap();
    let inside = word.trim_matches('"').to_owned();
    let run = Run::changed(|name, text| {
        let text = text.replace("\"fig8-1\"", &word);
        match name {
            "history.jsonl" => text
                .replace("\"node\":\"n1\"", &format!("\"node\":{word}"))
                .replace("\"error\":\"", &format!("\"error\":\"{inside}")),
            "results.json" | "figure8.jsonl" => text
                .replace("W (index", &format!("{inside} W (index"))
                .replace("Let\\n", &format!("{inside}\\nLet\\n")),
            "run.json" => text.replace("\"0.1.0\"", &word),
            _ => text,
        }
    });
    assert_eq!(browser.open(&run.draw(&[])), "yes");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.evaluate("typeof window.hacked"), "undefined");
    assert_eq!(browser.evaluate("document.querySelectorAll('img').length"), 0);
    let shown = browser.evaluate("document.getElementById('counterexample').textContent");
    assert!(
        shown.as_str().unwrap().contains(HOSTILE),
        "the value is not shown as it is: {shown}"
    );
}

#[test]
fn the_policy_refuses_a_script_that_is_not_of_the_page() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    let inject = "(() => { const one = document.createElement('script'); one.textContent = 'window.hacked = 1'; document.body.append(one); return typeof window.hacked; })()";
    assert_eq!(browser.evaluate(inject), "undefined");
    assert!(
        browser
            .complaints()
            .iter()
            .any(|complaint| complaint.contains("Content Security Policy"))
    );
}

#[test]
fn the_switch_of_the_rule_shows_the_other_run() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let other = Run::changed(|name, text| match name {
        "run.json" => text.replace("\"bugs\": [\n      \"commit-any-term\"\n    ]", "\"bugs\": []"),
        "figure8.jsonl" => text.replace("SPRUNG", "REFUSED"),
        _ => text,
    });
    let run = Run::sprung();
    let page = run.draw(&["--compare", other.path().to_str().unwrap()]);
    browser.open(&page);
    let title = "document.querySelector('.cycle-title').textContent.split(',')[0]";
    assert_eq!(browser.evaluate(title), "Cycle 1: SPRUNG");
    browser.evaluate(
        "[...document.querySelectorAll('.rule button')].find((one) => one.textContent === 'ON').click()",
    );
    assert_eq!(browser.evaluate(title), "Cycle 1: REFUSED");
    // The correct node did not pass either: that is said at the top.
    let warning = browser.evaluate("document.querySelector('#headline .warning').textContent");
    assert!(warning.as_str().unwrap().contains("The control"), "{warning}");
    // Without another run it says that the rule was not tried.
    browser.open(&run.draw(&[]));
    assert_eq!(
        browser.evaluate("document.querySelectorAll('.rule button:disabled').length"),
        1
    );
}

#[test]
fn a_run_that_was_cut_short_says_so_at_the_top() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let run = Run::changed(|name, text| match name {
        "run.json" => text.replace("\"finished\": true", "\"finished\": false"),
        _ => text,
    });
    fs::remove_file(run.path().join("results.json")).unwrap();
    assert_eq!(browser.open(&run.draw(&[])), "yes");
    let said = "[...document.querySelectorAll('#headline .warning')].map((one) => one.textContent).join(' ')";
    let said = browser.evaluate(said);
    for words in ["No verdict was saved", "was cut short"] {
        assert!(said.as_str().unwrap().contains(words), "{said}");
    }
    assert_eq!(
        browser.evaluate("document.querySelector('h1').textContent.trim()"),
        "– NO VERDICT"
    );
}

#[test]
fn several_schedules_have_their_cycles_under_their_names_and_cut_clients_their_band() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let run = Run::changed(|name, text| match name {
        "run.json" => text.replace("\"nemesis\": \"figure8\"", "\"nemesis\": \"figure8,lost-reply\""),
        "nemesis.jsonl" => {
            text + r#"{"id":9000,"planned":900000000,"done":900000000,"effect":{"clients":{"rule":"cut-replies","nodes":["n2"]}},"outcome":"installed","evidence":{}}"#
                + "\n"
        }
        _ => text,
    });
    let cycle = json!({
        "schedule": "lost-reply", "cycle": 1, "seed": 42, "n": 5, "key": "k", "cast": {}, "reads": [], "outcome": "SET",
        "reason": "asked again", "started": 2_000_000, "ended": 3_000_000,
        "stages": [{"stage": "a", "t": 2_500_000, "what": "asked", "panel": {"panel": "a", "t": 2_500_000, "servers": [], "cut": []}}],
    });
    fs::write(run.path().join("lost-reply.jsonl"), format!("{cycle}\n")).unwrap();
    assert_eq!(browser.open(&run.draw(&[])), "yes");
    let groups =
        "[...document.querySelectorAll('.picker [role=group]')].map((one) => one.getAttribute('aria-label'))";
    assert_eq!(browser.evaluate(groups), json!(["figure8", "lost-reply"]));
    browser.evaluate("[...document.querySelectorAll('.picker button')].at(-1).click()");
    let title = browser.evaluate("document.querySelector('.cycle-title').textContent");
    assert!(
        title.as_str().unwrap().starts_with("lost-reply, cycle 1: SET"),
        "{title}"
    );
    let legend = browser.evaluate("document.querySelector('#timeline .legend').textContent");
    assert!(
        legend.as_str().unwrap().contains("replies of its clients"),
        "{legend}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// What a screen reader is told: role and name of everything that is not ignored.
fn told(browser: &mut Browser) -> Vec<(String, String)> {
    browser.call("Accessibility.enable", json!({}));
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap().iter();
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes
        .filter(|node| node["ignored"] != true)
        .map(|node| (text(&node["role"]), text(&node["name"])))
        .collect()
}

#[test]
fn a_screen_reader_is_told_the_verdict_the_checks_and_the_counterexample() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    let told = told(&mut browser);
    let has = |role: &str, name: &str| told.iter().any(|(is, said)| is == role && said.contains(name));
    assert!(has("heading", "VIOLATION"), "{told:?}");
    assert!(
        has("rowheader", "linearizability") && has("cell", "violation"),
        "{told:?}"
    );
    for region in ["Storyboard: figure8", "Counterexample", "Timeline", "Evidence"] {
        assert!(has("region", region), "{region}: {told:?}");
    }
    // Each operation of the proof by its name and its words, and the order that fails.
    for name in ["T1", "T2"] {
        let bar = |(role, said): &(String, String)| {
            matches!(role.as_str(), "image" | "img")
                && said.starts_with(&format!("{name}: "))
                && said.contains("process")
        };
        assert!(told.iter().any(bar), "{name}: {told:?}");
    }
    assert!(has("list", "The longest legal order"), "{told:?}");
    // Nothing that can be pressed or chosen is without a name.
    let nameless: Vec<_> = told
        .iter()
        .filter(|(role, name)| {
            let acts = [
                "button",
                "link",
                "searchbox",
                "combobox",
                "checkbox",
                "option",
                "listbox",
            ];
            acts.contains(&role.as_str()) && name.is_empty()
        })
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

#[test]
fn the_first_link_leads_the_focus_into_the_counterexample() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    for key in ["Tab", "Enter", "Tab"] {
        browser.press(key);
    }
    let place = "document.activeElement.closest('section')?.id ?? document.activeElement.tagName";
    assert_eq!(browser.evaluate(place), "counterexample");
    // From the top, what has the focus comes in the order of the page.
    browser.open(&Run::sprung().draw(&[]));
    let mut places: Vec<String> = Vec::new();
    for _ in 0..60 {
        browser.press("Tab");
        let place = "document.activeElement.closest('section, nav, header')?.id ?? ''";
        let place = browser.evaluate(place).as_str().unwrap().to_owned();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
    let order = ["", "headline", "contents", "storyboard", "counterexample"];
    assert!(places.starts_with(&order.map(str::to_owned)), "{places:?}");
}

#[test]
fn the_keyboard_reaches_the_counterexample_and_dark_mode_is_dark() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&Run::sprung().draw(&[]));
    browser.press("Tab");
    assert_eq!(
        browser.evaluate("document.activeElement.getAttribute('href')"),
        "#counterexample"
    );
    let unnamed = "[...document.querySelectorAll('section')].filter((one) => !document.getElementById(one.getAttribute('aria-labelledby'))).length";
    assert_eq!(browser.evaluate(unnamed), 0);
    let ground = "getComputedStyle(document.body).backgroundColor";
    let mut look = |scheme: &str| {
        let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.call("Emulation.setEmulatedMedia", feature);
        browser.evaluate(ground)
    };
    assert_ne!(look("light"), look("dark"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
