//! Secrets stay out of what is shown: of URIs by their parts, of foreign text by its looks.

/// Parts of names of query parameters whose values are not shown: passwords and keys under their
/// usual names, and the signatures of presigned URLs (AWS and Google `X-…`, Azure's SAS).
const SECRET_PARTS: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "signature",
    "credential",
    "authorization",
    "session",
    "jwt",
    "subscription-key",
];

/// Names that are secret as they stand, being too short to look for inside of others.
const SECRET_NAMES: [&str; 10] = [
    "sig",
    "key",
    "code",
    "auth",
    "pass",
    "sas",
    "hmac",
    "awsaccesskeyid",
    "googleaccessid",
    "sid",
];

/// Whether the value of a query parameter called `name` is not for showing.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&&*name) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// `query` (what stands after the `?`) with the values of secret names replaced by `…`.
pub(crate) fn redact_query(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(&decoded(name)) => format!("{name}=…"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn decoded(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::redact_query;

    #[test]
    fn values_of_secret_names_are_hidden_and_the_others_shown() {
        for (query, shown) in [
            ("page=2&q=cats", "page=2&q=cats"),
            ("page=2&api_key=abc", "page=2&api_key=…"),
            (
                "X-Amz-Signature=ab&X-Amz-Credential=cd&X-Amz-Date=1",
                "X-Amz-Signature=…&X-Amz-Credential=…&X-Amz-Date=1",
            ),
            ("sv=2024&sig=ab%3D", "sv=2024&sig=…"),
            ("%74oken=abc", "%74oken=…"),
            ("monkey=1", "monkey=1"),
            ("flag", "flag"),
        ] {
            assert_eq!(redact_query(query), shown, "of {query:?}");
        }
    }
}
