//! `canary install` and `canary uninstall`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_k8s::install::{
    Authority, Coverage, Covered, Neighbourhood, Objects, Place, Values, propose,
};
use canary_k8s::installer::{Change, Changes, InstallError, Installation, Installer};
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::agent_settings::{AgentSettings, agent_settings};
use super::apply::{How, can_ask};
use crate::cli;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::providers::kubernetes_client;
use crate::render::install as render;

/// Puts it in, or brings it up to date.
pub(crate) async fn install(context: &Context, args: &cli::Install) -> Result<Exit, CommandError> {
    let only_prints = args.objects || args.helm_values;
    let how = How {
        approved: args.auto_approve || only_prints,
        json: args.json,
        operation: "install",
    };
    can_ask(context, &how)?;
    let project = context.project()?;
    let installer = installer(&project).await?;
    let settings = agent_settings(context, &project, &installer).await?;
    let values = values(context, &installer, args, &settings).await?;
    if args.helm_values {
        context.ui.data(&values.to_yaml());
        return Ok(Exit::Done);
    }
    let objects = Objects::of(&values).map_err(|unfit| {
        let words: Vec<String> = unfit.iter().map(ToString::to_string).collect();
        CommandError::new(Exit::Config, words.join("\n       "))
    })?;
    if args.objects {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects.in_order });
        context.ui.data(&format!("{list:#}\n"));
        return Ok(Exit::Done);
    }
    put(context, &installer, &values, &objects, &how).await
}

async fn put(
    context: &Context,
    installer: &Installer,
    values: &Values,
    objects: &Objects,
    how: &How,
) -> Result<Exit, CommandError> {
    let changes = installer
        .look(&values.name, objects)
        .await
        .map_err(failed)?;
    if how.json {
        context.ui.data(&render::changes_json(&changes));
    } else {
        context
            .ui
            .data(&render::changes(&changes, context.ui.colour));
    }
    if changes.is_settled() {
        return Ok(Exit::Done);
    }
    if !how.approved && !asked(context, "Do you want to perform these actions?").await {
        context.ui.say("Cancelled.");
        return Ok(Exit::Failed);
    }
    let mut done = 0;
    for step in &changes.steps {
        installer.carry_out(step).await.map_err(failed)?;
        done += usize::from(step.change != Change::Keep);
    }
    if !how.json {
        context.ui.data(&render::done(done, "Done"));
    }
    Ok(Exit::Done)
}

/// Takes it out.
pub(crate) async fn uninstall(
    context: &Context,
    args: &cli::Uninstall,
) -> Result<Exit, CommandError> {
    let how = How {
        approved: args.auto_approve,
        json: args.json,
        operation: "uninstall",
    };
    can_ask(context, &how)?;
    let project = context.project()?;
    let installer = installer(&project).await?;
    let settings = agent_settings(context, &project, &installer).await?;
    let name = match &args.name {
        Some(name) => Some(name.clone()),
        None => found(&installer).await?.map(|there| there.name),
    };
    let changes = match &name {
        Some(name) => installer.look_for_removal(name).await.map_err(failed)?,
        None => Changes::default(),
    };
    if changes.steps.is_empty() && args.sweep.is_empty() {
        let called = name.map(|name| format!(" called {name}"));
        context.ui.say(&format!(
            "Nothing{} that this key has put there is in the cluster.",
            called.unwrap_or_default()
        ));
        return Ok(Exit::Done);
    }
    if how.json {
        context.ui.data(&render::changes_json(&changes));
    } else {
        if !changes.steps.is_empty() {
            let text = render::changes(&changes, context.ui.colour);
            context.ui.data(&text);
        }
        context.ui.say(
            "The credentials that pods were given go with it. Pods that run have theirs until they end.",
        );
    }
    if !how.approved && !asked(context, "Do you really want to remove all of this?").await {
        context.ui.say("Cancelled.");
        return Ok(Exit::Failed);
    }
    let removed = AtomicUsize::new(0);
    let tell = |place: &Place| {
        removed.fetch_add(1, Ordering::Relaxed);
        if how.json {
            context.ui.data(&render::removed_json(place));
        }
    };
    let sweep = |namespace: &str, name: &str| settings.handles.read(namespace, name).is_some();
    installer
        .remove(&changes, &args.sweep, &sweep, &tell)
        .await
        .map_err(failed)?;
    if !how.json {
        context
            .ui
            .data(&render::done(removed.into_inner(), "Removed"));
    }
    Ok(Exit::Done)
}

async fn installer(project: &Project) -> Result<Installer, CommandError> {
    let Some(section) = project.config.providers.get(&canary_k8s::provider()) else {
        return Err(
            CommandError::new(Exit::Config, "the configuration names no cluster")
                .hint("add [kubernetes] to it"),
        );
    };
    let client = kubernetes_client(section).await?;
    Installer::at(client, &project.key()?).await.map_err(failed)
}

/// The one that is there. Two are told apart by their names alone.
async fn found(installer: &Installer) -> Result<Option<Installation>, CommandError> {
    let mut found = installer.find().await.map_err(failed)?;
    if found.len() > 1 {
        let names: Vec<String> = found.into_iter().map(|one| one.name).collect();
        let words = format!("there are several of ours: {}", names.join(", "));
        return Err(
            CommandError::new(Exit::Conflict, words).hint("--name names the one that is meant")
        );
    }
    Ok(found.pop())
}

/// What is to be there.
async fn values(
    context: &Context,
    installer: &Installer,
    args: &cli::Install,
    settings: &AgentSettings,
) -> Result<Values, CommandError> {
    let namespaces = installer.namespaces().await.map_err(failed)?;
    let (name, home) = called(context, installer, args, &namespaces).await?;
    let mut values = Values::standard();
    Coverage::of(&settings.targets, &namespaces, &settings.accounts, &home).put_into(&mut values);
    cover_too(&mut values, &args.cover, &namespaces)?;
    values.ca = match installer.authority(&name, &home).await.map_err(failed)? {
        Some(kept) => kept,
        None => Authority::make(&name, Timestamp::now())
            .map_err(|error| CommandError::from_error(Exit::Failed, &error))?,
    };
    values.instance = installer.instance(&name);
    values.config = STANDARD.encode(&settings.config);
    values.key = settings.key.to_text().to_string();
    values.image.clone_from(&args.image);
    values.annotate_pods = args.annotate_pods;
    values.egress.clone_from(&args.egress);
    values.name = name;
    values.namespace = home;
    Ok(values)
}

/// As it was said, as it is called already, or as others are called.
async fn called(
    context: &Context,
    installer: &Installer,
    args: &cli::Install,
    namespaces: &[String],
) -> Result<(String, String), CommandError> {
    let there = match &args.name {
        Some(name) => {
            let all = installer.find().await.map_err(failed)?;
            all.into_iter().find(|one| one.name == *name)
        }
        None => found(installer).await?,
    };
    if let Some(there) = there {
        let home = args.namespace.clone().or(there.namespace);
        return Ok((there.name.clone(), home.unwrap_or(there.name)));
    }
    if let Some(name) = &args.name {
        let home = args.namespace.clone();
        return Ok((name.clone(), home.unwrap_or_else(|| name.clone())));
    }
    let neighbours = Neighbourhood {
        deployments: installer.deployments().await.map_err(failed)?,
        namespaces: namespaces.to_vec(),
    };
    let proposal = propose(installer.keys(), &neighbours);
    let why = match proposal.why.is_empty() {
        true => "no neighbour says how such things are called here".to_owned(),
        false => proposal.why.join(", "),
    };
    let home = args.namespace.clone().unwrap_or(proposal.namespace);
    context.ui.say(&format!(
        "Proposed: --name {} --namespace {home} ({why})\n",
        proposal.name
    ));
    Ok((proposal.name, home))
}

/// Namespaces that were named besides.
fn cover_too(
    values: &mut Values,
    named: &[String],
    namespaces: &[String],
) -> Result<(), CommandError> {
    let there: BTreeSet<&String> = namespaces.iter().collect();
    for text in named {
        let (namespace, account) = text.split_once('=').unwrap_or((text, ""));
        let covered = Covered {
            namespace: namespace.to_owned(),
            account: account.to_owned(),
        };
        if !there.contains(&covered.namespace) {
            let words = format!("there is no namespace {namespace} to cover");
            return Err(CommandError::new(Exit::Config, words));
        }
        values.covered.retain(|one| one.namespace != namespace);
        values.covered.push(covered);
    }
    Ok(())
}

async fn asked(context: &Context, what: &'static str) -> bool {
    let ui = context.ui;
    let answer = tokio::task::spawn_blocking(move || ui.ask_yes(what));
    matches!(answer.await, Ok(true))
}

fn failed(error: InstallError) -> CommandError {
    let exit = if error.is_denied() {
        Exit::Denied
    } else if error.is_conflict() {
        Exit::Conflict
    } else {
        Exit::Failed
    };
    let command = CommandError::from_error(exit, &error);
    match error {
        InstallError::NotOurs(_) => {
            command.hint("choose another --name, and a --namespace of its own")
        }
        InstallError::Terminating(_) => command.hint("try again when it is gone"),
        _ => command,
    }
}
