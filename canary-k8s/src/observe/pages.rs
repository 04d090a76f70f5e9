//! Lists, page by page.

use std::time::Duration;

use serde_json::Value;

use crate::client::request::{self, Request};
use crate::client::{CallError, Client, Failure};

use super::patience::ask;

/// An API server answers a page of 500 within a second; half a minute covers one that is overloaded.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// The page size that the API server's own clients use: a LIST costs it by the page.
pub(super) const PAGE: u64 = 500;

/// How the items of a list are asked for.
pub(crate) type Form = fn(String) -> Request;

/// One page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    /// What continues it.
    pub(super) next: Option<String>,
    /// How many items come after it, as far as the server says.
    pub(super) remaining: u64,
}

/// The page that `next` continues with, or the first.
pub(super) async fn page(
    client: &Client,
    path: &str,
    next: Option<&str>,
    form: Form,
) -> Result<Page, CallError> {
    let query = if path.contains('?') { '&' } else { '?' };
    let page = match next {
        None => format!("{path}{query}limit={PAGE}"),
        Some(token) => format!(
            "{path}{query}limit={PAGE}&continue={}",
            request::escaped(token)
        ),
    };
    let mut body = ask(client, form(page)).await?.body;
    let is_list = body["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    let items = match body.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        Some(Value::Null) if is_list => Vec::new(),
        _ => return Err(not_understood("an answer that is no list")),
    };
    let metadata = &body["metadata"];
    let continues = metadata["continue"].as_str();
    if next.is_some() && continues == next {
        return Err(not_understood("a page that continues with itself"));
    }
    let next = continues;
    Ok(Page {
        items,
        next: next.filter(|token| !token.is_empty()).map(str::to_owned),
        remaining: metadata["remainingItemCount"].as_u64().unwrap_or(0),
    })
}

fn not_understood(words: &str) -> CallError {
    CallError::local(Failure::NotUnderstood, words)
}

/// All items of a list, each as `take` makes it: page by page, since the server's JSON is some ten times what is kept
/// of it.
pub(crate) async fn all<T>(
    client: &Client,
    path: &str,
    form: Form,
    take: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, CallError> {
    match all_once(client, path, form, &take).await {
        // The continue token grew too old: the list is begun once more.
        Err(error) if error.status() == Some(410) => all_once(client, path, form, &take).await,
        result => result,
    }
}

async fn all_once<T>(
    client: &Client,
    path: &str,
    form: Form,
    take: &impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, CallError> {
    let mut items = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = page(client, path, next.as_deref(), form).await?;
        items.extend(page.items.iter().filter_map(take));
        next = page.next;
        if next.is_none() {
            return Ok(items);
        }
    }
}
