use crate::harness::*;
use guardhouse::Plugin;
#[test]
#[ignore]
fn depth() {
    let depth: usize = std::env::var("DEPTH").unwrap().parse().unwrap();
    let host = host_with(small());
    println!("{} bytes", crate::isolated::deep_type(depth).len());
    let r = Plugin::load(&host, &crate::isolated::deep_type(depth));
    println!("{depth}: {}", r.unwrap_err());
}
#[test]
#[ignore]
fn file() {
    let host = host_with(small());
    let bytes = wat::parse_bytes(&std::fs::read(std::env::var("FILE").unwrap()).unwrap()).unwrap().into_owned();
    println!("{} bytes", bytes.len());
    let start = std::time::Instant::now();
    let r = Plugin::load(&host, &bytes);
    let e = match r {
        Ok(_) => "loaded".to_owned(),
        Err(e) => e.to_string(),
    };
    println!("{:?}: {} bytes of {}", start.elapsed(), e.len(), e.chars().take(500).collect::<String>());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{:?}", status.lines().filter(|l| l.starts_with("VmHWM")).collect::<Vec<_>>());
}
