use std::{
    error::Error,
    fmt,
    io::Cursor,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use entente_wire::Change;
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::Response;
use sse_stream::SseStream;

use crate::ApiError;

/// The most bytes from one event to the next: an endless one must not fill the memory.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A change and the cursor right after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// What to ask for when going on from here.
    pub cursor: String,
    /// The change.
    pub change: Change,
}

/// An open event stream.
pub struct EventStream {
    events: Pin<Box<dyn Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Send>>,
    /// How many bytes came since the last event.
    waiting: Arc<AtomicUsize>,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

impl EventStream {
    /// The stream of an answer, once it said something.
    pub(crate) async fn open(mut response: Response, patience: Duration) -> Result<Self, ApiError> {
        let first = tokio::time::timeout(patience, response.chunk()).await;
        let first = first.map_err(|_| ApiError::TimedOut)??.ok_or(ApiError::Interrupted)?;
        Ok(Self::of_bytes(stream::iter([Ok(first)]).chain(response.bytes_stream())))
    }

    /// The events in a stream of bytes.
    pub fn of_bytes<B, E>(bytes: impl Stream<Item = Result<B, E>> + Send + 'static) -> Self
    where
        B: AsRef<[u8]> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = {
            let waiting = Arc::clone(&waiting);
            bytes.map(move |piece| {
                let piece = piece.map_err(std::io::Error::other)?;
                let length = piece.as_ref().len();
                if waiting.fetch_add(length, Ordering::Relaxed).saturating_add(length) > MOST_BYTES
                {
                    return Err(std::io::Error::other("an event has no end"));
                }
                Ok(Cursor::new(piece))
            })
        };
        Self { events: Box::pin(SseStream::from_bytes_stream(counted)), waiting }
    }

    /// The next change; none when the server ended the stream. Events of other names are passed
    /// over.
    pub async fn next(&mut self) -> Option<Result<FeedEvent, ApiError>> {
        loop {
            let event = match self.events.next().await? {
                Ok(event) => event,
                Err(error) => {
                    tracing::debug!(%error, "the event stream broke off");
                    return Some(Err(ApiError::Interrupted));
                }
            };
            self.waiting.store(0, Ordering::Relaxed);
            if event.event.as_deref() != Some("change") {
                continue;
            }
            let (Some(cursor), Some(data)) = (event.id, event.data) else {
                return Some(Err(ApiError::NotEntente));
            };
            return Some(match serde_json::from_str(&data) {
                Ok(change) => Ok(FeedEvent { cursor, change }),
                Err(error) => {
                    tracing::warn!(%error, "an event could not be read");
                    Err(ApiError::NotEntente)
                }
            });
        }
    }
}
