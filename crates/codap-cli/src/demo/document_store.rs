//! The document store: a real MongoDB, or JSON over HTTP in its place.

use mongodb::bson::{Document, serialize_to_document};
use mongodb::{Client, Database};
use serde_json::Value;

use super::server::Server;
use super::site;
use crate::stop::Stop;
use codap::redact;

/// What the demo puts its documents into, and drops at its end.
const DATABASE: &str = "codap_demo";

pub(super) enum DocumentStore {
    Embedded(Server),
    Real { uri: String, database: Database },
}

impl DocumentStore {
    /// The one at `uri`, with the demo's documents in it.
    pub(super) async fn real(uri: &str) -> Result<Self, Stop> {
        let refused = |error: mongodb::error::Error| {
            let what = redact(&error.to_string());
            Stop::fatal(format!("--mongodb: {what} (is the server there, and may you write?)"))
        };
        let client = Client::with_uri_str(uri).await.map_err(refused)?;
        let database = client.database(DATABASE);
        let albums = site::albums().as_array().cloned().unwrap_or_default();
        for (name, values) in [("users", vec![site::user()]), ("albums", albums)] {
            let collection = database.collection::<Document>(name);
            collection.drop().await.map_err(refused)?;
            let documents: Vec<Document> = values.iter().map(document).collect();
            collection.insert_many(documents).await.map_err(refused)?;
        }
        Ok(Self::Real { uri: uri.to_owned(), database })
    }

    /// The URIs of the user, and of the albums of the entry `user`.
    pub(super) fn uris(&self) -> (String, String) {
        match self {
            Self::Embedded(server) => {
                let origin = server.origin();
                (format!("{origin}/users/7"), format!("{origin}/albums?owner={{{{ user._id }}}}"))
            }
            Self::Real { uri, .. } => {
                let (place, options) = uri.split_once('?').unwrap_or((uri, ""));
                let host = place.find("://").map_or(0, |at| at + 3);
                let end = place[host..].find('/').map_or(place.len(), |at| host + at);
                let place = &place[..end];
                let filter = "filter={\"owner\":{{ user._id }}}&many=true";
                (
                    format!("{place}/{DATABASE}/users/7?{options}"),
                    format!("{place}/{DATABASE}/albums?{filter}&{options}"),
                )
            }
        }
    }

    /// One line about it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Embedded(server) => {
                let host = server.origin().trim_start_matches("http://");
                format!("JSON over HTTP, {host} (real one: --mongodb URI)")
            }
            Self::Real { uri, .. } => format!("MongoDB, {}", redact(uri)),
        }
    }

    /// Takes the documents away again.
    pub(super) async fn clear(&self) {
        if let Self::Real { database, .. } = self {
            // Whoever cannot drop it now will overwrite it next time.
            drop(database.drop().await);
        }
    }
}

fn document(value: &Value) -> Document {
    serialize_to_document(value).expect("the demo's documents are objects")
}
