mod answers;
mod keys;
mod look;

use std::{collections::BTreeMap, net::TcpListener, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
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

    /// Clicks what is found. What changes just then, or lies under something that goes by itself, is
    /// found and clicked again.
    async fn click_on(&self, what: &str, by: impl Fn() -> By) -> Result<()> {
        until(what, async || {
            for element in self.driver.find_all(by()).await? {
                if element.is_displayed().await? {
                    return Ok(Some(element.click().await?));
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
             and not(@disabled) and not(@role='tab')] \
             | //*[@role='menuitem' and normalize-space(.)={0}]",
            quoted(name)
        );
        self.click_on(&format!("the button {name:?}"), || By::XPath(&path)).await
    }

    /// Clicks the enabled button with this text in the one of many that holds another text.
    pub async fn press_in(&self, selector: &str, text: &str, name: &str) -> Result<()> {
        let path = format!(".//button[normalize-space(.)={} and not(@disabled)]", quoted(name));
        until(&format!("the button {name:?} of {text:?}"), async || {
            for one in self.driver.find_all(By::Css(selector)).await? {
                if text_of(&one).await?.contains(text) {
                    return Ok(Some(one.find(By::XPath(&path)).await?.click().await?));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Opens the tab with this name.
    pub async fn open_tab(&self, name: &str) -> Result<()> {
        let path = format!("//*[@role='tab' and normalize-space(.)={}]", quoted(name));
        self.click_on(&format!("the tab {name:?}"), || By::XPath(&path)).await
    }

    /// Clicks the first thing that a CSS selector finds and that holds a text.
    pub async fn click_text(&self, selector: &str, text: &str) -> Result<()> {
        until(&format!("the text {text:?} in {selector} to click"), async || {
            for element in self.driver.find_all(By::Css(selector)).await? {
                if element.is_displayed().await? && text_of(&element).await?.contains(text) {
                    return Ok(Some(element.click().await?));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Chooses an option of the list with this label.
    pub async fn choose(&self, label: &str, option: &str) -> Result<()> {
        let list =
            format!("(@aria-label={0} or @id=//label[normalize-space(.)={0}]/@for)", quoted(label));
        let path = format!("//select[{list}]/option[normalize-space(.)={}]", quoted(option));
        until(&format!("the option {option:?} of {label:?}"), async || {
            let Some(element) = self.driver.find_all(By::XPath(&path)).await?.pop() else {
                return Ok(None);
            };
            Ok(Some(element.click().await?))
        })
        .await
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
        self.type_at("input[type=search]", text).await
    }

    /// Types into the first field that a CSS selector finds, in place of what is there.
    pub async fn type_at(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.find(selector, || By::Css(selector)).await?;
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
        self.click_on(&format!("the box {text:?}"), || By::XPath(&path)).await
    }

    /// Clicks what a CSS selector finds.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.click_on(selector, || By::Css(selector)).await
    }

    /// Waits until a text can be read in what a CSS selector finds.
    pub async fn wait_text(&self, selector: &str, text: &str) -> Result<()> {
        until(&format!("the text {text:?} in {selector}"), async || {
            for element in self.driver.find_all(By::Css(selector)).await? {
                if text_of(&element).await?.contains(text) {
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

    /// Waits until a CSS selector finds nothing.
    pub async fn wait_gone(&self, selector: &str) -> Result<()> {
        until(&format!("{selector} to be gone"), async || {
            Ok(self.driver.find_all(By::Css(selector)).await?.is_empty().then_some(()))
        })
        .await
    }

    /// Calls a command of a Tauri program as its page does, and gives the answer.
    pub async fn invoke(&self, command: &str, arguments: Value) -> Result<Value> {
        let script = "const [command, input, done] = arguments; \
            window.__TAURI_INTERNALS__.invoke(command, input).then( \
                (value) => done({ value }), (error) => done({ error }));";
        let answer = self.driver.execute_async(script, vec![json!(command), arguments]).await?;
        let answer = answer.json();
        if let Some(error) = answer.get("error") {
            bail!("{command} was refused: {error}");
        }
        Ok(answer["value"].clone())
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.run_with(script, Vec::new()).await
    }

    /// Runs a script on values, which it finds in `arguments`.
    pub async fn run_with(&self, script: &str, values: Vec<Value>) -> Result<Value> {
        Ok(self.driver.execute(script, values).await?.json().clone())
    }
}

/// What people read in it, as the page lays it out.
async fn text_of(element: &WebElement) -> Result<String> {
    Ok(element.prop("innerText").await?.unwrap_or_default())
}

/// A string of XPath 1.0, which has no way to escape a quote.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
