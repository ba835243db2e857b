//! Credentials of S3 as the AWS tools keep them, in `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;
use std::fs;

use crate::settings::Environment;

/// What a profile may say that a variable says too, which then counts.
const KEYS: [(&str, &str); 5] = [
    ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("aws_session_token", "AWS_SESSION_TOKEN"),
    ("region", "AWS_REGION"),
    ("endpoint_url", "AWS_ENDPOINT_URL"),
];

/// How else a profile may come to credentials, by ways that lead through other programs.
const ELSEWHERE: [&str; 5] =
    ["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"];

/// The variables that begin with `AWS_`, and what the profile says besides: that of `AWS_PROFILE`,
/// or `default`. Keys of a profile do not mix with those of variables.
pub(crate) fn variables(environment: &Environment) -> Result<BTreeMap<String, String>, String> {
    let mut variables = environment.beginning("AWS_");
    let asked = environment.get("AWS_PROFILE");
    let name = asked.as_deref().unwrap_or("default");
    let file = |variable, usual: &str| {
        let home = environment.get("HOME").or_else(|| environment.get("USERPROFILE"));
        let path = environment.get(variable).or_else(|| Some(format!("{}/.aws/{usual}", home?)));
        path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
    };
    let mut profile = BTreeMap::new();
    let config = file("AWS_CONFIG_FILE", "config");
    let known_there = read(&config, &[&format!("profile {name}"), name], &mut profile);
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    if !read(&credentials, &[name], &mut profile) && !known_there && asked.is_some() {
        return Err(format!("there is no profile {name} in ~/.aws; check AWS_PROFILE"));
    }
    let has_own = ["AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE"]
        .iter()
        .any(|it| variables.contains_key(*it));
    let keys = profile.contains_key("aws_access_key_id");
    if !has_own && !keys && ELSEWHERE.iter().any(|it| profile.contains_key(*it)) {
        return Err(format!(
            "profile {name} gets its credentials by another program; set what `aws configure \
             export-credentials --profile {name} --format env` prints"
        ));
    }
    for (key, variable) in KEYS {
        let is_key = key.starts_with("aws_");
        if let Some(value) = profile.remove(key).filter(|_| !is_key || !has_own) {
            variables.entry(variable.to_owned()).or_insert(value);
        }
    }
    Ok(variables)
}

/// Adds the settings of the section with one of these names; whether there is one.
fn read(text: &str, names: &[&str], profile: &mut BTreeMap<String, String>) -> bool {
    let (mut found, mut within) = (false, false);
    for line in text.lines() {
        // An indented line belongs to the setting above it, of which none of ours has any.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(section) = line.trim().strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            within = names.contains(&section.trim());
            found |= within;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| within) {
            profile.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `variables` tells of a home with these files.
    fn of(
        files: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Result<BTreeMap<String, String>, String> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        for (name, text) in files {
            fs::write(home.path().join(".aws").join(name), text).unwrap();
        }
        let mut environment = Environment::default();
        // Of the process nothing counts here.
        for name in environment.beginning("AWS_").into_keys() {
            environment.set(name, String::new());
        }
        environment.set("HOME".into(), home.path().to_str().unwrap().into());
        for (name, value) in more {
            environment.set((*name).into(), (*value).into());
        }
        variables(&environment)
    }

    const CREDENTIALS: (&str, &str) = (
        "credentials",
        "[default]\naws_access_key_id = A\naws_secret_access_key=S\n\n[work]\n# no\n\
         aws_access_key_id = WA\naws_secret_access_key = W=S\n",
    );
    const CONFIG: (&str, &str) = (
        "config",
        "[default]\nregion = eu-west-1\ns3 =\n  region = wrong\n[profile work]\nregion = us-east-2\n\
         endpoint_url = https://s3.example\n[profile sso]\nsso_session = x\n",
    );

    fn told(more: &[(&str, &str)]) -> Result<String, String> {
        let variables = of(&[CREDENTIALS, CONFIG], more)?;
        let known = |(_, variable): &(&str, &str)| variables.get(*variable).cloned();
        Ok(KEYS.iter().map(|key| known(key).unwrap_or_default()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_default_profile_or_the_named_one_counts() {
        assert_eq!(told(&[]).unwrap(), "A S  eu-west-1 ");
        let work = told(&[("AWS_PROFILE", "work")]).unwrap();
        assert_eq!(work, "WA W=S  us-east-2 https://s3.example");
    }

    #[test]
    fn variables_count_more_and_keys_do_not_mix() {
        let own = [("AWS_ACCESS_KEY_ID", "O"), ("AWS_SECRET_ACCESS_KEY", "P")];
        assert_eq!(told(&own).unwrap(), "O P  eu-west-1 ");
        assert_eq!(told(&[("AWS_REGION", "r")]).unwrap(), "A S  r ");
    }

    #[test]
    fn a_profile_that_is_not_there_or_leads_elsewhere_is_told() {
        assert!(told(&[("AWS_PROFILE", "typo")]).unwrap_err().contains("no profile typo"));
        let sso = told(&[("AWS_PROFILE", "sso")]).unwrap_err();
        assert!(sso.contains("export-credentials --profile sso"), "{sso}");
        assert_eq!(of(&[], &[]).unwrap(), BTreeMap::new());
    }
}
