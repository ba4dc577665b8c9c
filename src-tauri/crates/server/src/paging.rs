use entente_wire::{Links, List, ListMeta, PageMeta, Resource};

use crate::{
    cursor,
    error::{ApiError, ApiResult},
    query::Query,
};

/// The parameters that every list takes.
pub(crate) const PAGE: [&str; 3] = ["page[size]", "page[number]", "page[after]"];

/// The most resources that one page of a list can hold.
pub(crate) const MAX_SIZE: u32 = 100;

/// How many resources a page has where no number is asked for.
pub(crate) const USUAL_SIZE: u32 = 25;

/// The last page that can be asked for.
pub(crate) const MAX_NUMBER: u64 = 1 << 40;

/// Which page of a list is asked for.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) size: u32,
    number: u64,
    /// The opaque cursor of `links.next`.
    pub(crate) after: Option<String>,
}

impl Paging {
    pub(crate) fn read(query: &Query) -> ApiResult<Self> {
        let size = query.number("page[size]", 1, MAX_SIZE.into(), USUAL_SIZE.into())?;
        let number = query.number("page[number]", 1, MAX_NUMBER, 1)?;
        let after = query.get("page[after]").map(str::to_owned);
        if after.is_some() && query.get("page[number]").is_some() {
            return Err(Query::bad("page[after]", "it does not go with page[number]"));
        }
        Ok(Self { size: u32::try_from(size).unwrap_or(MAX_SIZE), number, after })
    }

    /// The cursor, as whatever the list goes by.
    pub(crate) fn after<T: std::str::FromStr>(&self) -> Result<Option<T>, ApiError> {
        self.after
            .as_deref()
            .map(|after| after.parse().map_err(|_| Query::bad("page[after]", "it is no cursor")))
            .transpose()
    }

    /// The place that the cursor holds; none without one.
    pub(crate) fn place<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> ApiResult<Option<T>> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let place = cursor::decode(cursor).as_deref().and_then(read);
        place.map(Some).ok_or_else(|| Query::bad("page[after]", "it is no cursor"))
    }

    /// How many rows are passed over.
    pub(crate) fn offset(&self) -> u64 {
        if self.after.is_some() { 0 } else { (self.number - 1).saturating_mul(self.size.into()) }
    }

    /// One more than fits tells whether there is a next page.
    pub(crate) fn most(&self) -> u32 {
        self.size + 1
    }

    /// Takes the one too many away; gives whether there was one.
    pub(crate) fn cut<T>(&self, rows: &mut Vec<T>) -> bool {
        let more = rows.len() > self.size as usize;
        rows.truncate(self.size as usize);
        more
    }

    /// A page of resources that are all at hand, by their ids.
    pub(crate) fn page<A>(
        &self,
        query: &Query,
        path: &str,
        mut all: Vec<Resource<A>>,
    ) -> List<Resource<A>> {
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let total = all.len() as u64;
        if let Some(after) = &self.after {
            all.retain(|resource| resource.id > *after);
        }
        let offset = usize::try_from(self.offset()).unwrap_or(usize::MAX).min(all.len());
        let mut page = all.split_off(offset);
        let more = self.cut(&mut page);
        let next = page.last().filter(|_| more).map(|last| last.id.clone());
        self.list(query, path, page, next, total)
    }

    /// The list with its links; `next` is the cursor of the next page.
    pub(crate) fn list<R>(
        &self,
        query: &Query,
        path: &str,
        data: Vec<R>,
        next: Option<String>,
        total: u64,
    ) -> List<R> {
        let next = next
            .map(|next| query.with(path, &[("page[after]", Some(next)), ("page[number]", None)]));
        let previous = (self.after.is_none() && self.number > 1)
            .then(|| query.with(path, &[("page[number]", Some((self.number - 1).to_string()))]));
        List {
            data,
            links: Links { this: query.with(path, &[]), next, previous },
            meta: ListMeta { page: PageMeta { max_size: MAX_SIZE, total } },
        }
    }
}
