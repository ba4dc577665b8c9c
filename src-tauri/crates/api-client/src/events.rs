use std::{fmt, pin::Pin};

use entente_wire::Change;
use futures_util::{Stream, StreamExt as _};
use reqwest::Response;
use sse_stream::SseStream;

use crate::ApiError;

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
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

impl EventStream {
    pub(crate) fn new(response: Response) -> Self {
        Self { events: Box::pin(SseStream::from_bytes_stream(response.bytes_stream())) }
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
