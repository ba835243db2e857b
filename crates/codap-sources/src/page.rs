//! A page of the list of a bucket, read strictly: what a lenient reader takes for the end of the
//! list may be the end of the page's luck.
//!
//! 1. The page is a whole XML document of the kind that was asked for. An error under a 200, a cut
//!    page and a page of something else are errors.
//! 2. It says itself whether there are more, and then how to go on from it, otherwise than before.
//! 3. It has as many keys as it says, each under the prefix; those of S3 and GCS in ascending order,
//!    behind those of the page before.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// What one page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// How to ask for the next one; `None` for the last.
    pub(crate) next: Option<String>,
}

/// One object, as the list tells of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) version: Option<String>,
}

/// What a page is to fit to.
pub(crate) struct Wanted<'a> {
    pub(crate) prefix: &'a str,
    /// The last key of the page before.
    pub(crate) after: Option<&'a str>,
    /// How that page said to go on.
    pub(crate) token: Option<&'a str>,
}

/// Reads a page, or says what is wrong with it.
pub(crate) fn read(xml: &str, wanted: &Wanted<'_>) -> Result<Page, String> {
    let mut page = Page::default();
    let mut entry = Entry::default();
    let (mut has_size, mut is_truncated, mut count) = (false, None, None);
    let mut is_folder = false;
    let root = leaves(xml, |path, text| {
        match path {
            [_, "Contents"] | [_, "Blobs", "Blob"] => {
                let entry = std::mem::take(&mut entry);
                if entry.key.is_empty() || !std::mem::take(&mut has_size) {
                    return Err("it has an object without a name or size".to_owned());
                }
                if !std::mem::take(&mut is_folder) {
                    page.entries.push(entry);
                }
            }
            [_, "Contents", "Key"] | [_, "Blobs", "Blob", "Name"] => entry.key = text,
            [_, "Contents", "Size"] | [_, "Blobs", "Blob", "Properties", "Content-Length"] => {
                entry.size = number(&text)?;
                has_size = true;
            }
            [_, "Contents", "ETag"] | [_, "Blobs", "Blob", "Properties", "Etag"] => {
                entry.version = Some(text).filter(|it| !it.is_empty());
            }
            // Azure with a hierarchy of names.
            [_, "Blobs", "Blob", "Properties", "ResourceType"] => is_folder = text == "directory",
            [_, "IsTruncated"] => is_truncated = Some(text == "true"),
            [_, "KeyCount"] => count = Some(number(&text)?),
            [_, "NextContinuationToken" | "NextMarker"] => {
                page.next = Some(text).filter(|it| !it.is_empty());
            }
            _ => {}
        }
        Ok(())
    })?;
    match &*root {
        "ListBucketResult" => {
            if is_truncated.is_none() || is_truncated != Some(page.next.is_some()) {
                return Err("it does not say whether there are more, or how to go on".to_owned());
            }
            if count.is_some_and(|count| count != page.entries.len() as u64) {
                return Err("it has more or fewer keys than it says".to_owned());
            }
            in_order(&page, wanted)?;
        }
        "EnumerationResults" => {}
        other => return Err(format!("it is no list but <{other}>")),
    }
    if let Some(entry) = page.entries.iter().find(|it| !it.key.starts_with(wanted.prefix)) {
        return Err(format!("it has {:?}, which was not asked for", entry.key));
    }
    if page.next.is_some() && page.next.as_deref() == wanted.token {
        return Err("it leads to itself".to_owned());
    }
    Ok(page)
}

fn in_order(page: &Page, wanted: &Wanted<'_>) -> Result<(), String> {
    let mut before = wanted.after;
    for entry in &page.entries {
        if before.is_some_and(|before| before >= &*entry.key) {
            return Err(format!("it has {:?} out of order", entry.key));
        }
        before = Some(&entry.key);
    }
    Ok(())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it has {text:?} for a number"))
}

/// Tells of each element at its end: the names of those around it and its own, and its text, as it
/// stands. The name of the outermost one, if the document is whole.
fn leaves(
    xml: &str,
    mut tell: impl FnMut(&[&str], String) -> Result<(), String>,
) -> Result<String, String> {
    let broken = |what: &dyn std::fmt::Display| format!("it is no whole XML: {what}");
    let mut reader = Reader::from_str(xml);
    let (mut names, mut text, mut root) = (Vec::<String>::new(), String::new(), None);
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if names.is_empty() && root.replace(name.clone()).is_some() {
                    return Err(broken(&"two documents in one"));
                }
                names.push(name);
                text.clear();
            }
            Event::Empty(empty) => {
                let name = String::from_utf8_lossy(empty.local_name().as_ref()).into_owned();
                if names.is_empty() && root.replace(name.clone()).is_some() {
                    return Err(broken(&"two documents in one"));
                }
                names.push(name);
                tell(&names.iter().map(String::as_str).collect::<Vec<_>>(), String::new())?;
                names.pop();
            }
            Event::End(_) => {
                let path: Vec<&str> = names.iter().map(String::as_str).collect();
                tell(&path, std::mem::take(&mut text))?;
                names.pop();
            }
            Event::Text(it) => text.push_str(&it.decode().map_err(|error| broken(&error))?),
            Event::CData(it) => text.push_str(&it.decode().map_err(|error| broken(&error))?),
            Event::GeneralRef(it) => match it.resolve_char_ref().map_err(|error| broken(&error))? {
                Some(char) => text.push(char),
                None => {
                    let name = it.decode().map_err(|error| broken(&error))?;
                    text.push_str(
                        resolve_predefined_entity(&name)
                            .ok_or_else(|| broken(&format!("&{name};")))?,
                    );
                }
            },
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match root {
        Some(root) if names.is_empty() => Ok(root),
        _ => Err(broken(&"it ends early")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Wanted<'_> = Wanted { prefix: "", after: None, token: None };

    fn page(inner: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\">{inner}</ListBucketResult>")
    }

    fn object(key: &str) -> String {
        format!("<Contents><Key>{key}</Key><Size>5</Size><ETag>&quot;e&quot;</ETag></Contents>")
    }

    #[test]
    fn a_page_is_read_to_the_letter() {
        let inner = object(" a&amp;b&#10;") + "<IsTruncated>false</IsTruncated>";
        let read = read(&page(&inner), &ANY).unwrap();
        let version = Some("\"e\"".to_owned());
        let entry = Entry { key: " a&b\n".to_owned(), size: 5, version };
        assert_eq!(read, Page { entries: vec![entry], next: None });
    }

    #[test]
    fn azure_lists_otherwise() {
        let xml = "<EnumerationResults><Blobs><Blob><Name>d</Name><Properties><Content-Length>0\
                   </Content-Length><ResourceType>directory</ResourceType></Properties></Blob><Blob>\
                   <Name>d/k</Name><Properties><Etag>0x1</Etag><Content-Length>7</Content-Length>\
                   </Properties></Blob></Blobs><NextMarker>m</NextMarker></EnumerationResults>";
        let read = read(xml, &ANY).unwrap();
        let entry = Entry { key: "d/k".to_owned(), size: 7, version: Some("0x1".to_owned()) };
        assert_eq!(read, Page { entries: vec![entry], next: Some("m".to_owned()) });
    }

    #[test]
    fn a_page_that_is_not_whole_or_not_itself_is_refused() {
        let (more, last) = ("<IsTruncated>true</IsTruncated>", "<IsTruncated>false</IsTruncated>");
        let token = "<NextContinuationToken>t</NextContinuationToken>";
        let good = page(&(object("p/b") + token + more));
        let wanted = Wanted { prefix: "p/", after: Some("p/a"), token: Some("s") };
        assert_eq!(read(&good, &wanted).unwrap().next.as_deref(), Some("t"));
        for cut in 0..good.len() {
            assert!(read(&good[..cut], &wanted).is_err(), "cut at {cut}");
        }
        for xml in [
            page(&object("p/b")),
            page(&(object("p/b") + more)),
            page(&(object("p/b") + token + last)),
            page(&(object("p/b") + last + "<KeyCount>2</KeyCount>")),
            page(&(object("p/b") + &object("p/b") + last)),
            page(&(object("p/a") + last)),
            page(&(object("q/b") + last)),
            page(&format!("<Contents><Key>p/b</Key></Contents>{last}")),
            page(&format!("<Contents><Key>p/b</Key><Size>-1</Size></Contents>{last}")),
            page(&(object("p/b") + more + "<NextContinuationToken>s</NextContinuationToken>")),
            "<Error><Code>InternalError</Code></Error>".to_owned(),
            "<html></html>".to_owned(),
            format!("{good}{good}"),
        ] {
            assert!(read(&xml, &wanted).is_err(), "{xml}");
        }
    }
}
