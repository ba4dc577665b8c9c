//! P1: from the program's start to its painted list.

use anyhow::Result;

use crate::{
    desk::Desk,
    line::{Line, median},
    setting::Setting,
    web,
};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let many = setting.size(10_000, 200);
    let rounds = setting.size(10, 2);
    let (mut desk, recorded) = Desk::set_up(setting, "perf-start", many, web::record)
        .map_err(|error| error.context("the program was not connected"))?;
    let bare = setting.shipped("examples/bare-window")?;
    let page = web::serve(&desk.runtime, setting, recorded)?;
    let profile = desk.lab.home().join("chromium").to_string_lossy().into_owned();
    let chromium = web::arguments(&page, &profile);
    let chromium: Vec<&str> = chromium.iter().map(String::as_str).collect();
    let browser = "chromium".as_ref();
    // Each once beforehand: files are in memory then, and the browser has made its profile.
    desk.time_to_start()?;
    desk.time_to_paint(&bare, &[])?;
    desk.time_to_paint(browser, &chromium)?;
    let (mut ours, mut bares, mut pages) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        // In turns, so that what else the machine does is shared among them.
        ours.push(desk.time_to_start()?);
        bares.push(desk.time_to_paint(&bare, &[])?);
        pages.push(desk.time_to_paint(browser, &chromium)?);
    }
    let name = format!("From start to painted list, {many} cached");
    Ok(vec![
        Line::of(name.clone(), "ms", &ours).against("a bare window", median(&bares)).at_most(1.25),
        Line::of(name, "ms", &ours).against("the page in Chromium", median(&pages)).at_most(0.6),
    ])
}
