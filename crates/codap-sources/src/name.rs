//! What a document is called where there are only names: as a file, in an archive.

use percent_encoding::percent_decode_str;

use crate::uri::Uri;

impl Uri {
    /// What the document may be called among files: its path, decoded, without the host, which is
    /// the same for most of a list, and without the query, which may hold secrets. It is as the URI
    /// says, and may be a name that no system holds: `../a`, or bytes that are no text.
    ///
    /// ```
    /// use codap_sources::Uri;
    ///
    /// let uri = Uri::try_from("https://example.org/a/caf%C3%A9.json?token=s3cret")?;
    /// assert_eq!(uri.name(), "a/café.json".as_bytes());
    /// assert_eq!(Uri::try_from("https://example.org")?.name(), b"index");
    /// # Ok::<(), codap_sources::Error>(())
    /// ```
    pub fn name(&self) -> Vec<u8> {
        let text = self.text();
        let Some((_, rest)) = text.split_once("://") else {
            let path = text.strip_prefix("sqlite:").or(text.strip_prefix("file:")).unwrap_or(text);
            let path = if path.len() < text.len() { without_query(path) } else { path };
            return path.trim_start_matches("./").trim_start_matches('/').as_bytes().to_vec();
        };
        let rest = without_query(rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path.trim_start_matches('/'));
        let mut name: Vec<u8> = percent_decode_str(path).collect();
        if name.is_empty() || (name.ends_with(b"/") && self.scheme().starts_with("http")) {
            name.extend(b"index");
        }
        name
    }

    /// The name of `below`, which was [listed](crate::Sources::list) under this prefix, where
    /// `folder` stands for the prefix.
    ///
    /// ```
    /// use codap_sources::Uri;
    ///
    /// let prefix = Uri::try_from("s3://photos/2026/")?;
    /// let below = Uri::try_from("s3://photos/2026/may/1.jpg")?;
    /// assert_eq!(prefix.name_below(&below, b"holiday"), b"holiday/may/1.jpg");
    /// # Ok::<(), codap_sources::Error>(())
    /// ```
    pub fn name_below(&self, below: &Self, folder: &[u8]) -> Vec<u8> {
        let path = below.name();
        let rest = path.strip_prefix(&*self.name()).unwrap_or(&path);
        [folder.trim_ascii_end().strip_suffix(b"/").unwrap_or(folder), b"/", rest].concat()
    }
}

fn without_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_path() {
        for (uri, name) in [
            ("https://h/a/b.json?token=x#y", "a/b.json"),
            ("https://h", "index"),
            ("https://h/a/", "a/index"),
            ("https://h/%C3%A4%2Fb", "ä/b"),
            ("s3://bucket/a/b", "a/b"),
            ("redis://h/0/key", "0/key"),
            ("dir/a?b", "dir/a?b"),
            ("/dir/a", "dir/a"),
            ("./dir/a", "dir/a"),
            ("../a", "../a"),
            ("file:///dir/a%20b", "dir/a b"),
            ("sqlite:x.db?query=select 1", "x.db"),
        ] {
            // Not every scheme is known in every build.
            let Ok(uri) = Uri::try_from(uri) else { continue };
            assert_eq!(String::from_utf8_lossy(&uri.name()), name, "{uri}");
        }
    }
}
