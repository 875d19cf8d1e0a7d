//! `guardhouse serve` over Unix sockets, and over sockets that a service manager opened.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Run, command, folder, in_folder, run};

const POLICY: &str = "version = 1\n[[rules]]\nwhen = { name = \"good\" }\nunchecked = \"allow\"\n";

/// A folder with a policy and a configuration that has one listener at each address.
fn server_folder(addresses: &[&str]) -> tempfile::TempDir {
    let folder = folder();
    fs::create_dir_all(folder.path().join("policies/acme")).unwrap();
    fs::write(folder.path().join("policies/acme/policy.toml"), POLICY).unwrap();
    let mut config = "version = 1\nstatus = \"off\"\n".to_owned();
    for address in addresses {
        config += &format!("[[listeners]]\naddress = \"{address}\"\ndoors = [\"native\"]\nanonymous = true\n");
    }
    config += "[drain]\nnotice = \"0s\"\n[decision-log]\ndestination = \"off\"\n";
    fs::write(folder.path().join("guardhouse.toml"), config).unwrap();
    folder
}

/// The command `serve`, to which a shell passes two descriptors as a service manager does: as 3 and 4, or only the first
/// of them.
fn passing(folder: &Path, count: usize, first: impl Into<OwnedFd>, second: Option<OwnedFd>) -> Command {
    let program = env!("CARGO_BIN_EXE_guardhouse");
    let moved = if second.is_some() { "4>&1" } else { "" };
    let script = format!("LISTEN_PID=$$ LISTEN_FDS={count} exec '{program}' serve 3<&0 {moved} </dev/null >/dev/null");
    let mut shell = command(&[]);
    let environment: Vec<_> =
        shell.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    shell = Command::new("sh");
    for (name, value) in environment {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["-c", &script]).current_dir(folder).stdin(first.into());
    shell.stdout(second.map_or_else(Stdio::null, Stdio::from)).stderr(Stdio::piped());
    shell
}

pub(crate) fn serve(folder: &Path) -> Command {
    let mut command = command(&["serve"]);
    command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A server that is killed if the test fails.
pub(crate) struct Server {
    child: Child,
    /// Its lines up to that of the last listener.
    lines: Vec<String>,
    /// Reads the others: a pipe that nobody reads would hold the server up.
    reader: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(command: &mut Command, listeners: usize) -> Self {
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut lines = Vec::new();
        while lines.iter().filter(|line: &&String| line.contains("listening on")).count() < listeners {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).unwrap() > 0, "the server ended: {lines:?}");
            lines.push(line);
        }
        let reader = std::thread::spawn(move || {
            let mut rest = String::new();
            errors.read_to_string(&mut rest).unwrap();
            rest
        });
        Self { child, lines, reader: Some(reader) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Ends it as a service manager does, which must succeed. Returns the lines that were not read before.
    pub(crate) fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.reader.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The decision about a request for a tool, over a new connection.
fn decision<S: Read + Write>(mut stream: S, tool: &str) -> String {
    let body = format!(r#"{{"component":{{"kind":"tool","name":"{tool}"}}}}"#);
    let head = "POST /v1/tenants/acme/check HTTP/1.0\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["decision"].as_str().unwrap().to_owned()
}

/// Asserts that decisions are made over a kind of connection, once the policy is active.
fn decides<S: Read + Write>(connect: impl Fn() -> S) {
    let end = Instant::now() + Duration::from_secs(60);
    while decision(connect(), "good") != "allow" {
        assert!(Instant::now() < end, "the policy is not active");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(decision(connect(), "other"), "deny");
}

/// The result of a server that must not start.
fn refused(mut command: Command) -> String {
    let Run { exit, stderr, .. } = run({
        command.stderr(Stdio::piped());
        command
    });
    assert_eq!(exit, 1, "{stderr}");
    stderr.lines().find(|line| line.starts_with("error: ")).unwrap().to_owned()
}

#[test]
fn decisions_are_made_over_a_unix_socket_whose_file_goes_with_the_server() {
    let folder = folder();
    let path = folder.path().join("doors.sock");
    let address = format!("unix:{}", path.display());
    let other = server_folder(&[&address]);
    let server = Server::start(&mut serve(other.path()), 1);
    assert!(server.lines.iter().any(|line| *line == format!("note: listening on {address} (native)\n")));
    decides(|| UnixStream::connect(&path).unwrap());

    // A second server neither takes the socket nor harms it.
    let error = refused(serve(other.path()));
    assert_eq!(error, format!("error: cannot listen on `{address}`: another process listens on it"));
    decides(|| UnixStream::connect(&path).unwrap());
    server.stop();
    assert!(!path.exists());
}

#[test]
fn no_client_of_http_2_writes_to_the_log() {
    let folder = folder();
    let path = folder.path().join("doors.sock");
    let of_server = server_folder(&[&format!("unix:{}", path.display())]);
    let file = of_server.path().join("guardhouse.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace(r#""native""#, r#""ext-authz""#)).unwrap();
    let ping = |flags: u8| [&[0, 0, 8, 6, flags, 0, 0, 0, 0][..], &[7; 8]].concat();
    for filter in ["", "warn"] {
        let server = Server::start(serve(of_server.path()).env("GUARDHOUSE_LOG", filter), 1);
        let mut client = UnixStream::connect(&path).unwrap();
        let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 0, 0, 4, 0, 0, 0, 0, 0][..]].concat();
        // Answers to pings that the server never sent, and then a ping.
        client.write_all(&[begin, ping(1).repeat(100), ping(0)].concat()).unwrap();
        let mut answer = Vec::new();
        while !answer.windows(17).any(|window| window == ping(1)) {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        drop(client);
        let log = server.stop();
        assert!(!log.contains("h2::"), "{log}");
    }
}

#[test]
fn a_socket_file_that_nobody_listens_on_is_replaced_and_any_other_file_is_an_error() {
    let folder = folder();
    let path = folder.path().join("doors.sock");
    let address = format!("unix:{}", path.display());
    let of_server = server_folder(&[&address]);
    // As left over by a server that was killed.
    let killed = Server::start(&mut serve(of_server.path()), 1);
    drop(killed);
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    let server = Server::start(&mut serve(of_server.path()), 1);
    decides(|| UnixStream::connect(&path).unwrap());
    server.stop();

    fs::write(&path, "valuable").unwrap();
    let error = refused(serve(of_server.path()));
    assert!(error.ends_with("it exists, and is not a socket"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"valuable");
    fs::remove_file(&path).unwrap();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    let error = refused(serve(of_server.path()));
    assert!(error.starts_with(&format!("error: cannot listen on `{address}`: ")), "{error}");
    assert!(path.exists());
    let nowhere = server_folder(&["unix:/nonexistent/doors.sock"]);
    let error = refused(serve(nowhere.path()));
    assert!(error.contains("`unix:/nonexistent/doors.sock`: No such file"), "{error}");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_an_error_of_the_configuration() {
    let folder = server_folder(&[&format!("unix:/{}", "a".repeat(107))]);
    let checked = in_folder(folder.path(), &["serve", "--check"]);
    assert_eq!(checked.exit, 2, "{checked:?}");
    assert!(checked.stdout.contains("listeners[0].address"), "{checked:?}");
    assert!(checked.stdout.contains("an absolute path of at most 107 bytes"), "{checked:?}");
}

#[test]
fn inherited_sockets_of_tcp_and_unix_take_requests() {
    let folder = folder();
    let path = folder.path().join("doors.sock");
    let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(&path).unwrap());
    let address = tcp.local_addr().unwrap();
    // A connection that comes before the server waits for it.
    let early = UnixStream::connect(&path).unwrap();
    let of_server = server_folder(&["systemd:1", "systemd:0"]);
    let mut command = passing(of_server.path(), 2, tcp, Some(unix.into()));
    let server = Server::start(&mut command, 2);
    // The command holds the sockets too, and would keep them open.
    drop(command);
    assert!(server.lines.iter().any(|line| *line == format!("note: listening on {address} (native)\n")));
    assert!(server.lines.iter().any(|line| line == "note: listening on systemd:1 (native)\n"));
    decision(early, "good");
    decides(|| TcpStream::connect(address).unwrap());
    decides(|| UnixStream::connect(&path).unwrap());
    server.stop();
    assert!(path.exists(), "the file belongs to the service manager");
}

#[test]
fn a_socket_of_the_service_manager_that_is_missing_or_no_listener_is_an_error_that_says_why() {
    let tcp = || TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = || {
        let listener = tcp();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    };
    let null = || fs::File::open("/dev/null").unwrap();
    let table: [(&[&str], usize, OwnedFd, &str); 7] = [
        (&["systemd:1"], 1, tcp().into(), "`systemd:1`: the service manager passed 1 sockets, numbered from 0"),
        (&["systemd:9"], 0, tcp().into(), "`systemd:9`: the service manager passed 0 sockets, numbered from 0"),
        (&["systemd:0", "systemd:1"], 2, tcp().into(), "`systemd:1`: the descriptor was not open at the start"),
        (&["systemd:0", "systemd:0"], 1, tcp().into(), "`systemd:0`: another listener has this socket"),
        (&["systemd:0"], 1, null().into(), "`systemd:0`: the descriptor is not a socket"),
        (&["systemd:0"], 1, connected().into(), "`systemd:0`: the socket does not listen"),
        (&["systemd:0"], 1, UnixDatagram::unbound().unwrap().into(), "`systemd:0`: the socket does not listen"),
    ];
    for (addresses, count, first, error) in table {
        let of_server = server_folder(addresses);
        let found = refused(passing(of_server.path(), count, first, None));
        assert_eq!(found, format!("error: cannot listen on {error}"));
    }

    // The variables of another process, which a wrapper left in the environment.
    let of_server = server_folder(&["systemd:0"]);
    let mut other = serve(of_server.path());
    other.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    let error = refused(other);
    assert_eq!(error, "error: cannot listen on `systemd:0`: `LISTEN_PID` names another process");
    for (pid, count) in [("x", "1"), ("", ""), ("1", "-1"), ("99999999999999999999", "1")] {
        let mut broken = serve(of_server.path());
        broken.env("LISTEN_PID", pid).env("LISTEN_FDS", count);
        assert!(refused(broken).starts_with("error: cannot listen on `systemd:0`: "), "{pid:?} {count:?}");
    }
}

#[test]
fn a_socket_that_no_listener_names_is_reported_at_the_start() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let of_server = server_folder(&["127.0.0.1:0"]);
    let server = Server::start(&mut passing(of_server.path(), 1, tcp, None), 1);
    let warned = |line: &String| line.contains("WARN") && line.contains("no listener has the address `systemd:0`");
    assert!(server.lines.iter().any(warned), "{:?}", server.lines);
    // The compilers that the server starts do not get it all the same.
    let about = fs::read_to_string(format!("/proc/{}/fdinfo/3", server.id())).unwrap();
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    assert_ne!(u32::from_str_radix(flags.trim(), 8).unwrap() & OFlags::CLOEXEC.bits(), 0, "{about}");
    server.stop();
}
