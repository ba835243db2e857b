//! What the photo site is made of: who, which photos, what was said about them.

use serde_json::{Value, json};

/// The photos, newest first: key, title, and where.
pub(super) const PHOTOS: [(&str, &str, &str); 6] = [
    ("ridge.svg", "First light on the ridge", "Piz Nair"),
    ("lake.svg", "The lake, six o’clock", "Lej da Staz"),
    ("pass.svg", "Over the pass by noon", "Bernina"),
    ("valley.svg", "Down into the valley", "Val Roseg"),
    ("hut.svg", "From the door of the hut", "Tschierva"),
    ("evening.svg", "One more evening", "Muottas"),
];

pub(super) fn user() -> Value {
    json!({
        "_id": 7, "name": "Ada Meier", "handle": "ada", "city": "Samedan",
        "about": "Engineer on weekdays. Up before the sun on the others.", "since": 2019,
    })
}

pub(super) fn albums() -> Value {
    json!([
        {"_id": 1, "owner": 7, "title": "Engadin, one weekend", "count": 6},
        {"_id": 2, "owner": 7, "title": "Night trains", "count": 23},
        {"_id": 3, "owner": 7, "title": "Breakfasts with a view", "count": 41},
    ])
}

pub(super) fn friends() -> Value {
    json!([
        {"name": "Gian", "online": true}, {"name": "Luzia", "online": false},
        {"name": "Noor", "online": true}, {"name": "Tomás", "online": false},
        {"name": "Yuki", "online": true},
    ])
}

pub(super) fn comments() -> Value {
    json!([
        {"by": "Noor", "text": "That light! Which lens was it?"},
        {"by": "Gian", "text": "Next time wake me, too."},
        {"by": "Yuki", "text": "The lake looks like glass."},
        {"by": "Luzia", "text": "Is the hut open all winter?"},
        {"by": "Tomás", "text": "I could look at the third one for an hour."},
    ])
}

pub(super) fn weather() -> Value {
    json!({"place": "Samedan", "degrees": -4, "sky": "clear", "tomorrow": "snow above 1,800 m"})
}

pub(super) fn news() -> Value {
    json!([
        {"title": "Photo of the week: the larches have turned"},
        {"title": "Albums can have two owners now"},
    ])
}

pub(super) fn trending() -> Value {
    json!(["alpenglow", "nighttrain", "larch", "firstsnow", "35mm"])
}

/// Likes of each photo.
pub(super) const LIKES: [i64; 6] = [214, 187, 96, 143, 72, 301];
