//! `[config_map.…]`: a ConfigMap that no workload reads.

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::{Filler, Style};
use canary_core::graph::{Address, Handle, Resource};

use super::held;
use super::kubernetes::{filled, named, placed, wrong};
use super::secret::{LARGEST, size_of_input};
use super::templates::{self, Ground};

/// The one resource of the canary.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let handle = named(canary, "ConfigMap", None, &style(canary), cx)?;
    at(canary, handle, cx).map(|resource| vec![resource])
}

/// What its names are made of.
pub(super) fn style(canary: &Canary) -> Style {
    templates::style(match canary.table.text("template") {
        Some(_) => "config_map/env-file",
        None => "config_map",
    })
}

/// The resource under a given name.
pub(super) fn at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Resource, Vec<LowerError>> {
    let address = Address::of(canary.id.clone());
    let mut resource = placed(canary, address.clone(), handle, cx);
    let ground = Ground {
        filler: Filler::new(cx.keys, &resource.handle, canary.generation),
        namespace: canary.table.text("namespace").unwrap_or_default(),
        born: cx.born(&address, canary.generation),
        site: cx.site,
        server: None,
        token: None,
        key: held::key(canary, cx)?,
    };
    let data = match canary.table.text("template") {
        Some(template) => templates::data(template, &ground).unwrap_or_default(),
        None => filled(canary, &ground)?,
    };
    if data.values().map(size_of_input).sum::<usize>() > LARGEST {
        return Err(vec![wrong(
            canary,
            "data",
            "it is larger than the 1 MiB that a ConfigMap may have",
            None,
        )]);
    }
    resource.active = ground.key.is_some();
    resource.fields = data;
    Ok(resource)
}
