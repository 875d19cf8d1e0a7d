//! The table `log` of a policy: what a tenant lets the decision log say.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use guardhouse::{AccessToken, AuthContext};
use guardhouse_server::observe::Observers;
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::policy::Policy;
use guardhouse_server::policy::folder::{Bytes, Folder};
use guardhouse_server::snapshot::Snapshot;
use guardhouse_server::tenants::Tenants;
use serde_json::{Value, json};

use crate::harness::daemon::policy;
use crate::harness::decided::{block_on, exchange};
use crate::harness::{host, nobody};

const RULE: &str = "\n[[rules]]\nwhen = {}\nunchecked = \"allow\"\n";

fn errors(log: &str) -> Vec<String> {
    let text = format!("version = 1\n{log}{RULE}");
    let files = BTreeMap::from([(Folder::POLICY.to_owned(), Bytes::from(text))]);
    let problems = Policy::read(&Folder::new(files)).unwrap_err();
    problems.iter().map(|problem| problem.to_string().lines().next().unwrap().to_owned()).collect()
}

#[test]
fn each_tenant_says_what_is_logged_of_its_own_requests() {
    let rules =
        "[log]\ninclude = [\"claims\", \"arguments\"]\nmask = [\"/token/claims/email\"]\ndrop = [\"/arguments/pin\"]\n";
    let tenants = Tenants::new(host().clone());
    for (name, log) in [("acme", rules), ("beta", "")] {
        let name = name.parse().unwrap();
        let loaded = Snapshot::load(host(), &name, 1, policy(&format!("version = 1\n{log}{RULE}"), &[]));
        tenants.activate(&name, block_on(loaded).unwrap());
    }
    let claims = json!({ "email": "alice@example.com", "team": "blue" });
    let context: AuthContext = nobody()
        .with_token(AccessToken::new("c", [""; 0]).with_claims(claims))
        .with_arguments(json!({ "pin": 1234, "to": "bob" }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = DecisionLog::start(Destination::File(file.path().to_owned()), LogLimits::default()).unwrap();
    let observers = Observers::with_log(log.clone());
    block_on(async {
        for tenant in ["acme", "beta"] {
            let decided = tenants.decide(tenant, &context, None).await;
            observers.decided(&exchange(&context), &decided).await;
        }
    });
    log.shutdown(Duration::from_secs(60));
    let mut text = String::new();
    file.reopen().unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["context"]["token"], json!({ "claims": { "email": "[masked]", "team": "blue" } }));
    assert_eq!(lines[0]["context"]["arguments"], json!({ "to": "bob" }));
    assert_eq!(lines[1].get("context"), None);
    assert_eq!([&lines[0]["generation"], &lines[1]["decision"]], [&json!(1), &json!("allow")]);
}

#[test]
fn a_policy_whose_table_is_wrong_says_where() {
    for (log, error) in [
        ("log = 1\n", "policy.toml:2:7: log: it is an integer, and must be a table"),
        ("[log]\nparts = []\n", "policy.toml:3:1: log.parts: the key `parts` does not exist"),
        ("[log]\ninclude = [\"claim\"]\n", "policy.toml:3:12: log.include[0]: the part `claim` does not exist"),
        ("[log]\nmask = [\"token\"]\n", "policy.toml:3:9: log.mask[0]: expected a JSON pointer"),
        ("[log]\ndrop = \"/token\"\n", "policy.toml:3:8: log.drop: it is a string, and must be a list"),
    ] {
        let found = errors(log);
        assert!(found.len() == 1 && found[0].starts_with(error), "{found:?}");
    }
    let many = |list: &str, item: &str| format!("[log]\n{list} = [{}]\n", format!("{item},").repeat(17));
    assert!(errors(&many("mask", "\"/a\""))[0].contains("17 pointers, and may have 16"));
    assert!(errors(&many("include", "\"action\""))[0].contains("17 parts, and there are 9"));
}
