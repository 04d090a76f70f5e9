//! Where rules send to.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::Target;
use canary_core::observe::{Object, Seen};

use crate::client::{CallError, Client, Pages};
use crate::observe::principal::object;

/// The targets of a rule by their ids.
pub(crate) async fn list(
    client: &Client,
    region: &str,
    rule: &str,
) -> Result<BTreeMap<String, Object>, CallError> {
    let services = client.in_region(region);
    let mut targets = BTreeMap::new();
    let mut pages = Pages::of("events:ListTargetsByRule");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = services.events.list_targets_by_rule().rule(rule);
                request.set_next_token(pages.marker()).send()
            })
            .await?;
        let listed = page.targets().iter();
        targets.extend(listed.map(|target| {
            let object = of(target, region, rule);
            (target.id().to_owned(), object)
        }));
        if !pages.go_on(page.next_token())? {
            return Ok(targets);
        }
    }
}

/// One target; `None` where there is none, or no such rule.
pub(crate) async fn single(
    client: &Client,
    region: &str,
    rule: &str,
    id: &str,
) -> Result<Option<Object>, CallError> {
    match list(client, region, rule).await {
        Ok(mut targets) => Ok(targets.remove(id)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A target has no identifier of its own, and is known by whose it is. What stands in an event's place, or is taken out of it,
/// hides the event.
fn of(target: &Target, region: &str, rule: &str) -> Object {
    let mut fields = BTreeMap::new();
    let mut public = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), Seen::Public(value.to_owned()));
        }
    };
    public("to", Some(target.arn()));
    public("role", target.role_arn());
    public("input", target.input());
    public("input_path", target.input_path());
    let transformer = target.input_transformer();
    public(
        "input_template",
        transformer.map(|transformer| transformer.input_template()),
    );
    let dead_letters = target.dead_letter_config();
    public("dead_letters", dead_letters.and_then(|config| config.arn()));
    object(&format!("{region}/{rule}/{}", target.id()), None, fields)
}
