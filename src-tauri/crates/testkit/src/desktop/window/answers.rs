//! What passes between the page and its program: listened to, held back, refused or replaced, so that a
//! page can be seen while it waits, when it is refused, and as it seldom is.

use anyhow::Result;
use serde_json::{Value, json};

use super::Window;

/// Stands between the page and its program. Answers are kept as text; a command that is held goes on
/// when it is let go, one that is refused gets an error.
const BETWEEN: &str = "if (window.between) return;
    const between = (window.between = { answers: [], held: [], waiting: [], refused: {}, replaced: {} });
    const through = window.fetch.bind(window);
    window.fetch = async (input, init) => {
      const command = decodeURIComponent(new URL(input.url ?? input).pathname.slice(1));
      while (between.held.includes(command)) {
        await new Promise((go) => between.waiting.push(go));
      }
      const refusal = between.refused[command];
      if (refusal) {
        const headers = { 'Tauri-Response': 'error', 'Content-Type': 'application/json' };
        return new Response(JSON.stringify(refusal), { headers });
      }
      const response = await through(input, init);
      const other = between.replaced[command];
      if (other) {
        const answer = Object.assign(await response.json(), other);
        return new Response(JSON.stringify(answer), { headers: response.headers });
      }
      between.answers.push(command + ' ' + (await response.clone().text()));
      return response;
    };";

impl Window {
    /// Begins to listen to what the program answers the page.
    pub async fn listen_to_answers(&self) -> Result<()> {
        self.run(BETWEEN).await.map(drop)
    }

    /// What the program has answered since, each after its command's name.
    pub async fn answers(&self) -> Result<Vec<String>> {
        let answers = self.run("return window.between.answers").await?;
        Ok(serde_json::from_value(answers)?)
    }

    /// Holds these commands back from the program, and lets go those that were held before.
    pub async fn hold(&self, commands: &[&str]) -> Result<()> {
        self.listen_to_answers().await?;
        let set = "window.between.held = arguments[0];
            for (const go of window.between.waiting.splice(0)) go();";
        self.run_with(set, vec![json!(commands)]).await.map(drop)
    }

    /// Answers a command with other values of some of its attributes; as it is with none.
    pub async fn replace(&self, command: &str, values: Option<Value>) -> Result<()> {
        self.listen_to_answers().await?;
        let set = "window.between.replaced[arguments[0]] = arguments[1]";
        self.run_with(set, vec![json!(command), values.unwrap_or_default()]).await.map(drop)
    }

    /// Refuses a command with an error; lets it through again with none.
    pub async fn refuse(&self, command: &str, error: Option<Value>) -> Result<()> {
        self.listen_to_answers().await?;
        let set = "window.between.refused[arguments[0]] = arguments[1]";
        self.run_with(set, vec![json!(command), error.unwrap_or_default()]).await.map(drop)
    }
}
