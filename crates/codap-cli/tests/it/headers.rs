//! `-H`: to whom headers go, and to whom not.

use codap_fault::{On, Reply, Script, Server};

use crate::tool::{SECRET, codap, serve};

fn server() -> Server {
    serve(Script::new().rule(On::any(), Reply::ok("1")))
}

fn header(server: &Server, name: &str) -> Vec<Option<String>> {
    server.requests().iter().map(|it| it.header(name).map(str::to_owned)).collect()
}

const BEARER: &str = "Authorization: Bearer ${TOKEN}";

#[test]
fn variables_come_from_the_environment() {
    let server = server();
    let uri = format!("a={}", server.url("/a"));
    codap(["get", &uri, "-H", BEARER, "-H", "X-Price: $$5 $x"]).env("TOKEN", SECRET).prints();
    assert_eq!(header(&server, "authorization"), [Some(format!("Bearer {SECRET}"))]);
    assert_eq!(header(&server, "x-price"), [Some("$5 $x".to_owned())]);
    let ran = codap(["get", &uri, "-H", "A: ${NO_SUCH_VARIABLE}"]).run();
    ran.said(
        2,
        &["codap: -H: header A: the environment has no NO_SUCH_VARIABLE; set it, as in \
         NO_SUCH_VARIABLE=… codap …"],
    );
}

#[test]
fn a_redirect_to_another_origin_does_not_get_them() {
    let other = server();
    let to = other.url_at("localhost", "/b");
    let server = Script::new().rule(On::any(), Reply::redirect(302, to)).start_blocking().unwrap();
    codap(["get", &format!("a={}", server.url("/a")), "-H", BEARER]).env("TOKEN", SECRET).prints();
    assert_eq!(header(&other, "authorization"), [None]);
    assert_eq!(header(&server, "authorization"), [Some(format!("Bearer {SECRET}"))]);
}

#[test]
fn an_origin_out_of_a_value_does_not_get_them() {
    let (named, out_of_value) = (server(), server());
    let host = out_of_value.address().to_string();
    let ran = codap([
        "get",
        &format!("a={}", named.url("/a")),
        "host=host.json",
        "port=port.json",
        // Its origin is not known before host has a value.
        "b=http://{{ host }}:{{ port }}/x",
        "-H",
        BEARER,
    ])
    .file("host.json", format!("{:?}", host.split(':').next().unwrap()))
    .file("port.json", host.split(':').next_back().unwrap())
    .env("TOKEN", SECRET)
    .run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(header(&out_of_value, "authorization"), [None]);
    assert_eq!(header(&named, "authorization"), [Some(format!("Bearer {SECRET}"))]);
}

#[test]
fn origins_out_of_a_file_get_them_only_if_named() {
    let server = server();
    let line = server.url("/a");
    let ran = codap(["list", "-", "-H", BEARER]).env("TOKEN", SECRET).input(&*line).run();
    ran.told(2, &["-H: goes to nobody", "--header-to ORIGIN"]);
    let to = server.url("/");
    let ran =
        codap(["list", "-", "-H", BEARER, "--header-to", &to]).env("TOKEN", SECRET).input(&*line);
    ran.prints();
    assert_eq!(header(&server, "authorization"), [Some(format!("Bearer {SECRET}"))]);
    let ran = codap(["list", "-", "-H", BEARER, "--header-to", "s3://b/k"]).env("TOKEN", "1").run();
    ran.told(2, &["--header-to: s3://b", "no origin of http"]);
}

#[test]
fn what_is_no_header_is_told_without_it() {
    let uri = "a=http://127.0.0.1:1/";
    let run = |text: &str| codap(["get", uri, "-H", text]).run();
    run(SECRET).said(2, &["codap: -H: a header is written 'Name: value'"]);
    run("A: ${open").told(2, &["-H: header A: ${ has no }"]);
    run(&format!("A: {SECRET}\u{7f}\n")).told(2, &["-H: "]);
}

/// To the server named on the command line, and not to the same machine's other one.
#[test]
fn an_origin_is_host_and_port() {
    let (named, other) = (server(), server());
    let lines = format!("{}\n{}\n", other.url("/b"), named.url("/c"));
    let args = ["list", &named.url("/a"), "-", "-H", BEARER];
    let ran = codap(args).env("TOKEN", SECRET).input(&*lines).run();
    assert_eq!((ran.code, ran.lines().len()), (Some(0), 3), "{ran:?}");
    let sent = Some(format!("Bearer {SECRET}"));
    assert_eq!(header(&named, "authorization"), [sent.clone(), sent.clone()]);
    assert_eq!(header(&other, "authorization"), [None]);

    let to = other.url("/c");
    let from = serve(Script::new().rule(On::any(), Reply::redirect(307, to)));
    codap(["race", &from.url("/a"), "-H", BEARER]).env("TOKEN", SECRET).run().said(0, &[]);
    assert_eq!(header(&from, "authorization"), [sent]);
    assert_eq!(header(&other, "authorization"), [None, None]);
}

/// Those of a plan's entry are for its own origin, though that of another entry is named too.
#[test]
fn those_of_one_entry_do_not_go_along_a_redirect_to_another() {
    let other = server();
    let to = other.url("/b");
    let from = serve(Script::new().rule(On::any(), Reply::redirect(302, to)));
    let own = "headers = { X-Key = \"${TOKEN}\" }";
    let plan = format!(
        "[entries.a]\nuri = '{}'\n{own}\n[entries.b]\nuri = '{}'\n",
        from.url("/a"),
        other.url("/c")
    );
    let tool = codap(["get", "--plan", "p.toml", "-H", "X-All: 1"]).file("p.toml", plan);
    tool.env("TOKEN", SECRET).prints();
    assert_eq!(header(&from, "x-key"), [Some(SECRET.to_owned())]);
    assert_eq!(header(&other, "x-key"), [None, None]);

    let sent = header(&other, "x-all").into_iter().flatten().count();
    assert_eq!(sent, 1, "to the entry's own URI");
}
