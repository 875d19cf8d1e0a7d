//! `guardhouse context`

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueHint};
use guardhouse::{AccessToken, AuthContext, Component, Json};
use serde_json::Value;

use crate::cases::CaseFile;
use crate::input;
use crate::new_case::CaseOptions;
use crate::notes::note;
use crate::output::{self, Output};
use crate::request::{Additions, EnvoyOptions, TokenOptions, mcp_context, token_of};

/// Make a context of a request as people have it
///
/// Prints the request that checks see, as `guardhouse check --context` takes it, or a case for a file of cases. A token is
/// not verified: the result is for tests.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse context from-mcp call.json --token-file token.txt
  guardhouse context from-envoy question.json --header x-team | guardhouse check --plugin builtin:require-auth --context @-
  guardhouse context from-mcp call.json --case 'a large transfer' --append cases.json")]
pub(crate) struct ContextArgs {
    #[command(subcommand)]
    source: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Of a message of the Model Context Protocol: JSON-RPC with a method such as `tools/call`
    #[command(name = "from-mcp")]
    Mcp {
        #[command(flatten)]
        file: FileArgument,
        #[command(flatten)]
        token: TokenOptions,
        #[command(flatten)]
        additions: Additions,
        #[command(flatten)]
        case: CaseOptions,
    },
    /// Of an access token alone, a JWT
    #[command(name = "from-jwt")]
    Jwt {
        #[command(flatten)]
        file: FileArgument,
        #[command(flatten)]
        additions: Additions,
        /// The action on the component
        #[arg(long, value_name = "ACTION", default_value = "")]
        action: String,
        #[command(flatten)]
        case: CaseOptions,
    },
    /// Of a `CheckRequest` of Envoy's external authorization, in the JSON form of protobuf
    #[command(name = "from-envoy")]
    Envoy {
        #[command(flatten)]
        file: FileArgument,
        #[command(flatten)]
        envoy: EnvoyOptions,
        #[command(flatten)]
        token: TokenOptions,
        #[command(flatten)]
        additions: Additions,
        #[command(flatten)]
        case: CaseOptions,
    },
}

#[derive(Debug, Args)]
struct FileArgument {
    /// The file with the request; `-` is standard input
    #[arg(value_name = "FILE|-", default_value = "-", value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

pub(crate) fn run(args: &ContextArgs) -> Result<Output> {
    match &args.source {
        Source::Mcp { file, token, additions, case } => {
            case.check()?;
            let message = Json::from_slice(&file.read()?).with_context(|| format!("cannot read {}", file.name()))?;
            let context = mcp_context(&message, additions.has_component());
            let context = context.with_context(|| format!("cannot make a context of {}", file.name()))?;
            finish(context, token.secret()?.as_deref(), additions, case)
        }
        Source::Jwt { file, additions, action, case } => {
            case.check()?;
            let secret = String::from_utf8(file.read()?).with_context(|| format!("{} is not UTF-8", file.name()))?;
            let context = AuthContext::new(Component::tool("example")).with_action(action);
            let made = finish(context, Some(&secret), additions, case)?;
            if !additions.has_component() {
                note(
                    &"the component is an example; `--component '{\"kind\": \"tool\", \"name\": \"…\"}'` gives another",
                );
            }
            Ok(made)
        }
        Source::Envoy { file, envoy, token, additions, case } => {
            case.check()?;
            let question = file.read()?;
            let (context, authorization) = envoy.context_of(&question).with_context(|| file.name())?;
            let secret = token.secret()?.or(authorization);
            finish(context, secret.as_deref(), additions, case)
        }
    }
}

impl FileArgument {
    fn read(&self) -> Result<Vec<u8>> {
        let cap = AuthContext::MAX_BYTES;
        let read = if self.is_stdin() {
            input::read_capped(io::stdin().lock(), cap)
        } else {
            input::read_file(&self.file, cap)
        };
        read.with_context(|| format!("cannot read {}", self.name()))
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn name(&self) -> String {
        if self.is_stdin() { "standard input".to_owned() } else { format!("`{}`", self.file.display()) }
    }
}

/// Adds the token to a context, and writes it, or a case with it.
fn finish(mut context: AuthContext, secret: Option<&str>, additions: &Additions, case: &CaseOptions) -> Result<Output> {
    let token: Option<(AccessToken, String)> =
        secret.map(|secret| token_of(secret, additions.client_id.as_deref())).transpose()?;
    let (token, secret) = token.unzip();
    context.token = token;
    let context: Value = additions.complete(&context, secret.as_deref())?;
    let Some((name, file)) = case.target() else { return Ok(Output::success(output::pretty_json(&context)?)) };
    let text = crate::text::escaped_json(&case.text(name, &context));
    match file {
        None => Ok(Output::success(text + "\n")),
        Some(path) => {
            CaseFile::read(path)?.append(name, &text)?;
            Ok(Output::success(format!("added the case `{}` to `{}`\n", crate::text::escaped(name), path.display())))
        }
    }
}
