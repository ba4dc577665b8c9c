//! Reads a snapshot ahead: the next pages are on their way while those before are written.

use entente_api_client::{ApiError, Client};
use entente_cache::Record;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{convert, driver::ContactError};

/// So many pages are written at once, in one transaction: it writes a page of the file once, however many
/// rows change it. As many may be read ahead.
const AT_ONCE: usize = 8;

/// What the cache is to have of some pages.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) records: Vec<Record>,
    /// How many changes they told.
    pub(crate) read: u64,
    /// How many the whole snapshot has, if the server knows.
    pub(crate) total: Option<u64>,
    /// Where changes go on after the snapshot; with its last page only.
    pub(crate) cursor: Option<String>,
}

/// A snapshot that is being read. Dropped, it is read no further.
#[derive(Debug)]
pub(crate) struct Snapshot {
    parts: mpsc::Receiver<Result<Part, ContactError>>,
    _reader: JoinSet<()>,
}

impl Snapshot {
    pub(crate) fn begin(client: Client) -> Self {
        let (found, parts) = mpsc::channel(AT_ONCE);
        let mut reader = JoinSet::new();
        reader.spawn(read(client, found));
        Self { parts, _reader: reader }
    }

    /// The next pages, as one.
    pub(crate) async fn next(&mut self) -> Result<Part, ContactError> {
        let mut arrived = Vec::new();
        while arrived.len() < AT_ONCE
            && let Some(part) = self.parts.recv().await
        {
            arrived.push(part);
        }
        let mut parts = arrived.into_iter();
        let mut whole = parts.next().ok_or(ApiError::Interrupted)??;
        for part in parts {
            let Part { records, read, total, cursor } = part?;
            whole.records.extend(records);
            whole.read += read;
            whole.total = total;
            whole.cursor = cursor;
        }
        Ok(whole)
    }
}

async fn read(client: Client, found: mpsc::Sender<Result<Part, ContactError>>) {
    let mut next = None;
    loop {
        let part = page(&client, &mut next).await;
        let goes_on = part.is_ok() && next.is_some();
        if found.send(part).await.is_err() || !goes_on {
            return;
        }
    }
}

/// Reads a page, and which one is after it.
async fn page(client: &Client, next: &mut Option<String>) -> Result<Part, ContactError> {
    let page = client.snapshot(next.as_deref()).await?;
    let read = page.data.len() as u64;
    let mut records = Vec::new();
    for resource in page.data.into_iter().filter_map(|change| change.resource) {
        records.extend(convert::record(resource)?);
    }
    *next = page.links.next;
    let cursor = next.is_none().then_some(page.meta.cursor);
    Ok(Part { records, read, total: page.meta.total, cursor })
}
