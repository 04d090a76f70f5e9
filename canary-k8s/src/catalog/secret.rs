//! `[secret.…]`: a Secret that no workload reads.

use std::collections::BTreeMap;

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::graph::{Address, Handle, Input, Resource};

use super::kubernetes::{filled, named, placed, wrong};
use super::templates::{self, Ground};
use super::{held, secret_types};

/// The one resource of the canary.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let template = canary.table.text("template");
    let style = templates::style(template.unwrap_or("data"));
    let handle = named(canary, "Secret", None, &style, cx)?;
    at(canary, handle, cx).map(|resource| vec![resource])
}

/// The resource under a given name.
pub(super) fn at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Resource, Vec<LowerError>> {
    let template = canary.table.text("template");
    let address = Address::of(canary.id.clone());
    let (token, key) = (held::token(canary, cx)?, held::key(canary, cx)?);
    let mut resource = placed(canary, address.clone(), handle, cx);
    let namespace = canary.table.text("namespace").unwrap_or_default();
    let ground = Ground {
        filler: canary_core::disguise::Filler::new(cx.keys, &resource.handle, canary.generation),
        namespace,
        born: cx.born(&address, canary.generation),
        site: cx.site,
        server: cx
            .config
            .providers
            .get(&canary.provider)
            .and_then(|section| section.text("server")),
        token,
        key,
    };
    let (kind, data) = match template {
        Some(template) => {
            let data = templates::data(template, &ground).ok_or_else(|| {
                vec![wrong(
                    canary,
                    "template",
                    "its content cannot be made",
                    None,
                )]
            })?;
            (templates::secret_type(template), data)
        }
        None => {
            let data = filled(canary, &ground)?;
            ("Opaque", data)
        }
    };
    // Charts often keep certificates and logins in plain Secrets; then so does who wants to look like them.
    let kind = canary.table.text("type").unwrap_or(kind);
    let size: usize = data.values().map(size_of_input).sum();
    if size > LARGEST {
        return Err(vec![wrong(
            canary,
            "data",
            "it is larger than the 1 MiB that a Secret may have",
            None,
        )]);
    }
    if let Some((message, help)) = secret_types::refusal(kind, &data) {
        return Err(vec![wrong(canary, "type", &message, Some(&help))]);
    }
    resource.active = template.is_some_and(|template| templates::is_active(template, &ground));
    resource.fields = BTreeMap::from([("type".to_owned(), Input::Public(kind.to_owned()))]);
    resource.fields.extend(data);
    Ok(resource)
}

/// A Secret's or ConfigMap's data may have 1 MiB together (`core.MaxSecretSize`).
pub(super) const LARGEST: usize = 1024 * 1024;

pub(super) fn size_of_input(input: &Input) -> usize {
    match input {
        Input::Public(text) => text.len(),
        Input::Secret(bytes) => bytes.expose().len(),
        // A token has about a kilobyte; the rest of a kubeconfig is known to be small.
        Input::Join(_) => 0,
    }
}
