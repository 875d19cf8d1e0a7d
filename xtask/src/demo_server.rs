//! The server of `cargo xtask demo`: a first policy, and four requests over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::root;

/// A request, and what the answer says.
struct Scene {
    title: &'static str,
    tool: &'static str,
    scopes: &'static [&'static str],
    amount: Option<u32>,
    decision: &'static str,
    has_message: bool,
}

const SCENES: &[Scene] = &[
    Scene { title: "an allow", tool: "search", scopes: &["read"], amount: None, decision: "allow", has_message: false },
    Scene {
        title: "a silent denial: the scope is missing",
        tool: "search",
        scopes: &[],
        amount: None,
        decision: "deny",
        has_message: false,
    },
    Scene {
        title: "a denial with a message for the caller",
        tool: "transfer",
        scopes: &["read"],
        amount: Some(5_000),
        decision: "deny",
        has_message: true,
    },
    Scene {
        title: "a masked denial: the check fails, and the caller sees a silent denial",
        tool: "broken",
        scopes: &["read"],
        amount: None,
        decision: "deny",
        has_message: false,
    },
];

/// Any free ports, so that the demo runs beside a server. The operator's log comes to standard output.
const CONFIG: &str = r#"version = 1
status = "off"

[[listeners]]
address = "127.0.0.1:0"
doors = ["native", "authzen"]

[[listeners]]
address = "127.0.0.1:0"
doors = ["health", "metrics"]

[drain]
notice = "0s"
"#;

/// The time in which the server must be ready: it compiles the plugins first.
const START_TIME: Duration = Duration::from_secs(300);

pub(crate) fn run(guardhouse: &Path) -> Result<()> {
    let folder = root()?.join("target/demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the last demo")?;
    }
    fs::create_dir_all(&folder).context("cannot make the folder of the demo")?;
    fs::write(folder.join("guardhouse.toml"), CONFIG).context("cannot write the configuration")?;
    println!("\n# a server with the first policy of a tenant");
    println!("$ guardhouse new-policy policies");
    let made = Command::new(guardhouse).args(["new-policy", "policies"]).current_dir(&folder).status();
    ensure!(made.context("cannot run the command line")?.success(), "no policy was written");
    println!("$ guardhouse serve");
    let mut server = Server::start(guardhouse, &folder)?;
    for scene in SCENES {
        server.play(scene)?;
    }
    println!("$ kill %1");
    server.stop()
}

/// A server that runs until it is stopped. It is killed if the demo fails.
struct Server {
    child: Child,
    errors: BufReader<ChildStderr>,
    log: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(guardhouse: &Path, folder: &Path) -> Result<Self> {
        let mut command = Command::new(guardhouse);
        let command = command.arg("serve").current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start the server")?;
        let (Some(errors), Some(log)) = (child.stderr.take(), child.stdout.take()) else {
            bail!("the server has no output")
        };
        let mut server =
            Self { child, errors: BufReader::new(errors), log: BufReader::new(log), address: String::new() };
        server.address = server.listener("native")?;
        let operator = server.listener("health")?;
        let end = Instant::now() + START_TIME;
        while status(&ask(&operator, "GET /readyz HTTP/1.0\r\n\r\n")?) != Some("200") {
            ensure!(Instant::now() < end, "the server is not ready after {START_TIME:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// The address of the next listener that the server names, which has the door.
    fn listener(&mut self, door: &str) -> Result<String> {
        let mut lines = String::new();
        loop {
            let start = lines.len();
            ensure!(self.errors.read_line(&mut lines)? > 0, "the server ended: {lines}");
            let line = lines.get(start..).unwrap_or_default();
            if let Some((address, doors)) = line.strip_prefix("note: listening on ").and_then(|l| l.split_once(' '))
                && doors.contains(door)
            {
                print!("{line}");
                return Ok(address.to_owned());
            }
        }
    }

    fn play(&mut self, scene: &Scene) -> Result<()> {
        let Scene { title, tool, scopes, amount, decision, has_message } = scene;
        let context = json!({
            "token": { "client_id": "alice-laptop", "scopes": scopes },
            "component": { "kind": "tool", "name": tool },
            "action": "tools/call",
            "arguments": amount.map_or_else(|| json!({}), |amount| json!({ "amount": amount })),
        });
        let path = "/v1/tenants/acme/check";
        println!("\n# {title}");
        println!("$ curl http://{}{path} --json '{context}'", self.address);
        let body = context.to_string();
        let head = format!("POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        let answer = ask(&self.address, &format!("{head}\r\n\r\n{body}"))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        println!("{body}");
        let found: Value = serde_json::from_str(body).context("the answer is not JSON")?;
        ensure!(found.get("decision") == Some(&json!(decision)), "expected the decision `{decision}`");
        ensure!(found.get("message").is_some() == *has_message, "expected a message only where there is one");
        let mut line = String::new();
        ensure!(self.log.read_line(&mut line)? > 0, "the decision log has ended");
        ensure!(
            found.get("id").and_then(Value::as_str).is_some_and(|id| line.contains(id)),
            "another decision: {line}"
        );
        if *tool == "broken" {
            print!("# the operator's decision log has the cause\n{line}");
        }
        Ok(())
    }

    fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().context("cannot run `kill`")?;
        ensure!(told.success(), "the server cannot be told to end");
        let status = self.child.wait().context("cannot wait for the server")?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the demo failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a request of HTTP/1.0, after which the server closes the connection.
fn ask(address: &str, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.write_all(request.as_bytes()).context("cannot send the request")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("cannot read the answer")?;
    Ok(answer)
}

/// The status of an answer.
fn status(answer: &str) -> Option<&str> {
    answer.split(' ').nth(1)
}
