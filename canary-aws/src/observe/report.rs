//! The credential report: which keys each user has, and whether a password, as of some time in the last four hours. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::principal::Principal;

/// A report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Report {
    pub(super) made: Timestamp,
    pub(super) rows: BTreeMap<String, Row>,
}

impl Report {
    /// What it tells of this very user: a row may be of an earlier one of that name.
    pub(super) fn row(&self, user: &Principal) -> Option<&Row> {
        let row = self.rows.get(&user.name)?;
        let is_older = user.created.is_some_and(|created| created < self.made);
        (is_older && row.arn == user.arn).then_some(row)
    }
}

/// A user's row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Row {
    pub(super) arn: String,
    /// Whether it may log in to the console.
    pub(super) has_password: bool,
    /// Each key that there is: whether it is active, and since when it is there.
    pub(super) keys: Vec<(bool, Option<Timestamp>)>,
}

/// Reads a report, by user. A user may not be called `<root_account>`, so that the root's row is nobody's.
pub(super) fn read(text: &str) -> BTreeMap<String, Row> {
    let mut lines = text.lines();
    let Some(header) = lines.next() else {
        return BTreeMap::new();
    };
    let columns: BTreeMap<&str, usize> = header
        .split(',')
        .enumerate()
        .map(|(at, name)| (name, at))
        .collect();
    lines.filter_map(|line| row(&columns, line)).collect()
}

/// No value of a report has a comma in it but for names, which may: those are counted from the end.
fn row(columns: &BTreeMap<&str, usize>, line: &str) -> Option<(String, Row)> {
    let values: Vec<&str> = line.split(',').collect();
    let extra = values.len().checked_sub(columns.len())?;
    // A comma in the name stands in the ARN as well.
    let shift = extra / 2;
    let name = values.get(..=shift)?.join(",");
    let arn_at = shift + 1;
    let arn = values.get(arn_at..=arn_at + shift)?.join(",");
    let get = |column: &str| values.get(columns.get(column)? + extra).copied();
    let mut keys = Vec::new();
    for number in [1, 2] {
        let since =
            get(&format!("access_key_{number}_last_rotated")).and_then(|text| text.parse().ok());
        let is_active = get(&format!("access_key_{number}_active")) == Some("true");
        // A key that was made inactive has its date still; one that is not there has none.
        if is_active || since.is_some() {
            keys.push((is_active, since));
        }
    }
    let has_password = get("password_enabled") == Some("true");
    let row = Row {
        arn,
        has_password,
        keys,
    };
    Some((name, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

    #[test]
    fn keys_are_told_with_their_dates() {
        let line = |name: &str| {
            format!(
                "{name},arn:aws:iam::1:user/{name},2026-11-01T00:00:00+00:00,false,N/A,N/A,N/A,false,true,2026-11-01T00:00:01+00:00,N/A,N/A,N/A,false,2026-11-02T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A"
            )
        };
        let text = format!("{HEADER}\n{}\n{}\n", line("svc"), line("a,b"));
        let rows = read(&text);
        assert_eq!(rows.len(), 2);
        for name in ["svc", "a,b"] {
            let row = &rows[name];
            assert_eq!(row.arn, format!("arn:aws:iam::1:user/{name}"));
            let first = "2026-11-01T00:00:01Z".parse().unwrap();
            let second = "2026-11-02T00:00:00Z".parse().unwrap();
            assert_eq!(row.keys, [(true, Some(first)), (false, Some(second))]);
        }
    }

    #[test]
    fn a_report_tells_who_has_a_password_and_nothing_of_who_came_after_it() {
        let line = |name: &str, has: bool| {
            format!(
                "{name},arn:aws:iam::1:user/{name},2026-11-01T00:00:00+00:00,{has},N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
            )
        };
        let text = format!("{HEADER}\n{}\n{}\n", line("a,b", true), line("svc", false));
        let report = Report {
            made: "2026-11-02T00:00:00Z".parse().unwrap(),
            rows: read(&text),
        };
        let user = |name: &str, created: &str| Principal {
            name: name.into(),
            arn: format!("arn:aws:iam::1:user/{name}"),
            created: Some(created.parse().unwrap()),
            ..Principal::default()
        };
        let before = "2026-11-01T00:00:00Z";
        assert!(report.row(&user("a,b", before)).unwrap().has_password);
        assert!(!report.row(&user("svc", before)).unwrap().has_password);
        assert_eq!(report.row(&user("svc", "2026-11-02T00:00:01Z")), None);
        assert_eq!(report.row(&user("other", before)), None);
    }

    #[test]
    fn what_is_no_report_has_no_rows() {
        assert!(read("").is_empty());
        assert!(read(HEADER).is_empty());
        assert!(read(&format!("{HEADER}\na,b")).is_empty());
    }
}
