use guardhouse::*;
use std::time::Instant;
fn main() {
    let host = Host::new().unwrap();
    let t = Instant::now();
    let auth = Plugin::load(&host, builtin::bytes("require-auth").unwrap()).unwrap();
    let scopes = Plugin::load(&host, builtin::bytes("require-scopes").unwrap()).unwrap();
    println!("load {:?} {:?}", t.elapsed(), scopes.settings_schema());
    println!("{:?}", auth.shape());
    println!("{:?}", scopes.shape());
    let c1 = Check::new(&auth, CheckConfig::default()).unwrap();
    let c2 = Check::new(&scopes, serde_json::json!({"scopes":["read"]})).unwrap();
    println!("{:?}", Check::new(&scopes, serde_json::json!({"scopes":"read"})).unwrap_err().to_string());
    println!("{:?}", Check::new(&auth, serde_json::json!({"scopes":"read"})).unwrap_err().to_string());
    let ctx = AuthContext::new(Component::new("tool", "x")).with_token(AccessToken::new("c", ["write"]));
    let r = blocking::explain_auth_checks(&[c1.clone(), c2.clone()], &ctx);
    println!("{r:?}");
    println!("{:?}", blocking::run_auth_checks_with_shortfall(&[c1.clone(), c2.clone()], &ctx));
    let t = Instant::now();
    let n = 2000;
    for _ in 0..n {
        let _ = blocking::run_auth_checks(&[&c1], &ctx);
    }
    println!("auth {:?}", t.elapsed() / n);
    let t = Instant::now();
    for _ in 0..n {
        let _ = blocking::run_auth_checks(&[&c2], &ctx);
    }
    println!("scopes {:?}", t.elapsed() / n);
}
