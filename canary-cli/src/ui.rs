//! Where output goes: data to standard output, everything else to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// The two streams, and whether they show colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    /// Colour on standard output.
    pub(crate) colour: bool,
    /// Colour on standard error.
    pub(crate) colour_err: bool,
    /// Somebody can be asked.
    pub(crate) interactive: bool,
}

impl Ui {
    /// From the terminal, `NO_COLOR` (any value that is not empty) and `TERM=dumb`.
    pub(crate) fn detect(no_color: bool) -> Self {
        let plain = no_color
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            colour: !plain && std::io::stdout().is_terminal(),
            colour_err: !plain && std::io::stderr().is_terminal(),
            interactive: std::io::stdin().is_terminal(),
        }
    }

    /// Data. A reader that has gone is no failure of ours.
    pub(crate) fn data(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if written.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
            OUTPUT_LOST.store(true, Ordering::Relaxed);
        }
    }

    /// Whether data was lost on its way to standard output, as on a disk that is full.
    pub(crate) fn has_lost_output() -> bool {
        OUTPUT_LOST.load(Ordering::Relaxed)
    }

    /// Data that must reach somebody.
    pub(crate) fn deliver(self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Everything else.
    pub(crate) fn say(self, text: &str) {
        let mut err = std::io::stderr().lock();
        drop(writeln!(err, "{text}"));
    }

    /// Asks whether something is to be done, as Terraform does.
    pub(crate) fn ask_yes(self, what: &str) -> bool {
        let question =
            format!("\n{what}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ");
        self.ask(&question).is_some_and(|answer| answer == "yes")
    }

    /// Asks a question on standard error; the answer is a line.
    pub(crate) fn ask(self, question: &str) -> Option<String> {
        // Not held while nobody answers: what is to be said meanwhile would wait for that.
        {
            let mut err = std::io::stderr().lock();
            drop(write!(err, "{question}"));
            drop(err.flush());
        }
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}
