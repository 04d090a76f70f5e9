//! `canary init`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use canary_core::disguise::Key;

use super::Context;
use crate::error::{CommandError, Exit};
use crate::project::FOLDER;

const TEMPLATE: &str = include_str!("init.toml");

/// Makes what is missing and leaves alone what is there.
pub(crate) fn run(context: &Context) -> Result<Exit, CommandError> {
    let path = &context.global.config;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |what: &Path| {
        let what = what.display().to_string();
        move |error: std::io::Error| {
            CommandError::new(Exit::Failed, format!("writing {what}: {error}"))
        }
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder.join(FOLDER))
        .map_err(failed(&folder.join(FOLDER)))?;
    let made = create(path, TEMPLATE.as_bytes(), 0o644).map_err(failed(path))?;
    tell(
        context,
        path,
        made,
        "say what to plant in it, then: canary plan",
    );
    let key_path = context
        .global
        .key_file
        .clone()
        .unwrap_or_else(|| folder.join(FOLDER).join("key"));
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        CommandError::new(Exit::Failed, format!("no randomness for a key: {error}"))
    })?;
    let text = Key::from_bytes(bytes).to_text();
    let made =
        create(&key_path, format!("{}\n", *text).as_bytes(), 0o600).map_err(failed(&key_path))?;
    tell(
        context,
        &key_path,
        made,
        "keep a copy where only you can read it: without it nothing can be recovered",
    );
    let list = folder.join(".gitignore");
    ignore(&list, &format!("{FOLDER}/")).map_err(failed(&list))?;
    // A key that is kept elsewhere in the project does not belong there either.
    let inside = match folder == Path::new(".") {
        true if key_path.is_relative() => Some(key_path.strip_prefix(".").unwrap_or(&key_path)),
        true => None,
        false => key_path.strip_prefix(folder).ok(),
    };
    if let Some(inside) =
        inside.filter(|inside| !inside.starts_with(FOLDER) && !inside.starts_with(".."))
    {
        ignore(&list, &format!("/{}", inside.display())).map_err(failed(&list))?;
    }
    Ok(Exit::Done)
}

fn tell(context: &Context, path: &Path, made: bool, next: &str) {
    let path = path.display();
    if made {
        context.ui.say(&format!("Made {path}: {next}"));
    } else {
        context
            .ui
            .say(&format!("{path} is there already and is left as it is"));
    }
}

/// True when it was made; a file that is there is left alone.
fn create(path: &Path, content: &[u8], mode: u32) -> std::io::Result<bool> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
    {
        Ok(mut file) => {
            let written = file.write_all(content).and_then(|()| file.sync_data());
            if written.is_err() {
                // Half of it would be taken for what is there already.
                drop(fs::remove_file(path));
            }
            written.map(|()| true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The key and the ledger do not belong into version control.
fn ignore(path: &Path, line: &str) -> std::io::Result<()> {
    let there = fs::read_to_string(path).unwrap_or_default();
    if there.lines().any(|known| known.trim() == line) {
        return Ok(());
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let gap = if there.is_empty() || there.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    writeln!(file, "{gap}{line}")
}
