//! A template, which waits for what it touches.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use codap::Page;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object};
use minijinja::{Environment, Error, UndefinedBehavior, Value};

use crate::stop::Stop;
use codap::redact;

/// A template that makes sense. Others in its folder can be included and extended.
pub(crate) struct Template {
    environment: Environment<'static>,
    name: String,
}

/// A page as a template sees it, and what it has seen of it.
#[derive(Debug)]
pub(crate) struct Touched {
    page: Arc<Page>,
    names: Mutex<BTreeSet<String>>,
}

impl Template {
    pub(crate) fn read(path: &Path) -> Result<Self, Stop> {
        let text = fs::read_to_string(path)
            .map_err(|error| Stop::usage(format!("{}: cannot be read: {error}", path.display())))?;
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.expect("the usual delimiters differ from each other"));
        environment.set_loader(minijinja::path_loader(folder.unwrap_or(Path::new("."))));
        environment
            .add_template_owned(name.clone(), text)
            .map_err(|error| Stop::usage(told(&error)))?;
        Ok(Self { environment, name })
    }

    /// The text. It blocks the thread while what it touches is not there.
    pub(crate) fn render(&self, page: Arc<Touched>) -> Result<String, Error> {
        self.environment.get_template(&self.name)?.render(Value::from_dyn_object(page))
    }
}

impl Touched {
    pub(crate) fn new(page: Arc<Page>) -> Self {
        Self { page, names: Mutex::default() }
    }

    /// The entries that the template has asked for.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Object for Touched {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if self.page.contains_key(name) {
            self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
        Object::get_value(&self.page, key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Object::enumerate(&self.page)
    }
}

/// The error of the entry that the template ended with, if it was one.
pub(crate) fn entry_error(error: &Error) -> Option<&codap::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

/// `page.html:7: what is wrong`.
pub(crate) fn told(error: &Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        _ => String::new(),
    };
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    redact(&format!("{place}{what}"))
}
