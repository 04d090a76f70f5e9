//! get and list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::object::shown_list;
use super::serve::Api;
use crate::sandbox::selectors::Selector;
use crate::sandbox::status::Status;
use crate::sandbox::store::{Object, prefix};

/// Where a list goes on.
struct Page {
    from: String,
    revision: u64,
}

impl Api {
    pub(super) fn get(&self, call: &Call<'_>) -> Outcome {
        let object = self.existing(call)?;
        Ok(call.object(200, &object))
    }

    /// The object that a request names.
    pub(super) fn existing(&self, call: &Call<'_>) -> Result<Object, Status> {
        let name = &call.target.name;
        self.store
            .get(call.kind, call.namespace(), name)
            .cloned()
            .ok_or_else(|| Status::not_found(call.kind, name))
    }

    pub(super) fn list(&self, call: &Call<'_>) -> Outcome {
        let selector = selector(call)?;
        let prefix = prefix(call.kind, call.namespace());
        let page = self.page(call, &prefix)?;
        let limit = match call.info.param("limit") {
            "" => 0,
            text => text.parse::<usize>().map_err(|_| not_a_number(text))?,
        };
        let mut found = Vec::new();
        let mut more = None;
        let mut seen = 0;
        let all = self.store.range(&prefix, &page.from, page.revision);
        for (key, object) in all {
            if limit > 0 && found.len() == limit {
                // The rest is only counted.
                seen += 1;
                continue;
            }
            if selector.matches(call.kind, object) {
                found.push(object.clone());
            }
            if limit > 0 && found.len() == limit {
                more = Some(key);
            }
        }
        let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
        if let Some(last) = more.filter(|_| seen > 0) {
            let start = format!("{}\0", last.strip_prefix(root(&prefix)).unwrap_or(last));
            metadata["continue"] = token(page.revision, &start).into();
            if selector.is_empty() {
                metadata["remainingItemCount"] = seen.into();
            }
        }
        let items = found.iter().map(AsRef::as_ref);
        let body: Value = shown_list(call.kind, items, metadata, call.form);
        Ok(Answer::Json(200, body))
    }

    fn page(&self, call: &Call<'_>, prefix: &str) -> Result<Page, Status> {
        let given = call.info.param("continue");
        if given.is_empty() {
            return Ok(Page {
                from: prefix.to_owned(),
                revision: self.store.revision(),
            });
        }
        let (revision, start) = read_token(given)?;
        // A token that was given with "too old" goes on in the present.
        let Some(revision) = revision else {
            return Ok(Page {
                from: format!("{}{start}", root(prefix)),
                revision: self.store.revision(),
            });
        };
        if revision < self.store.compacted() {
            return Err(Status::expired(encoded(&json!({
                "v": "meta.k8s.io/v1", "rv": -1, "start": start,
            }))));
        }
        Ok(Page {
            from: format!("{}{start}", root(prefix)),
            revision,
        })
    }
}

/// Tokens name keys from the slash on that ends the prefix.
fn root(prefix: &str) -> &str {
    prefix.strip_suffix('/').unwrap_or(prefix)
}

/// What a request is narrowed to.
pub(super) fn selector(call: &Call<'_>) -> Result<Selector, Status> {
    Selector::parse(
        call.kind,
        call.info.param("labelSelector"),
        call.info.param("fieldSelector"),
    )
}

fn not_a_number(text: &str) -> Status {
    Status::bad_request(format!(
        "strconv.ParseInt: parsing {text:?}: invalid syntax"
    ))
}

fn token(revision: u64, start: &str) -> String {
    encoded(&json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": start }))
}

fn encoded(token: &Value) -> String {
    // The order of the server's structure.
    let text = format!(
        r#"{{"v":{},"rv":{},"start":{}}}"#,
        token["v"], token["rv"], token["start"]
    );
    URL_SAFE_NO_PAD.encode(text)
}

fn read_token(text: &str) -> Result<(Option<u64>, String), Status> {
    let invalid = |why: &str| {
        Status::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) => at,
            base64::DecodeError::InvalidLength(_)
            | base64::DecodeError::InvalidLastSymbol(..)
            | base64::DecodeError::InvalidPadding => text.len(),
        };
        invalid(&format!("illegal base64 data at input byte {at}"))
    })?;
    let token: Value =
        serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
    if token["v"] != "meta.k8s.io/v1" {
        let version = token["v"].as_str().unwrap_or_default();
        return Err(invalid(&format!(
            "server does not recognize this encoded version {version}"
        )));
    }
    let start = token["start"].as_str().filter(|start| !start.is_empty());
    match (token["rv"].as_i64(), start) {
        (None | Some(0), _) => Err(invalid(
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        )),
        (_, None) => Err(invalid("encoded start key empty (version meta.k8s.io/v1)")),
        (Some(revision), Some(start)) => Ok((u64::try_from(revision).ok(), start.to_owned())),
    }
}
