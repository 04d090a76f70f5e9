//! The chart, printed from the same templates that the installer fills.

mod print;
mod schema;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use self::print::document;
pub(super) use self::print::yaml;
use super::Values;
use super::objects::files;

/// As releases of it are called in the cluster, where people see it.
const NAME: &str = "workload-settings";

/// Each template begins with it.
const HEADER: &str = r#"{{- $name := required "name is required" .Values.name }}
{{- $namespace := .Values.namespace | default $name }}
"#;

/// The authority that was given, the one that is there, or a new one: an upgrade keeps it. Ten years, as the installer's.
const AUTHORITY: &str = r#"{{- $ca := .Values.ca }}
{{- if not (or $ca.certificate .Values.certManager.issuer) }}
{{-   $kept := lookup "v1" "Secret" $namespace (printf "%s-ca" $name) }}
{{-   if $kept }}
{{-     $ca = dict "certificate" (index $kept.data "tls.crt" | b64dec) "key" (index $kept.data "tls.key" | b64dec) }}
{{-   else }}
{{-     $made := genCAWithKey $name 3650 (genPrivateKey "ecdsa") }}
{{-     $ca = dict "certificate" $made.Cert "key" $made.Key }}
{{-   end }}
{{- end }}
"#;

/// The files of the chart by their path in it.
#[must_use]
pub fn chart() -> BTreeMap<String, String> {
    let mut chart = BTreeMap::from([
        ("Chart.yaml".to_owned(), about()),
        ("values.yaml".to_owned(), values()),
        ("values.schema.json".to_owned(), schema()),
    ]);
    for file in files() {
        let mut text = HEADER.to_owned();
        if file.name == "webhook" {
            text.push_str(AUTHORITY);
        }
        for object in &file.objects {
            text.push_str(&document(object));
        }
        chart.insert(format!("templates/{}.yaml", file.name), text);
    }
    chart
}

fn about() -> String {
    let version = env!("CARGO_PKG_VERSION");
    yaml(&json!({
        "apiVersion": "v2",
        "name": NAME,
        "description": "Gives workloads their settings as files.",
        "type": "application",
        "version": version,
        "appVersion": version,
        // Policies of admission and conditions of webhooks are stable from there on.
        "kubeVersion": ">=1.30.0-0",
    }))
}

/// Every value with what it is for.
fn values() -> String {
    let standard = serde_json::to_value(Values::standard()).unwrap_or_default();
    let mut out = String::new();
    for (name, property) in schema::properties() {
        if let Some(about) = property["description"].as_str()
            && let Some(value) = standard.get(name)
        {
            let gap = if out.is_empty() { "" } else { "\n" };
            write!(out, "{gap}# {about}\n{}", yaml(&json!({ name: value }))).unwrap_or_default();
        }
    }
    out
}

fn schema() -> String {
    let schema: Value = schema::schema();
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    format!("{text}\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use canary_core::disguise::giveaway;

    use super::*;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/chart")
    }

    fn checked_in(folder: &Path, within: &str, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{within}{}", path.file_name().unwrap().display());
            if path.is_dir() {
                checked_in(&path, &format!("{name}/"), found);
            } else {
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn the_chart_that_is_checked_in_is_the_one_that_the_source_gives() {
        let mut found = BTreeMap::new();
        checked_in(&folder(), "", &mut found);
        let chart = chart();
        assert!(
            found.keys().eq(chart.keys()),
            "cargo run -p canary-k8s --example chart -- deploy/chart: {:?}",
            found.keys()
        );
        for (name, text) in chart {
            assert_eq!(found[&name], text, "{name}");
        }
    }

    #[test]
    fn nothing_in_the_chart_says_what_it_is() {
        for (name, text) in chart() {
            for line in format!("{name}\n{text}").lines() {
                assert_eq!(giveaway(line), None, "{name}: {line}");
            }
        }
    }

    #[test]
    fn the_schema_knows_every_value_and_no_other() {
        let standard = serde_json::to_value(Values::standard()).unwrap();
        let mut known: Vec<&str> = schema::properties().iter().map(|(name, _)| *name).collect();
        known.retain(|name| *name != "global");
        known.sort_unstable();
        let mut there: Vec<&str> = standard
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        there.sort_unstable();
        assert_eq!(known, there);
    }
}
