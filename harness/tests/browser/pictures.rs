//! How the page looks. Fonts differ from machine to machine, so no pixel is compared: what must not be is that something is cut
//! off or lies over something else. `HARNESS_PICTURES=docs` keeps the pictures that a person then looks at.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::devtools::Browser;
use crate::run::Run;

/// Let the window be so wide.
fn widen(browser: &mut Browser, width: u32) {
    let size = json!({"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false});
    browser.call("Emulation.setDeviceMetricsOverride", size);
    browser.call("Emulation.setScrollbarsHidden", json!({"hidden": true}));
}

#[test]
fn nothing_is_wider_than_the_window_or_lies_over_something_else() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let run = Run::sprung();
    let page = run.draw(&[]);
    for width in [1400, 900, 480] {
        widen(&mut browser, width);
        assert_eq!(browser.open(&page), "yes");
        let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(wide), 0, "at {width}");
        // What a server does stands left of its log.
        let over = "[...document.querySelectorAll('.server')].filter((row) => { \
            const state = row.querySelector('.state').getBoundingClientRect(); \
            return [...row.querySelectorAll('.entry')].some((entry) => entry.getBoundingClientRect().left < state.right); \
        }).map((row) => row.getAttribute('aria-label'))";
        assert_eq!(browser.evaluate(over), json!([]), "at {width}");
    }
}

#[test]
fn on_paper_the_whole_proof_is_to_be_seen() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // A page of A4 between its margins.
    widen(&mut browser, 718);
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    assert_eq!(browser.open(&Run::sprung().draw(&[])), "yes");
    let cut_off = "[...document.querySelectorAll('.panel, .badge, .bars svg, .checks td')].filter((one) => \
        one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one) => one.className.baseVal ?? one.className)";
    assert_eq!(browser.evaluate(cut_off), json!([]));
    let shown = "getComputedStyle(document.querySelector('.panel')).display !== 'none' && getComputedStyle(document.getElementById('contents')).display === 'none'";
    assert_eq!(browser.evaluate(shown), true);
}

#[test]
fn pictures_are_taken_of_what_a_person_looks_at_first() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    widen(&mut browser, 1400);
    assert_eq!(browser.open(&Run::sprung().draw(&[])), "yes");
    let folder = std::env::var_os("HARNESS_PICTURES");
    for part in ["storyboard", "timeline"] {
        let place = format!(
            "(({{x, y, width, height}}) => ({{x: x + scrollX - 12, y: y + scrollY - 12, width: width + 24, height: height + 24, scale: 1}}))(document.getElementById('{part}').getBoundingClientRect())"
        );
        let clip: Value = browser.evaluate(&place);
        assert!(clip["height"].as_f64().unwrap() > 200.0, "{part}: {clip}");
        let taken = browser.call(
            "Page.captureScreenshot",
            json!({"clip": clip, "captureBeyondViewport": true}),
        );
        let png = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        if let Some(folder) = &folder {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            fs::write(root.join(folder).join(format!("{part}.png")), png).unwrap();
        }
    }
}
