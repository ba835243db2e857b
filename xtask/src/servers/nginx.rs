//! nginx over a folder that tests fill by PUT. What lies under `/private/` needs a user.

use std::fs;
use std::path::Path;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::{Server, cannot, install};
use crate::step::Failure;

const USER: &str = "codap:{PLAIN}CANARY7x-nginx\n";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let program = install::from_debian("nginx", || install::find("nginx"))?;
    let port = free_port()?;
    let configuration = place.join("nginx.conf");
    fs::create_dir_all(place.join("documents"))
        .and_then(|()| fs::write(place.join("users"), USER))
        .and_then(|()| fs::write(&configuration, configuration_for(port)))
        .map_err(|e| cannot("write", place, &e))?;
    let mut command = bound_to_us(&program);
    command.arg("-p").arg(place).arg("-c").arg(&configuration);
    command.args(["-e", "stderr"]);
    Ok(Server {
        process: Process::start("nginx", Signal::Term, Ready::Listens(port), command, place)?,
        variables: vec![("CODAP_TEST_NGINX", format!("http://127.0.0.1:{port}"))],
    })
}

/// One process in the foreground, so that ending it ends all; every path inside its own folder.
fn configuration_for(port: u16) -> String {
    format!(
        "daemon off;\n\
         master_process off;\n\
         pid nginx.pid;\n\
         error_log stderr;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
             types {{ application/json json; text/html html; text/plain txt; }}\n\
             default_type application/octet-stream;\n\
             access_log off;\n\
             gzip on;\n\
             gzip_types application/json text/plain;\n\
             client_max_body_size 256m;\n\
             client_body_temp_path temporary;\n\
             proxy_temp_path temporary;\n\
             fastcgi_temp_path temporary;\n\
             uwsgi_temp_path temporary;\n\
             scgi_temp_path temporary;\n\
             server {{\n\
                 listen 127.0.0.1:{port};\n\
                 root documents;\n\
                 dav_methods PUT DELETE;\n\
                 create_full_put_path on;\n\
                 location /private/ {{ auth_basic codap; auth_basic_user_file users; }}\n\
             }}\n\
         }}\n"
    )
}
