//! The story, command by command.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::stage::{Stage, config, failed};
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
             Things that nobody has a reason to touch:",
        );
        self.typed("cat canaries.toml", "");
        self.ui.data(&format!("{}\n", config()));
        self.run(&["plan"], &[Exit::Done]).await?;
        self.run(&["apply", "--auto-approve"], &[Exit::Done])
            .await?;
        self.say(
            "Somebody stole the token of the ingress controller, which may read every Secret.",
        );
        self.intrude().await?;
        #[cfg(feature = "aws")]
        self.go_on_in_the_cloud().await?;
        self.say("The logs know. The other Secrets were read by him, too; but these nobody else ever touches:");
        let mut detect = vec!["detect", "--audit-log", "audit.log"];
        if cfg!(feature = "aws") {
            detect.extend(["--cloudtrail", "cloudtrail"]);
        }
        detect.push("--exit-code");
        self.run(&detect, &[Exit::Touched]).await?;
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

    /// Takes the key of an account out of a Secret, and tries it.
    #[cfg(feature = "aws")]
    async fn go_on_in_the_cloud(&self) -> Result<(), CommandError> {
        use super::cloud::element;
        let note = "# as ingress/traefik, from somewhere else";
        let all = self
            .stage
            .intruder
            .get("/api/v1/namespaces/payments/secrets")
            .await;
        let all = all.map_err(|error| failed(&error))?;
        let items = all.body["items"].as_array().cloned().unwrap_or_default();
        let holder = items
            .iter()
            .find(|item| item["data"]["credentials"].is_string());
        let holder = holder.cloned().unwrap_or_default();
        let name = holder["metadata"]["name"].as_str().unwrap_or_default();
        self.typed(
            &format!("kubectl get secret -n payments {name} -o yaml"),
            note,
        );
        let path = format!("/api/v1/namespaces/payments/secrets/{name}");
        let secret = self
            .stage
            .intruder
            .get(&path)
            .await
            .map_err(|error| failed(&error))?;
        self.answered("credentials of AWS, with a key in them");
        let file = decoded(&secret.body["data"]["credentials"]).unwrap_or_default();
        let key = file
            .lines()
            .find_map(|line| line.strip_prefix("aws_access_key_id = "));
        let key = key.unwrap_or_default();
        self.typed("aws sts get-caller-identity --profile stolen", "");
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let answer = self.stage.cloud.ask(key, "sts", "POST /", body).await?;
        self.answered(element(&answer.body, "Arn").unwrap_or_default());
        self.typed("aws s3 ls --profile stolen", "");
        let answer = self.stage.cloud.ask(key, "s3", "GET /", "").await?;
        let words = element(&answer.body, "Message").unwrap_or_default();
        self.answered(&format!("An error occurred ({}): {words}", answer.status));
        let trail = self.folder.join("cloudtrail");
        self.stage
            .cloud
            .write_trail(&trail)
            .map_err(|error| failed(&error))
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
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // What is set for real clusters and accounts must not reach these.
        for (name, _) in std::env::vars_os() {
            if ["CANARY_", "AWS_"]
                .iter()
                .any(|start| name.to_string_lossy().starts_with(start))
            {
                command.env_remove(name);
            }
        }
        command.env("KUBECONFIG", self.folder.join("kubeconfig"));
        #[cfg(feature = "aws")]
        command.envs(self.stage.cloud.environment());
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

/// A value of a Secret.
fn decoded(value: &Value) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(value.as_str()?)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// The token in a Secret's kubeconfig.
fn token(secret: &Value) -> Option<String> {
    let text = decoded(&secret["data"]["kubeconfig"])?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("token:"))?;
    Some(line.trim().trim_matches('"').to_owned())
}
