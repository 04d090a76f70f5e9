//! The story, command by command.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::stage::{CONFIG, Stage, failed};
use crate::error::{CommandError, Exit};
use crate::store::put;
use crate::ui::Ui;

pub(super) struct Story<'a> {
    pub(super) ui: Ui,
    pub(super) folder: &'a Path,
    pub(super) stage: &'a Stage,
}

impl Story<'_> {
    /// From nothing planted to nothing left; or, to be played with, up to the rotation.
    pub(super) async fn tell(&self, keeps: bool) -> Result<(), CommandError> {
        self.say(
            "A cluster with a shop in it, in memory: nothing is installed, nothing leaves this machine.\n\
             Three things that nobody has a reason to touch:",
        );
        self.typed("cat canaries.toml", "");
        self.ui.data(&format!("{CONFIG}\n"));
        self.run(&["plan"], &[Exit::Done]).await?;
        self.run(&["apply", "--auto-approve"], &[Exit::Done])
            .await?;
        self.say(
            "Somebody stole the token of the ingress controller, which may read every Secret.",
        );
        self.intrude().await?;
        self.say("The audit log knows. The other Secrets were read by him, too; but these three nobody else ever touches:");
        self.run(
            &["detect", "--audit-log", "audit.log", "--exit-code"],
            &[Exit::Touched],
        )
        .await?;
        self.say("What he took is burned. A new one takes its place; the old token stays alive, so that it goes on firing:");
        self.run(
            &["rotate", "service_account.deployer", "--auto-approve"],
            &[Exit::Done],
        )
        .await?;
        if keeps {
            return self.leave().await;
        }
        self.say("And away with it all:");
        self.run(
            &["destroy", "--retired-too", "--auto-approve"],
            &[Exit::Done],
        )
        .await?;
        self.say("Nothing is left. On a cluster of yours: canary init");
        Ok(())
    }

    /// Lists everything, reads what looks best, and uses what it found.
    async fn intrude(&self) -> Result<(), CommandError> {
        let intruder = &self.stage.intruder;
        let note = "# as ingress/traefik, from somewhere else";
        self.typed("kubectl get secrets --all-namespaces -o yaml", note);
        let all = intruder
            .get("/api/v1/secrets?limit=500")
            .await
            .map_err(|error| failed(&error))?;
        let items = all.body["items"].as_array().cloned().unwrap_or_default();
        self.answered(&format!("{} Secrets", items.len()));
        let kubeconfig = items
            .iter()
            .find(|item| item["data"]["kubeconfig"].is_string());
        let name = |item: Option<&Value>| {
            item.and_then(|item| item["metadata"]["name"].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let holder = name(kubeconfig);
        self.typed(&format!("kubectl get secret -n ci {holder} -o yaml"), note);
        let secret = intruder
            .get(&format!("/api/v1/namespaces/ci/secrets/{holder}"))
            .await
            .map_err(|error| failed(&error))?;
        self.answered("a kubeconfig, with a token in it");
        let token = token(&secret.body).unwrap_or_default();
        self.typed("kubectl --kubeconfig stolen get pods -n payments", "");
        let used = self.stage.somebody(token);
        let refused = used
            .get("/api/v1/namespaces/payments/pods")
            .await
            .map_err(|error| failed(&error))?;
        let words = refused.body["message"].as_str().unwrap_or_default();
        self.answered(&format!("Error from server (Forbidden): {words}"));
        Ok(())
    }

    /// A dump for `plan --from`, and what can be done with the project.
    async fn leave(&self) -> Result<(), CommandError> {
        let dump = self.stage.dump().await?;
        let path = self.folder.join("cluster.json");
        put(&path, dump.to_string().as_bytes()).map_err(|error| failed(&error))?;
        self.say(&format!(
            "A project to play with is in {}: canaries.toml, its key and ledger, audit.log, and cluster.json for\n\
             canary list, canary graph, canary detect --audit-log audit.log, canary plan --from cluster.json.",
            self.folder.display()
        ));
        Ok(())
    }

    fn say(&self, words: &str) {
        let (bold, plain) = match self.ui.colour {
            true => ("\x1b[1m", "\x1b[0m"),
            false => ("", ""),
        };
        self.ui.data(&format!("\n{bold}{words}{plain}\n\n"));
    }

    fn typed(&self, command: &str, note: &str) {
        let (green, dim, plain) = match self.ui.colour {
            true => ("\x1b[32m", "\x1b[2m", "\x1b[0m"),
            false => ("", "", ""),
        };
        let note = match note {
            "" => String::new(),
            note => format!("    {dim}{note}{plain}"),
        };
        self.ui.data(&format!("{green}$ {command}{plain}{note}\n"));
    }

    fn answered(&self, words: &str) {
        self.ui.data(&format!("{words}\n\n"));
    }

    /// This very program, as a person would run it, with its output where ours goes.
    async fn run(&self, args: &[&str], expected: &[Exit]) -> Result<(), CommandError> {
        self.typed(&format!("canary {}", args.join(" ")), "");
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(args)
            .current_dir(self.folder)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // What is set for real clusters must not reach this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CANARY_") {
                command.env_remove(name);
            }
        }
        let status = command.status().await.map_err(|error| failed(&error))?;
        let code = status.code().unwrap_or(-1);
        if expected.iter().any(|exit| *exit as i32 == code) {
            return Ok(());
        }
        Err(CommandError::new(
            Exit::Failed,
            format!("canary {} ended with {code}", args.join(" ")),
        ))
    }
}

/// The token in a Secret's kubeconfig.
fn token(secret: &Value) -> Option<String> {
    use base64::Engine as _;
    let text = secret["data"]["kubeconfig"].as_str()?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("token:"))?;
    Some(line.trim().trim_matches('"').to_owned())
}
