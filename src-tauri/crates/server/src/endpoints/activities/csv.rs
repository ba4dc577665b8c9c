//! The Activity Log as RFC 4180 has it, for spreadsheets.

use std::{io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse as _, Response},
};
use entente_domain::Timestamp;
use entente_store::{ActivityFilter, list_activities};
use entente_wire::{ActivityAttributes, ActivityResource, Person};
use futures_util::stream;

use super::list::documents;
use crate::{app::App, auth::Caller, error::ApiError};

const COLUMNS: [&str; 8] = ["Time", "Event", "Account", "App", "User", "Location", "OS", "Device"];
/// How many rows are read at once.
const PAGE: u32 = 500;

/// All activities under a filter, a page at a time, as they are sent.
pub(super) fn stream(app: Arc<App>, caller: Caller, filter: ActivityFilter) -> Response {
    let rest = Rest { app, caller, filter, begun: false, after: None, done: false };
    let pages = stream::unfold(rest, async |mut rest| {
        let page = rest.next().await?;
        rest.done |= page.is_err();
        Some((page, rest))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\""),
    ];
    (headers, Body::from_stream(pages)).into_response()
}

struct Rest {
    app: Arc<App>,
    caller: Caller,
    filter: ActivityFilter,
    begun: bool,
    after: Option<(Timestamp, String)>,
    done: bool,
}

impl Rest {
    /// The next page; none after the last one. An error cuts the answer off, so that nobody takes a
    /// part for the whole.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.done {
            return None;
        }
        Some(self.page().await.map_err(|error| {
            tracing::error!(code = error.code().as_str(), "the Activity Log was cut off");
            io::Error::other("the Activity Log was cut off")
        }))
    }

    async fn page(&mut self) -> Result<Bytes, ApiError> {
        // A long download ends where the key does.
        self.caller = self.caller.again(&self.app).await?;
        let mut connection = self.app.store.read().await?;
        let (actor, after) = (self.caller.actor(), self.after.take());
        let rows = list_activities(&mut connection, &actor, &self.filter, after, 0, PAGE).await?;
        self.done = rows.len() < PAGE as usize;
        self.after = rows.last().map(|last| (last.at, last.id.clone()));
        let rows = documents(&mut connection, &actor, rows).await?;
        let header = !std::mem::replace(&mut self.begun, true);
        write(&rows, header).map_err(|error| {
            tracing::error!(%error, "a page of the Activity Log could not be written");
            ApiError::new(entente_wire::ErrorCode::Internal, "The server could not answer.")
        })
    }
}

fn write(rows: &[ActivityResource], header: bool) -> Result<Bytes, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if header {
        writer.write_record(COLUMNS)?;
    }
    for row in rows {
        writer.write_record(cells(&row.attributes).map(neutral))?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.into())
}

fn cells(activity: &ActivityAttributes) -> [String; 8] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let person = |user: &Person| format!("{} <{}>", user.name, user.email);
    [
        activity.time.to_string(),
        activity.event_label.clone(),
        text(&activity.account),
        text(&activity.application),
        activity.user.as_ref().map(person).unwrap_or_default(),
        text(&activity.location),
        text(&activity.os),
        text(&activity.device),
    ]
}

/// A spreadsheet takes a cell that begins like this for a formula (OWASP, CSV injection).
fn neutral(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(neutral(text.into()), format!("'{text}"));
        }
        for text in ["", "Mailchimp", "1=1", "a@b.co", "203.0.113.7"] {
            assert_eq!(neutral(text.into()), text);
        }
    }
}
