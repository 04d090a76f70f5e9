//! `canary detect`.

use std::path::PathBuf;

use canary_core::alert::{Change, Folder, ocsf, text};
use canary_core::detect::{Excuse, Judge};

use super::Context;
use super::watch::Watch;
use crate::cli::Detect;
use crate::error::{CommandError, Exit};
use crate::project::{FOLDER, Project};
use crate::store::put;

/// Reads a log to its end, or follows it; tells each alert.
pub(crate) async fn run(context: &Context, args: &Detect) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let watch = Watch::new(context, &project, &args.planned).await?;
    let mut judge = watch.judge(project.config.known_readers.clone());
    let mut folder = Folder::new(watch.alerts.clone());
    let kept = args.follow.then(|| position_file(&project));
    let position = kept
        .as_ref()
        .and_then(|path| std::fs::read_to_string(path).ok());
    let mut log = watch.log(&args.audit_log, args.follow, position.as_deref())?;
    let mut totals = Totals::default();
    loop {
        let listened = tokio::select! {
            listened = log.next() => listened?,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(listened) = listened else {
            break;
        };
        totals.bytes += listened.bytes;
        totals.unreadable += listened.unreadable;
        for event in &listened.events {
            totals.looked_at += 1;
            let Some(sighting) = judge.judge(event) else {
                continue;
            };
            let Some((uid, change)) = folder.push(&sighting) else {
                continue;
            };
            if args.follow && change != Change::Counted {
                tell(context, args, &folder, &uid, change);
            }
        }
        if let Some(path) = &kept {
            // After its alerts were told, so that none is lost; told again is better than never.
            put(path, listened.position.as_bytes()).map_err(|error| {
                CommandError::new(Exit::Failed, format!("writing {}: {error}", path.display()))
            })?;
        }
    }
    if !args.follow {
        for alert in folder.alerts() {
            let uid = alert.uid.clone();
            tell(context, args, &folder, &uid, Change::Created);
        }
    }
    let alerts = folder.alerts().len();
    if !args.json {
        summary(context, &totals, &judge, alerts);
    }
    Ok(if args.exit_code && alerts > 0 {
        Exit::Touched
    } else {
        Exit::Done
    })
}

#[derive(Default)]
struct Totals {
    bytes: u64,
    looked_at: u64,
    unreadable: u64,
}

fn position_file(project: &Project) -> PathBuf {
    project.folder().join(FOLDER).join("position")
}

fn tell(context: &Context, args: &Detect, folder: &Folder, uid: &str, change: Change) {
    let Some(alert) = folder.get(uid) else {
        return;
    };
    if args.json {
        let finding = ocsf(alert, change, env!("CARGO_PKG_VERSION"));
        context.ui.data(&format!("{finding}\n"));
    } else {
        let update = if change == Change::Updated {
            "(update)\n"
        } else {
            ""
        };
        context.ui.data(&format!("{update}{}\n", text(alert)));
    }
}

fn summary(context: &Context, totals: &Totals, judge: &Judge, alerts: usize) {
    let excused = |why| judge.excused().get(&why).copied().unwrap_or_default();
    let mut words = vec![format!(
        "{} bytes, {} events that can matter: {}",
        totals.bytes,
        totals.looked_at,
        match alerts {
            0 => "no canary was touched".to_owned(),
            1 => "1 alert".to_owned(),
            n => format!("{n} alerts"),
        }
    )];
    for (why, name) in [
        (Excuse::OurOwn, "our own"),
        (Excuse::KnownReader, "by known readers"),
        (Excuse::ControlPlane, "by the control plane"),
        (Excuse::BeforeItWasThere, "before a canary was there"),
    ] {
        if excused(why) > 0 {
            words.push(format!("{} {name}", excused(why)));
        }
    }
    if totals.unreadable > 0 {
        words.push(format!("{} records could not be read", totals.unreadable));
    }
    context.ui.say(&words.join(", "));
}
