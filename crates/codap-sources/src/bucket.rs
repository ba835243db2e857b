//! A bucket of an object store, over the HTTP client that all adapters share.
//!
//! object_store knows the services: credentials from the environment, signatures, addresses. What
//! comes back is codap's to judge, so each request for an object carries a [`Reply`] to be filled:
//! object_store itself gets to see an empty body, and its errors are only asked when no request
//! for the object came about.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use reqwest::header::HeaderMap;
use reqwest::{Request, Response, StatusCode, Url};

use crate::adapter::Adapter;
#[cfg(feature = "s3")]
use crate::aws_profile;
use crate::client::Client;
use crate::error::Kind;
use crate::settings::Environment;
use crate::trouble::Trouble;

/// A bucket, or a container of Azure, by what can be asked of it.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) pages: Arc<dyn PaginatedListStore>,
    pub(crate) uploads: Arc<dyn MultipartStore>,
}

impl Bucket {
    fn of<S: ObjectStore + PaginatedListStore + MultipartStore>(store: S) -> Self {
        let store = Arc::new(store);
        Self { objects: store.clone(), pages: store.clone(), uploads: store }
    }
}

/// What became of the request for an object.
#[derive(Debug)]
pub(crate) enum Reply {
    Success(Response),
    /// A success whose body object_store was given.
    Accepted(HeaderMap),
    Refused {
        status: StatusCode,
        headers: HeaderMap,
        code: String,
        message: String,
    },
    Broken(Trouble),
}

/// Where the service leaves the reply for whoever asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    reply: Arc<Mutex<Option<Reply>>>,
    /// Whether object_store is to read the body of a success.
    is_for_refusals: bool,
}

tokio::task_local! {
    /// For requests that object_store makes without what came along with the call.
    static OF_UPLOAD: Slot;
}

impl Slot {
    /// For requests whose success is object_store's to read.
    pub(crate) fn for_refusals() -> Self {
        Self { is_for_refusals: true, ..Self::default() }
    }

    /// Runs `work` with this slot for the requests that go on with an upload.
    pub(crate) async fn of_upload<T>(&self, work: impl Future<Output = T>) -> T {
        OF_UPLOAD.scope(self.clone(), work).await
    }

    /// The slot that `request` has, if any. Requests for credentials have none.
    fn of(request: &HttpRequest) -> Option<Self> {
        let slot = request.extensions().get::<Self>().cloned();
        let goes_on = || request.uri().query().is_some_and(|it| it.contains("uploadId="));
        slot.or_else(|| OF_UPLOAD.try_with(Self::clone).ok().filter(|_| goes_on()))
    }

    fn fill(&self, reply: Reply) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
    }

    pub(crate) fn take(&self) -> Option<Reply> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The bucket as the environment describes it, or what is wrong there.
pub(crate) fn open(
    adapter: Adapter,
    name: &str,
    client: &Arc<Client>,
    environment: &Environment,
) -> Result<Bucket, String> {
    let connector = Connector(client.clone());
    // One layer retries, and it is not this one.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    // The variables that object_store knows by these names; it passes over the others.
    macro_rules! configured {
        ($builder:expr, $variables:expr) => {{
            let mut builder = $builder.with_retry(retry).with_http_connector(connector);
            for (variable, value) in $variables {
                if let Ok(key) = variable.to_ascii_lowercase().parse() {
                    builder = builder.with_config(key, value);
                }
            }
            builder
        }};
    }
    Ok(match adapter {
        #[cfg(feature = "s3")]
        Adapter::S3 => {
            let variables = aws_profile::variables(environment)?;
            let builder = configured!(object_store::aws::AmazonS3Builder::new(), variables);
            let builder = builder.with_bucket_name(name);
            Bucket::of(builder.build().map_err(|error| error.to_string())?)
        }
        #[cfg(feature = "gs")]
        Adapter::Gs => {
            let builder = object_store::gcp::GoogleCloudStorageBuilder::new();
            let builder = configured!(builder, environment.beginning("GOOGLE_"));
            let builder = builder.with_bucket_name(name);
            Bucket::of(builder.build().map_err(|error| error.to_string())?)
        }
        #[cfg(feature = "az")]
        Adapter::Az => {
            let builder = object_store::azure::MicrosoftAzureBuilder::new();
            let builder = configured!(builder, environment.beginning("AZURE_"));
            let builder = builder.with_container_name(name);
            Bucket::of(builder.build().map_err(|error| match error.to_string() {
                text if text.contains("Account must be specified") => {
                    "it names no account; set AZURE_STORAGE_ACCOUNT_NAME".to_owned()
                }
                text => text,
            })?)
        }
        other => return Err(format!("{other:?} is no object store of this build")),
    })
}

#[derive(Debug)]
struct Connector(Arc<Client>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp);
        let allow_http = allow_http.is_some_and(|it| it == "true");
        Ok(HttpClient::new(Service { client: self.0.clone(), allow_http }))
    }
}

#[derive(Debug)]
struct Service {
    client: Arc<Client>,
    allow_http: bool,
}

/// More of the body of a refusal, or of a reply with credentials, is not read.
const TEXT_MAX: usize = 64 << 10;

/// The service of metadata answers at once where there is one. Elsewhere nobody does.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
const METADATA: [&str; 3] = ["169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]"];

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let slot = Slot::of(&request);
        let sent = match self.prepare(request) {
            Ok(request) if METADATA.iter().any(|it| request.url().host_str() == Some(it)) => {
                let sending = tokio::time::timeout(METADATA_TIMEOUT, self.client.send(request));
                let silent = || Trouble::new(Kind::Connect, "the metadata service does not answer");
                sending.await.unwrap_or_else(|_| Err(silent()))
            }
            Ok(request) => self.client.send(request).await,
            Err(trouble) => Err(trouble),
        };
        let response = match sent {
            Ok(response) => response,
            Err(trouble) => {
                let error = HttpError::new(
                    HttpErrorKind::Unknown,
                    std::io::Error::other(trouble.what.clone()),
                );
                if let Some(slot) = slot {
                    slot.fill(Reply::Broken(trouble));
                }
                return Err(error);
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match slot {
            Some(slot) if status.is_success() && slot.is_for_refusals => {
                slot.fill(Reply::Accepted(headers.clone()));
                text(response).await
            }
            Some(slot) if status.is_success() => {
                slot.fill(Reply::Success(response));
                String::new()
            }
            slot => {
                let body = text(response).await;
                if let Some(slot) = slot {
                    let (code, message) = (element(&body, "Code"), element(&body, "Message"));
                    slot.fill(Reply::Refused { status, headers: headers.clone(), code, message });
                }
                body
            }
        };
        let mut reply = HttpResponse::new(HttpResponseBody::from(body));
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        Ok(reply)
    }
}

impl Service {
    fn prepare(&self, request: HttpRequest) -> Result<Request, Trouble> {
        let (parts, body) = request.into_parts();
        let invalid = |what: &str| Trouble::new(Kind::Invalid, what);
        let url: Url = (parts.uri.to_string().parse())
            .map_err(|_| invalid("the endpoint in the environment is no URL"))?;
        if url.scheme() != "https" && !self.allow_http {
            let what = "the endpoint in the environment is http://; set AWS_ALLOW_HTTP=true (or \
                        AZURE_ALLOW_HTTP) if that is meant";
            return Err(invalid(what));
        }
        let mut request = Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        match body.as_bytes() {
            Some(bytes) if bytes.is_empty() => {}
            Some(bytes) => *request.body_mut() = Some(bytes.clone().into()),
            None => *request.body_mut() = Some(reqwest::Body::wrap(body)),
        }
        Ok(request)
    }
}

/// The start of a body, as far as it comes.
async fn text(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(TEXT_MAX - bytes.len())]);
        if bytes.len() == TEXT_MAX {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What stands in the first `<name>…</name>`, in one line of reasonable length.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let inner = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")))
        .map_or("", |(inner, _)| inner);
    inner.chars().filter(|c| !c.is_control()).take(200).collect()
}
