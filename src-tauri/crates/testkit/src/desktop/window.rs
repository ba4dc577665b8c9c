use std::{collections::BTreeMap, net::TcpListener, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::json;
use thirtyfour::{By, Capabilities, WebDriver, WebElement};

use crate::{
    desktop::children::{Children, command},
    until,
};

/// A program's window, driven through WebKitWebDriver.
#[derive(Debug)]
pub struct Window {
    driver: WebDriver,
}

impl Window {
    pub(crate) async fn open(
        children: &mut Children,
        env: &BTreeMap<String, String>,
        program: &Path,
        arguments: &[&str],
        log: &Path,
    ) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut webdriver = command("WebKitWebDriver", env);
        webdriver
            .args([format!("--port={port}"), "--host=127.0.0.1".into()])
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        children.start(webdriver, log)?;
        until("WebKitWebDriver", async || {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        let mut capabilities = Capabilities::new();
        let options = json!({"binary": program, "args": arguments});
        capabilities.set("webkitgtk:browserOptions", options)?;
        // WebKitWebDriver reads only a title-case Content-Length.
        let client = reqwest::Client::builder()
            .http1_title_case_headers()
            .timeout(Duration::from_secs(60))
            .build()?;
        let url = format!("http://127.0.0.1:{port}");
        let driver = WebDriver::builder(url, capabilities)
            .client(client)
            .await
            .context("the window was not opened")?;
        Ok(Self { driver })
    }

    /// Ends the program.
    pub async fn quit(self) -> Result<()> {
        Ok(self.driver.quit().await?)
    }

    async fn find(&self, what: &str, by: impl Fn() -> By) -> Result<WebElement> {
        until(what, async || {
            for element in self.driver.find_all(by()).await? {
                if element.is_displayed().await? {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Clicks the enabled button with this accessible name.
    pub async fn press(&self, name: &str) -> Result<()> {
        let path = format!(
            "//button[(@aria-label={0} or (not(@aria-label) and normalize-space(.)={0})) \
             and not(@disabled)] | //*[@role='menuitem' and normalize-space(.)={0}]",
            quoted(name)
        );
        let button = self.find(&format!("the button {name:?}"), || By::XPath(&path)).await?;
        Ok(button.click().await?)
    }

    /// Whether a button with this name is there and disabled.
    pub async fn wait_disabled(&self, name: &str) -> Result<()> {
        let path = format!("//button[normalize-space(.)={} and @disabled]", quoted(name));
        self.find(&format!("the disabled button {name:?}"), || By::XPath(&path)).await?;
        Ok(())
    }

    /// Types into the field with this label, in place of what is there.
    pub async fn type_into(&self, label: &str, text: &str) -> Result<()> {
        let path = format!("//*[@id=//label[normalize-space(.)={}]/@for]", quoted(label));
        let field = self.find(&format!("the field {label:?}"), || By::XPath(&path)).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Types into the one search field.
    pub async fn type_into_search(&self, text: &str) -> Result<()> {
        let field = self.find("the search field", || By::Css("input[type=search]")).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// What the field with this label holds.
    pub async fn value_of(&self, label: &str) -> Result<String> {
        let path = format!("//*[@id=//label[normalize-space(.)={}]/@for]", quoted(label));
        let field = self.find(&format!("the field {label:?}"), || By::XPath(&path)).await?;
        Ok(field.prop("value").await?.unwrap_or_default())
    }

    /// Ticks the box whose label holds a text.
    pub async fn tick(&self, text: &str) -> Result<()> {
        let path = format!("//label[contains(., {})]//input[@type='checkbox']", quoted(text));
        let tick = self.find(&format!("the box {text:?}"), || By::XPath(&path)).await?;
        Ok(tick.click().await?)
    }

    /// Clicks what a CSS selector finds.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.find(selector, || By::Css(selector)).await?;
        Ok(element.click().await?)
    }

    /// Waits until a text can be read in what a CSS selector finds.
    pub async fn wait_text(&self, selector: &str, text: &str) -> Result<()> {
        until(&format!("the text {text:?} in {selector}"), async || {
            for element in self.driver.find_all(By::Css(selector)).await? {
                if element.text().await?.contains(text) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits until a CSS selector finds something that is shown.
    pub async fn wait(&self, selector: &str) -> Result<()> {
        self.find(selector, || By::Css(selector)).await.map(drop)
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Result<serde_json::Value> {
        Ok(self.driver.execute(script, Vec::new()).await?.json().clone())
    }
}

/// A string of XPath 1.0, which has no way to escape a quote.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
