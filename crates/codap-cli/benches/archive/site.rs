//! The server: nginx, one process, the files as they are.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

const UNTIL_IT_ANSWERS: Duration = Duration::from_secs(20);

/// A running server over a folder. Dropping it ends the process.
pub(crate) struct Site {
    server: Child,
    pub(crate) folder: PathBuf,
    pub(crate) base: String,
}

impl Site {
    pub(crate) fn start(place: &Path) -> Outcome<Self> {
        let folder = place.join("documents");
        fs::create_dir_all(&folder)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let configuration = place.join("nginx.conf");
        fs::write(&configuration, text(port))?;
        let server = Command::new(program())
            .arg("-p")
            .arg(place)
            .arg("-c")
            .arg(&configuration)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("nginx does not start ({error}): apt-get install nginx"))?;
        let site = Self { server, folder, base: format!("http://127.0.0.1:{port}") };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if began.elapsed() > UNTIL_IT_ANSWERS {
                return Err("nginx does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(site)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Debian keeps it out of the `PATH` of users.
fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}

fn text(port: u16) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|name| format!("{name}_temp_path temporary;\n")).collect();
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         types {{ application/json json; }}\n\
         access_log off; sendfile on; keepalive_requests 100000;\n\
         {temporary}\
         server {{ listen 127.0.0.1:{port}; root documents; }}\n\
         }}\n"
    )
}
