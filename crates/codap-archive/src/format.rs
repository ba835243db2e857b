//! Which kinds of archives there are.

use std::path::Path;

/// What an archive is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Zip: each entry compressed by deflate, or stored where that is not longer.
    Zip,
    /// Tar, not compressed.
    Tar,
    /// Tar, in one member of gzip.
    TarGz,
    /// Tar, in frames of zstd.
    TarZst,
}

impl Format {
    /// The format that the end of a file's name stands for, whatever its case: `.zip`, `.tar`,
    /// `.tar.gz` and `.tgz`, `.tar.zst` and `.tzst`.
    ///
    /// ```
    /// use codap_archive::Format;
    ///
    /// assert_eq!(Format::of_name("photos.2024.TAR.GZ"), Some(Format::TarGz));
    /// assert_eq!(Format::of_name("s3://backup/all.zip"), Some(Format::Zip));
    /// assert_eq!(Format::of_name("photos.rar"), None);
    /// ```
    pub fn of_name(name: impl AsRef<Path>) -> Option<Self> {
        let name = name.as_ref().to_string_lossy().to_ascii_lowercase();
        let ends = [
            (".zip", Self::Zip),
            (".tar", Self::Tar),
            (".tar.gz", Self::TarGz),
            (".tgz", Self::TarGz),
            (".tar.zst", Self::TarZst),
            (".tzst", Self::TarZst),
        ];
        ends.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, format)| format)
    }

    /// What names of such archives usually end in, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
        }
    }
}
