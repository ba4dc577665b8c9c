//! What is read from the server when a person looks: impact, credentials, the Activity Log.

use entente_api_client::{ApiError, Device};
use entente_domain::{AccountId, PartnershipId, Timestamp};
use entente_wire::ImpactAttributes;
use secrecy::SecretString;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{
    Problem, Session, convert,
    driver::{ContactError, Shared},
};

/// How many entries of the Activity Log are read at the most when it is read for the first time.
const FIRST: usize = 5_000;

impl Session {
    /// What removing a partnership would take away, as the server has it now.
    pub async fn impact(&self, id: PartnershipId) -> Result<ImpactAttributes, Problem> {
        self.shared.config.client.impact(id).await.map_err(Problem::from)
    }

    /// An account's credential, by type. The server notes it as a login.
    pub async fn log_in(
        &self,
        account: AccountId,
        device: &Device,
    ) -> Result<Vec<(String, SecretString)>, Problem> {
        self.shared.config.client.log_in(account, device).await.map_err(Problem::from)
    }

    /// Reads what is new in the Activity Log into the cache; gives how many entries are new.
    pub async fn read_activities(&self) -> Result<usize, Problem> {
        self.shared.read_activities().await.map_err(|error| error.problem())
    }

    /// Writes the Activity Log under a query as CSV, as it comes; tells how many bytes it has had so
    /// far.
    pub async fn save_activities(
        &self,
        query: &[(&str, String)],
        to: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<u64, SaveError> {
        let mut answer =
            self.shared.config.client.activities_csv(query).await.map_err(Problem::from)?;
        let mut done = 0;
        loop {
            let chunk = answer.chunk().await.map_err(|_| Problem::from(ApiError::Interrupted))?;
            let Some(chunk) = chunk else { break };
            to.write_all(&chunk).await?;
            done += chunk.len() as u64;
            progress(done);
        }
        to.flush().await?;
        Ok(done)
    }
}

/// Why a file was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The server is in the way.
    #[error("{}", .0.message)]
    Server(Problem),
    /// The disk is in the way.
    #[error("the file could not be written: {0}")]
    File(#[from] std::io::Error),
}

impl From<Problem> for SaveError {
    fn from(problem: Problem) -> Self {
        Self::Server(problem)
    }
}

impl Shared {
    /// From the newest entry that is known on, or the newest ones there are.
    async fn read_activities(&self) -> Result<usize, ContactError> {
        let config = &self.config;
        let newest = config.cache.newest_activity().await?;
        let query: Vec<(&str, String)> = [("page[size]", "100".to_owned())]
            .into_iter()
            .chain(newest.map(|at: Timestamp| ("filter[from]", at.to_string())))
            .collect();
        let mut entries = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = config.client.activities(&query, next.as_deref()).await?;
            entries.extend(page.data.into_iter().map(convert::activity));
            next = page.links.next;
            if next.is_none() || (newest.is_none() && entries.len() >= FIRST) {
                break;
            }
        }
        // The oldest first, so that what is kept has no gap wherever this is cut short.
        entries.reverse();
        Ok(config.cache.keep_activities(&entries).await?)
    }
}
