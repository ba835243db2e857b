//! The password file of PostgreSQL's clients: `~/.pgpass`, or what `PGPASSFILE` names.
//!
//! A line is `host:port:database:user:password`; a `*` stands for anything, a backslash for the
//! character after it.

use std::path::PathBuf;

use crate::settings::Environment;

/// The password of the first line that fits.
pub(crate) fn password(
    environment: &Environment,
    host: &str,
    port: u16,
    [db, user]: [&str; 2],
) -> Option<String> {
    let file = environment.get("PGPASSFILE").map(PathBuf::from);
    let file = file.or_else(|| Some(std::env::home_dir()?.join(".pgpass")))?;
    find(&std::fs::read_to_string(file).ok()?, [host, &port.to_string(), db, user])
}

fn find(text: &str, wanted: [&str; 4]) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|mut fields| {
        let fits = fields.len() == 5
            && fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then(|| fields.pop()).flatten()
    })
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut chars) = (vec![String::new()], line.chars());
    while let Some(c) = chars.next() {
        let before_the_password = fields.len() < 5;
        let field = fields.last_mut().expect("there is one from the start");
        match c {
            '\\' => field.extend(chars.next()),
            ':' if before_the_password => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text =
            "# comment\nelse:5432:*:ada:no\ndb.example:*:photos:a\\:da:s3:cr\\\\et\n*:*:*:*:any\n";
        let find = |wanted| find(text, wanted);
        assert_eq!(find(["db.example", "5432", "photos", "a:da"]).as_deref(), Some("s3:cr\\et"));
        assert_eq!(find(["db.example", "5432", "other", "a:da"]).as_deref(), Some("any"));
        assert_eq!(super::find("short:line\n", ["short", "1", "a", "b"]), None);
    }
}
