//! What happens while a plan is carried out: a bar on a terminal, lines elsewhere.

use canary_core::apply::{Ended, Progress};
use canary_core::plan::Action;
use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::Ui;

/// Tells of progress on standard error.
pub(crate) struct Shown {
    ui: Ui,
    json: bool,
    bar: Option<ProgressBar>,
}

impl Shown {
    pub(crate) fn new(ui: Ui, json: bool) -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = (terminal && !json).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} done, {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { ui, json, bar }
    }

    /// Tells of one step.
    pub(crate) fn tell(&self, progress: Progress<'_>) {
        match (progress, &self.bar) {
            (Progress::Begins(step), Some(bar)) => {
                bar.set_message(format!("{}: {}", step.address, doing(&step.action)));
            }
            (Progress::Begins(_), None) => {}
            (Progress::Ends(step, Ended::Done), bar) => {
                if let Some(bar) = bar {
                    bar.inc(1);
                } else if !self.json {
                    self.ui.say(&format!(
                        "{}: {} [{}]",
                        step.address,
                        done(&step.action),
                        step.handle
                    ));
                }
            }
            (Progress::Ends(step, Ended::Failed(error)), bar) if !self.json => {
                let line = format!("{}: {error}", step.address);
                match bar {
                    Some(bar) => bar.println(line),
                    None => self.ui.say(&line),
                }
            }
            (Progress::Ends(..), _) => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn doing(action: &Action) -> &'static str {
    match action {
        Action::Create { .. } => "creating",
        Action::Update { .. } => "changing",
        Action::Replace { .. } => "replacing",
        Action::Delete { .. } => "removing",
        Action::Keep
        | Action::Retire { .. }
        | Action::Reinstate { .. }
        | Action::Forget
        | Action::Blocked(_) => "noting",
    }
}

fn done(action: &Action) -> &'static str {
    match action {
        Action::Create { .. } => "created",
        Action::Update { .. } => "changed",
        Action::Replace { .. } => "replaced",
        Action::Delete { .. } => "removed",
        Action::Keep
        | Action::Retire { .. }
        | Action::Reinstate { .. }
        | Action::Forget
        | Action::Blocked(_) => "noted",
    }
}
