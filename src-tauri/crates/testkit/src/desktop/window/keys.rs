//! The keyboard alone: keys go where the focus is, as a person's do.

use anyhow::{Result, bail};
use thirtyfour::{Key, TypingData};

use super::Window;
use crate::until;

/// More steps than any screen has.
const STEPS: usize = 80;

/// The accessible name of what has the focus, as far as this project's pages make names.
const FOCUSED: &str = "const one = document.activeElement;
    if (!one || one === document.body) return '';
    const label = one.getAttribute('aria-label') ?? one.labels?.[0]?.innerText ?? one.innerText ?? '';
    return label.replace(/\\s+/g, ' ').trim();";

impl Window {
    /// Presses keys, one after another.
    pub async fn keys(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    /// Presses a key while Control is down.
    pub async fn control(&self, key: char) -> Result<()> {
        let chain = self.driver.action_chain().key_down(Key::Control).send_keys(key.to_string());
        Ok(chain.key_up(Key::Control).perform().await?)
    }

    /// What has the focus is called.
    pub async fn focused(&self) -> Result<String> {
        Ok(self.run(FOCUSED).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Goes with the Tab key until what has the focus has a name that holds this.
    pub async fn tab_to(&self, name: &str) -> Result<()> {
        let mut seen = Vec::new();
        for _ in 0..STEPS {
            let focused = self.focused().await?;
            if focused.contains(name) {
                return Ok(());
            }
            seen.push(focused);
            self.keys(Key::Tab).await?;
        }
        bail!("the Tab key does not lead to {name:?}, but to {seen:?}")
    }

    /// Goes there with the Tab key and presses Enter.
    pub async fn enter_on(&self, name: &str) -> Result<()> {
        self.tab_to(name).await?;
        self.keys(Key::Enter).await
    }

    /// Waits until what has the focus has a name that holds this.
    pub async fn wait_focus(&self, name: &str) -> Result<()> {
        until(&format!("the focus on {name:?}"), async || {
            Ok(self.focused().await?.contains(name).then_some(()))
        })
        .await
    }
}
