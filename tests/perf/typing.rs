//! P10: from a keystroke in a list's search to its painted result.

use anyhow::{Context as _, Result, ensure};
use entente_testkit::Window;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    desk::Desk,
    line::{Line, median},
    setting::Setting,
};

/// Types one text after another into the search, as its input does, and waits each time for the frame
/// that shows the answer: as many rows as there are, and the right one at the top. In between it does
/// the same in a field that nothing listens to: what a frame alone takes.
const TYPE: &str = "
    const [texts] = arguments;
    const search = document.querySelector('#search');
    const echo = document.createElement('input');
    echo.style.cssText = 'position: fixed; bottom: 0; left: 0; z-index: 9';
    document.body.append(echo);
    const painted = (is) => new Promise((done) => {
        const look = () => {
            if (!is()) return requestAnimationFrame(look);
            // What is in the document now is painted before a message arrives.
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => done(performance.now());
            port2.postMessage(0);
        };
        requestAnimationFrame(look);
    });
    const type = async (field, text, is) => {
        // A person's keys do not wait for a frame to begin.
        await new Promise((done) => setTimeout(done, 40 + Math.random() * 17));
        const begun = performance.now();
        field.value = text;
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        return (await painted(is)) - begun;
    };
    const shows = ({ total, first }) => {
        const top = document.querySelector('[data-testid=partner-row]');
        return top?.ariaSetSize === String(total) && top.querySelector('strong')?.textContent === first;
    };
    const took = { results: [], frames: [] };
    for (const text of texts) {
        took.frames.push(await type(echo, text.text, () => true));
        took.results.push(await type(search, text.text, () => shows(text)));
    }
    echo.remove();
    search.value = '';
    search.dispatchEvent(new InputEvent('input', { bubbles: true }));
    return took;";

#[derive(Default, Deserialize)]
struct Took {
    results: Vec<f64>,
    frames: Vec<f64>,
}

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let many = setting.size(100_000, 500);
    let names = setting.size(30, 3);
    let (_desk, took) = Desk::set_up(setting, "perf-typing", many, async |window| {
        let texts = texts(window, many, names).await?;
        let mut all = Took::default();
        // A script may not take long.
        for some in texts.chunks(20) {
            let took = window.run_with(TYPE, vec![json!(some)]).await?;
            let took: Took = serde_json::from_value(took)?;
            all.results.extend(took.results);
            all.frames.extend(took.frames);
        }
        Ok(all)
    })?;
    let name = format!("From a keystroke to its painted result, {many} in the list");
    let line = Line::of(name, "ms", &took.results);
    Ok(vec![line.against("a frame alone", median(&took.frames)).median_at_most(16.0)])
}

/// What is typed: names from all over the list, letter by letter, with what the list then shows. What
/// shows the same as the letter before is left out: nobody could see when it is there.
async fn texts(window: &Window, many: usize, names: usize) -> Result<Vec<Value>> {
    let state = window.invoke("app_state", json!({})).await?;
    let profile = state["active"].as_str().context("a profile")?;
    let ask = async |search: &str, offset: usize| {
        let query =
            json!({"search": search, "side": null, "states": [], "offset": offset, "limit": 1});
        let page = window.invoke("partnerships", json!({"profile": profile, "query": query}));
        let page = page.await?;
        let first = page["rows"][0]["name"].as_str().context("a row")?.to_owned();
        anyhow::Ok((page["total"].clone(), first))
    };
    let mut texts = Vec::new();
    for number in 0..names {
        let (_, name) = ask("", number * many / names).await?;
        let mut before = None;
        for (end, letter) in name.char_indices().take(12) {
            let text = name.get(..end + letter.len_utf8()).unwrap_or_default();
            let shown = ask(text, 0).await?;
            if before.as_ref() != Some(&shown) {
                let (total, first) = &shown;
                texts.push(json!({"text": text, "total": total, "first": first}));
            }
            before = Some(shown);
        }
    }
    ensure!(texts.len() > names, "nothing to type");
    Ok(texts)
}
